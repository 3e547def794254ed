"""Rows and options that no template writes: what stands in them stays text."""

from datetime import UTC, datetime

from dashboard.analytics.reports.charts import geometry
from dashboard.analytics.reports.charts.markup import chart_rows, hidden, options
from dashboard.analytics.reports.charts.plots import Plot

HOSTILE = "<b a='1' b=\"2\">&"
TEXT = "&lt;b a=&#x27;1&#x27; b=&quot;2&quot;&gt;&amp;"


def plot(**changes) -> Plot:
    chart = geometry.Chart(width=10, height=10, series=(), y=(), x=())
    empty = dict.fromkeys(("name", "title", "unit", "description"), "")
    edges = (datetime(2026, 11, 25, tzinfo=UTC), datetime(2026, 11, 26, tzinfo=UTC))
    return Plot(
        chart=chart,
        legend=(),
        header=(),
        rows=((HOSTILE, ("1", HOSTILE)),),
        edges=edges,
        gap=None,
        **empty,
        **changes,
    )


def test_a_row_beside_a_chart_has_its_label_its_cells_and_its_links():
    row = f'<tr><th scope="row">{TEXT}</th><td class="number">1</td><td class="number">{TEXT}</td>'
    assert chart_rows(plot()).split() == f"{row}</tr>".split()
    links = ((("Logs", f"/?a=1&b={HOSTILE}"), (HOSTILE, "/")),)
    cell = f'<td class="row-links"><a href="/?a=1&amp;b={TEXT}">Logs</a> <a href="/">{TEXT}</a> </td>'
    assert chart_rows(plot(links=links)).split() == f"{row}{cell}</tr>".split()


def test_options_and_the_state_of_a_page_are_written_with_nothing_that_could_be_markup():
    choices = [("a", "First"), (HOSTILE, HOSTILE)]
    assert options(choices) == f'<option value="a">First</option><option value="{TEXT}">{TEXT}</option>'
    field = '<input type="hidden" name="{}" value="{}">'
    kept = {"range": "7d", "api": ("a", HOSTILE), "tag": ("b",)}
    fields = [field.format(*each) for each in (("range", "7d"), ("api", "a"), ("api", TEXT), ("tag", "b"))]
    assert hidden(kept) == "".join(fields)
    assert hidden(kept, "api", "range") == fields[-1]
