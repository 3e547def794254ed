from django import template
from django.urls import NoReverseMatch, reverse

register = template.Library()

# (heading, entries); an entry is (section, label, icon, URL name, permission to read, "" when none is needed)
OF_AN_ORGANISATION = (
    (
        "",
        (
            ("home", "Home", "home", "org-home", ""),
            ("apis", "APIs", "squares-2x2", "api-list", "apis"),
            ("keys", "Keys", "key", "key-list", "keys"),
        ),
    ),
    (
        "Observe",
        (
            ("analytics", "Analytics", "chart-bar", "analytics", "analytics"),
            ("logs", "Logs", "bars-3-bottom-left", "logs", "log"),
            ("nodes", "Nodes", "server-stack", "node-list", "system"),
        ),
    ),
    (
        "Organisation",
        (
            ("people", "People", "users", "people", "users"),
            ("audit", "Audit", "clock", "audit", "audit_logs"),
        ),
    ),
)
OF_SUPER_USERS = (
    (
        "All organisations",
        (
            ("orgs", "Organisations", "building-office-2", "org-list", ""),
            ("fleet", "Fleet", "globe-alt", "fleet", ""),
            ("super-users", "Super-users", "shield-check", "super-user-list", ""),
        ),
    ),
)


@register.inclusion_tag("parts/navigation.html", takes_context=True)
def navigation(context: dict) -> dict:
    """The entries of the side column that the caller may open, in groups; empty groups are left out."""
    request = context["request"]
    user, org = request.user, getattr(request, "org", None)
    groups = []
    if org:
        groups += entries(OF_AN_ORGANISATION, user, [org.slug])
    if user.is_superuser:
        groups += entries(OF_SUPER_USERS, user, [])
    return {"groups": groups, "section": context.get("section")}


def entries(table, user, arguments: list) -> list[dict]:
    groups = []
    for title, rows in table:
        shown = [
            {"name": name, "label": label, "icon": icon, "url": url}
            for name, label, icon, url_name, permission in rows
            if (not permission or user.may(permission, "read")) and (url := address(url_name, arguments))
        ]
        if shown:
            groups.append({"title": title, "entries": shown})
    return groups


def address(url_name: str, arguments: list) -> str:
    try:
        return reverse(url_name, args=arguments)
    except NoReverseMatch:
        return ""
