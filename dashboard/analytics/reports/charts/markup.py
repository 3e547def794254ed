"""What a page of figures has hundreds of: a template would take longer to write it than all else of the page takes.

Templates have it by the tags of analytics_rows."""

from collections.abc import Iterable, Mapping

from django.utils.safestring import SafeString

from dashboard.analytics.reports.charts.plots import Plot
from orgs.http.markup import markup


def chart_rows(plot: Plot) -> SafeString:
    """The rows of the table beside a chart, one a bucket, with their links if the plot has any."""
    return SafeString(
        "".join(
            markup(
                '<tr><th scope="row">{}</th>{}{}</tr>\n        ',
                label,
                _each('<td class="number">{}</td>', ((cell,) for cell in cells)),
                markup('<td class="row-links">{}</td>', _each('<a href="{1}">{0}</a> ', links))
                if plot.links
                else "",
            )
            for label, cells, links in plot.lines
        )
    )


def options(choices: Iterable[tuple[str, str]]) -> SafeString:
    """The options of a <select> or a <datalist>. choices: (value, name) of each."""
    return _each('<option value="{}">{}</option>', choices)


def hidden(kept: Mapping[str, str | tuple[str, ...]], *without: str) -> SafeString:
    """The state of a page as hidden fields of a form, but for parameters that the form has fields of its own for."""
    return _each(
        '<input type="hidden" name="{}" value="{}">',
        (
            (name, value)
            for name, values in kept.items()
            if name not in without
            for value in ((values,) if isinstance(values, str) else values)
        ),
    )


def _each(form: str, rows: Iterable[tuple[str, ...]]) -> SafeString:
    return SafeString("".join(markup(form, *row) for row in rows))
