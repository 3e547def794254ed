from django import template

from orgs.navigation import groups
from orgs.signing_in import sessions

register = template.Library()


@register.inclusion_tag("parts/navigation.html", takes_context=True)
def navigation(context: dict) -> dict:
    """The side column's entries for the person and the organisation of the request."""
    request = context["request"]
    return {"groups": groups(request.user, request.org), "section": context.get("section")}


@register.inclusion_tag("parts/side_accounts.html", takes_context=True)
def switcher(context: dict) -> dict:
    """The accounts which the session's password opened, if there are others than the person's own."""
    request = context["request"]
    accounts = sessions.accounts(request) if sessions.several(request) else []
    return {"accounts": accounts if len(accounts) > 1 else [], "request": request}
