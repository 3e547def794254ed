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
                _row(len(cells), len(links) if plot.links else None),
                *(label, *cells),
                *(part for text, address in links for part in (address, text)),
            )
            for label, cells, links in plot.lines
        )
    )


def _row(cells: int, links: int | None) -> str:
    """The form of a row with so many cells, and so many links where there are any in the table."""
    linked = "" if links is None else '<td class="row-links">' + '<a href="{}">{}</a> ' * links + "</td>"
    return '<tr><th scope="row">{}</th>' + '<td class="number">{}</td>' * cells + linked + "</tr>\n        "


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
