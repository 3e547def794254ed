from django import template

from orgs.models import User

register = template.Library()
NAMED = 3


@register.inclusion_tag("parts/whom_to_ask.html", takes_context=True)
def whom_to_ask(context: dict) -> dict:
    """The first administrators of the request's organisation, for somebody who lacks a right there."""
    org = getattr(context.get("request"), "org", None)
    if org is None:
        return {"people": []}
    found = User.everyone.filter(org=org, is_active=True, permissions__IsAdmin="admin").order_by(
        "email", "id"
    )
    return {"people": list(found[:NAMED])}
