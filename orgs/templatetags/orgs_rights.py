from django import template

from orgs import declarations
from orgs.models import User

register = template.Library()


@register.filter
def rights(person: User) -> str:
    """What a person may do, in one line."""
    if person.is_superuser:
        return "everything"
    words = declarations.rights()
    named = [
        f"{words.get(name, name)}: {level}"
        for name, level in sorted(person.permissions.items())
        if level != "admin"
    ]
    if person.is_administrator:
        named.insert(0, "Administrator")
    return ", ".join(named) or "none"
