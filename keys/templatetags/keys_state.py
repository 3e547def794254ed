from django import template

register = template.Library()
BADGES = {"active": "badge-ok", "revoked": "badge-bad", "refused": "badge-bad"}


@register.filter
def badge(state: str) -> str:
    """The class of the badge of a key's state."""
    return BADGES.get(state, "badge-warn")
