"""What every page's template is given."""

from django.conf import settings


def page(request) -> dict:
    """`demonstration`: whether the data is made up. `org`: the organisation of the page, None outside one."""
    return {"demonstration": settings.DEMONSTRATION, "org": getattr(request, "org", None)}
