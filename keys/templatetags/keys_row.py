"""A row of the list of keys. A tag and not a template: a page has up to 200 rows, and a template would take longer to
write them than everything else about the page takes together."""

from collections.abc import Mapping
from typing import Any

from django import template
from django.template.defaultfilters import floatformat
from django.utils.safestring import SafeString

from keys.templatetags.keys_state import badge
from orgs.http.markup import markup
from orgs.templatetags.orgs_moment import moment
from orgs.templatetags.orgs_usage import usage_cell

register = template.Library()
NOTHING = SafeString("")
NO_QUOTA = SafeString('<span class="muted">no quota</span>')
NOT_DELIVERED = SafeString(' <span class="badge badge-warn">not yet delivered</span>')


@register.simple_tag
def key_row(row: Mapping[str, Any], may_write: bool, usage: object | None) -> SafeString:
    """One of keys.finding.rows. may_write: whether it can be chosen for an action; usage: None if
    use is not told."""
    return markup(
        '<tr><th scope="row">{}</th>'
        '<td data-label="State">{}</td>'
        '<td data-label="Opens" class="lesser">{}</td>'
        '<td data-label="Expires" class="lesser date">{}</td>'
        '<td data-label="Created" class="lesser date">{}</td>'
        '<td data-label="Quota used">{}</td>{}</tr>\n',
        _name(row, may_write),
        _state(row),
        _opens(row),
        moment(row["expires_at"], "never"),
        moment(row["created_at"]),
        _quota(row),
        usage_cell(row["use"]) if usage else NOTHING,
    )


def _name(row: Mapping[str, Any], may_write: bool) -> SafeString:
    return markup(
        '{}<a class="cut" href="{}" title="{}">{}</a>'
        '<span class="row-sub" title="{}"><code>{}…</code>{}{}</span>',
        _tick(row) if may_write else NOTHING,
        row["address"],
        row["name"],
        row["name"],
        row["owner"],
        row["hint"],
        f" · {row['credential']}" if row["credential"] else NOTHING,
        _owner(row) if row["owner"] else NOTHING,
    )


def _tick(row: Mapping[str, Any]) -> SafeString:
    return markup(
        '<label class="tick"><input type="checkbox" name="key" value="{}" form="bulk">'
        '<span class="visually-hidden">Choose {}</span></label>',
        row["id"],
        row["name"],
    )


def _owner(row: Mapping[str, Any]) -> SafeString:
    return markup(' · <a href="?owner={}">{}</a>', row["owner_quoted"], row["owner"])


def _state(row: Mapping[str, Any]) -> SafeString:
    why = NOTHING
    if row["state"] == "refused":
        why = markup(
            '<span class="row-sub wrap">its policy <span class="short" title="{}">{}</span> denies</span>',
            row["denying"],
            row["denying"],
        )
    delivered = NOTHING if row["delivered"] else NOT_DELIVERED
    shown = markup('<span class="badge {}">{}</span>', badge(row["state"]), row["state"])
    return shown + why + delivered


def _opens(row: Mapping[str, Any]) -> SafeString:
    policies = "".join(
        markup('<a class="cut" href="?policy={}" title="{}">{}</a>', policy.id, policy.name, policy.name)
        for policy in row["policies"]
    )
    in_all = row["policies_in_all"]
    more = markup('<span class="muted small">{} policies in all</span>', in_all) if in_all else NOTHING
    return markup("{}{}{}", SafeString(policies), row["own"], more)


def _quota(row: Mapping[str, Any]) -> SafeString:
    quota = row["quota"]
    if quota:
        several = f"The fullest of its {quota.several} quotas" if quota.several > 1 else ""
        return markup(
            '<span title="{}">{} %</span><span class="row-sub wrap">{} of {}</span>',
            several or "Of the period that is running",
            quota.per_cent,
            floatformat(quota.used, "0g"),
            floatformat(quota.most, "0g"),
        )
    if row["away"]:
        return markup(
            '<span title="{}">\N{EN DASH}</span><span class="row-sub wrap">Redis away</span>', row["away"]
        )
    return NO_QUOTA
