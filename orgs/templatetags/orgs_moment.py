from datetime import UTC, datetime

from django import template
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import localtime

from orgs.http.markup import markup

register = template.Library()


@register.simple_tag
def moment(instant: datetime | None, none: str = "") -> SafeString:
    """An instant in the zone of the page, to the minute; `none` where there is none. A tag and not a part of a
    template, because a list has two of them in each of its rows."""
    if not instant:
        return markup('<span class="muted">{}</span>', none)
    local = localtime(instant)
    exact, shown = instant.astimezone(UTC).isoformat(), f"{local.day} {local.strftime('%b %Y, %H:%M')}"
    return mark_safe(f'<time class="nowrap" datetime="{exact}">{shown}</time>')  # noqa: S308  nothing of it is given
