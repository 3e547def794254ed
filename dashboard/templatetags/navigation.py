from django import template

from dashboard.navigation import groups

register = template.Library()


@register.inclusion_tag("parts/navigation.html", takes_context=True)
def navigation(context: dict) -> dict:
    """The side column's entries for the person and the organisation of the request."""
    request = context["request"]
    return {"groups": groups(request.user, request.org), "section": context.get("section")}
