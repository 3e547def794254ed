"""The pages of the site as the side column lists them, and which of them a person may open."""

from dataclasses import dataclass

from django.urls import reverse

from orgs.models import Organisation, User


@dataclass(frozen=True)
class Entry:
    """name: the section a page says it belongs to. permission: what reading it needs, "" for nothing."""

    name: str
    label: str
    icon: str
    url_name: str
    permission: str = ""


OF_AN_ORGANISATION = (
    (
        "",
        (
            Entry("home", "Home", "home", "org-home"),
            Entry("apis", "APIs", "squares-2x2", "api-list", "apis"),
            Entry("keys", "Keys", "key", "key-list", "keys"),
        ),
    ),
    (
        "Observe",
        (
            Entry("analytics", "Analytics", "chart-bar", "analytics", "analytics"),
            Entry("logs", "Logs", "bars-3-bottom-left", "logs", "log"),
            Entry("nodes", "Nodes", "server-stack", "node-list", "system"),
        ),
    ),
    (
        "Organisation",
        (
            Entry("people", "People", "users", "people", "users"),
            Entry("audit", "Audit", "clock", "audit", "audit_logs"),
        ),
    ),
)
OF_SUPER_USERS = (
    (
        "All organisations",
        (
            Entry("orgs", "Organisations", "building-office-2", "org-list"),
            Entry("fleet", "Fleet", "globe-alt", "fleet"),
            Entry("super-users", "Super-users", "shield-check", "super-user-list"),
            Entry("platform-audit", "Platform audit", "clipboard-document-list", "platform-audit"),
            Entry("admin", "Django admin", "wrench-screwdriver", "admin:index"),
        ),
    ),
)


def groups(user: User, org: Organisation | None) -> list[tuple[str, list[tuple[Entry, str]]]]:
    """The groups of entries with their addresses that `user` may open, inside `org` or outside any."""
    shown = _open_to(user, OF_AN_ORGANISATION, [org.slug]) if org else []
    return shown + (_open_to(user, OF_SUPER_USERS, []) if user.is_superuser else [])


def _open_to(user: User, table, arguments: list[str]) -> list[tuple[str, list[tuple[Entry, str]]]]:
    shown = []
    for title, entries in table:
        allowed = [
            (entry, reverse(entry.url_name, args=arguments))
            for entry in entries
            if user.may(entry.permission, "read")
        ]
        if allowed:
            shown.append((title, allowed))
    return shown
