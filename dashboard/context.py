"""What every page's template is given."""

from django.conf import settings

from dashboard.demonstration.push import progress


def page(request) -> dict:
    """`org`: the organisation of the page, None outside one. `demonstration`: whether the data is made up, and then
    `demonstration_progress`: how much of its traffic has been pushed, None where that is unknown."""
    return {
        "org": getattr(request, "org", None),
        "demonstration": settings.DEMONSTRATION,
        "demonstration_progress": progress() if settings.DEMONSTRATION else None,
    }
