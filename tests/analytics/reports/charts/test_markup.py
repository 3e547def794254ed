"""Rows and options that no template writes: what stands in them stays text."""

from datetime import UTC, datetime

from dashboard.analytics.reports.charts import geometry
from dashboard.analytics.reports.charts.markup import chart_rows, options
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


def test_the_chosen_option_is_selected_and_no_other():
    choices = [("a", "First"), (HOSTILE, HOSTILE)]
    plain = f'<option value="a">First</option><option value="{TEXT}">{TEXT}</option>'
    assert options(choices, "") == options(choices, "b") == plain
    assert options(choices, HOSTILE) == plain.replace(f'"{TEXT}">', f'"{TEXT}" selected>')
