from django import template

from orgs.signing_in import sessions

register = template.Library()


@register.inclusion_tag("parts/side_accounts.html", takes_context=True)
def switcher(context: dict) -> dict:
    """The accounts which the session's password opened, if there are others than the person's own."""
    request = context["request"]
    accounts = sessions.accounts(request) if sessions.several(request) else []
    return {"accounts": accounts if len(accounts) > 1 else [], "request": request}
