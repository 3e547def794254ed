"""How much a thing of a list is used. A tag and not a template, because it stands in each row."""

from django import template
from django.utils.safestring import SafeString

from orgs.http.markup import markup
from orgs.providers.usage import Use

register = template.Library()
NONE = SafeString('<span class="muted">none</span>')


@register.simple_tag
def usage_cell(use: Use | None) -> SafeString:
    """The cell of the column `orgs.providers.usage.Usage.column`. use: None for what was never called."""
    if use is None:
        shown = NONE
    elif use.hits:
        shown = markup(
            '<span class="usage-figures"><span title="{}">{}</span>{}</span>'
            '<span class="row-sub wrap">{}</span><span class="row-sub wrap">last {}</span>',
            use.exact,
            use.requests,
            spark(use.spark, use.failing),
            markup('<span class="status-5xx">{} 5xx</span>', use.failed)
            if use.failing
            else f"{use.failed} 5xx",
            use.last,
        )
    else:
        shown = markup('{}<span class="row-sub wrap">last {}</span>', NONE, use.last)
    return markup('<td data-label="Requests, 24 h" class="usage">{}</td>', shown)


@register.simple_tag
def spark(shape: tuple[str, str] | None, bad: bool = False) -> SafeString:
    """A small curve without an axis. shape: (viewBox, path); None for none. bad: in the colour of failures."""
    if not shape:
        return SafeString("")
    return markup(
        '<svg class="spark{}" viewBox="{}" preserveAspectRatio="none" aria-hidden="true"><path d="{}"/></svg>',
        " spark-bad" if bad else "",
        *shape,
    )
