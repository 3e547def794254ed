"""The side column: the pages that the apps declare (orgs.declarations), in the order in which people look for them."""

from django.urls import reverse

from orgs.declarations import Entry, entries
from orgs.models import Organisation, User

# (heading, names of entries)
OF_AN_ORGANISATION = (
    ("", ("home", "apis", "keys", "policies", "oauth", "certificates")),
    ("Observe", ("analytics", "errors", "uptime", "logs", "alerts", "nodes")),
    ("Organisation", ("people", "audit", "retention")),
)
OF_SUPER_USERS = (
    ("All organisations", ("orgs", "everywhere", "fleet", "super-users", "platform-audit", "admin")),
)

Groups = list[tuple[str, list[tuple[Entry, str]]]]


def groups(user: User, org: Organisation | None) -> Groups:
    """The groups of entries with their addresses that `user` may open, inside `org` or outside any."""
    shown = _open_to(user, OF_AN_ORGANISATION, [org.slug]) if org else []
    return shown + (_open_to(user, OF_SUPER_USERS, []) if user.is_superuser else [])


def _open_to(user: User, layout, arguments: list[str]) -> Groups:
    declared, shown = entries(), []
    for heading, names in layout:
        allowed = [
            (declared[name], reverse(declared[name].url_name, args=arguments))
            for name in names
            if user.may(declared[name].permission)
            or (declared[name].instead and user.may(declared[name].instead))
        ]
        if allowed:
            shown.append((heading, allowed))
    return shown
