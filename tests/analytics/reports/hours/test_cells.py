"""Heat maps of given hours."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dashboard.analytics import histogram
from dashboard.analytics.clock import HOUR, day_start, hours
from dashboard.analytics.dimensions import Grain
from dashboard.analytics.reports.charts.figures import NONE
from dashboard.analytics.reports.hours import cells
from dashboard.analytics.reports.hours.cells import LEVELS, MEASURES
from dashboard.analytics.reports.periods.period import Cut
from dashboard.analytics.reports.traffic import Buckets, Figures

BERLIN = ZoneInfo("Europe/Berlin")
REQUESTS = MEASURES["requests"]


def buckets(first: date, days: int, figures, *, zone=BERLIN, complete: int | None = None) -> Buckets:
    """Days of hours, each with the figures of its number."""
    edges = hours(day_start(first, zone), day_start(first + timedelta(days=days), zone), zone)
    found = tuple(figures(number) for number in range(len(edges) - 1))
    return Buckets(Cut(edges, HOUR, Grain.HOUR), found, len(found) if complete is None else complete)


def test_days_are_lines_and_their_hours_add_up():
    found = buckets(date(2026, 11, 23), 3, lambda number: Figures(hits=number))
    lines = cells.by_day(found, BERLIN, REQUESTS)
    assert [line.label for line in lines] == ["Mon 23 Nov", "Tue 24 Nov", "Wed 25 Nov"]
    assert [[cell.value for cell in line.cells] for line in lines] == [
        [float(24 * day + hour) for hour in range(24)] for day in range(3)
    ]
    assert lines[0].cells[0].level == 0
    levels = [cell.level for line in lines for cell in line.cells]
    assert levels == sorted(levels)
    assert set(levels) == set(range(LEVELS + 1))
    # Hours without any are no part of the quantiles.
    quiet = cells.by_day(
        buckets(date(2026, 11, 23), 1, lambda number: Figures(hits=max(0, number - 18))), BERLIN, REQUESTS
    )
    assert [cell.level for cell in quiet[0].cells] == [*[0] * 19, *range(1, LEVELS + 1)]


@pytest.mark.parametrize(
    ("day", "count", "hour", "several", "values"),
    [
        # At two the clock goes to three: nothing is there. At three it goes to two: both hours are one cell.
        (date(2026, 3, 29), 23, 2, 0, [1.0, None, 1.0]),
        (date(2026, 10, 25), 25, 2, 2, [1.0, 1.0, 1.0]),
    ],
)
def test_days_of_23_and_25_hours_lose_and_double_nothing(day, count, hour, several, values):
    found = buckets(day, 1, lambda _: Figures(hits=1, status_5xx=1))
    [line] = cells.by_day(found, BERLIN, REQUESTS)
    assert [cell.value for cell in line.cells[hour - 1 : hour + 2]] == values
    assert line.cells[hour].hours == several
    assert sum((cell.value or 0) * cell.hours for cell in line.cells) == count
    assert cells.odd_days(found.cut.edges, BERLIN) == [(day, count)]
    assert cells.odd_days(buckets(day + timedelta(days=1), 30, lambda _: Figures()).cut.edges, BERLIN) == []


def test_weekdays_are_means_of_hours_that_are_over_and_shares_of_all_their_requests():
    def figures(number: int) -> Figures:
        week = number // 168
        return Figures(hits=10 if week else 30, status_5xx=5 if week else 0)

    # Two weeks, and two hours of a third, one of which is running.
    found = buckets(date(2026, 11, 2), 14, figures)
    more = buckets(date(2026, 11, 16), 1, lambda _: Figures(hits=1_000))
    joined = Buckets(
        Cut((*found.cut.edges, *more.cut.edges[1:]), HOUR, Grain.HOUR),
        (*found.figures, *more.figures[:2]),
        337,
    )
    lines = cells.by_weekday(joined, BERLIN, REQUESTS)
    monday, tuesday = lines[0], lines[1]
    assert [line.label for line in lines] == list(cells.WEEKDAYS)
    assert [(cell.value, cell.hours) for cell in monday.cells[:2]] == [(1_040 / 3, 3), (20.0, 2)]
    assert monday.cells[1].start == datetime(
        2026, 11, 9, 0, tzinfo=UTC
    )  # one o'clock of the newest that is over
    errors = cells.by_weekday(joined, BERLIN, MEASURES["errors"])
    assert errors[1].cells[0].value == 12.5
    assert tuesday.cells[0].value == 20.0
    assert cells.extremes(lines)[0][:2] == ("Monday", 0)


def test_percentiles_come_from_merged_histograms_and_nothing_is_no_zero():
    slow = Figures(hits=1, timed=1, latency_histogram=histogram.encode({histogram.bucket(60): 1}))
    fast = Figures(hits=19, timed=19, latency_histogram=histogram.encode({histogram.bucket(2): 19}))
    found = buckets(date(2026, 11, 23), 14, lambda number: {0: slow, 168: fast}.get(number, Figures()))
    lines = cells.by_weekday(found, BERLIN, MEASURES["p95"])
    assert (lines[0].cells[0].value, lines[0].cells[1].value) == (2.0, None)
    assert cells.steps(lines) == [(1, 2.0, 2.0)]


def test_the_running_hour_is_shown_and_stands_out_in_no_sentence():
    found = buckets(date(2026, 11, 23), 1, lambda number: Figures(hits=24 - number), complete=3)
    found = Buckets(found.cut, found.figures[:4], 3)
    [line] = cells.by_day(found, BERLIN, REQUESTS)
    assert [(cell.value, cell.running) for cell in line.cells[2:5]] == [
        (22.0, False),
        (21.0, True),
        (None, False),
    ]
    highest, lowest = cells.extremes([line])
    assert (highest[1], lowest[1]) == (0, 2)
    assert cells.extremes([]) is None


def test_a_cell_leaves_out_the_unit_that_the_heading_says():
    p95, errors = MEASURES["p95"], MEASURES["errors"]
    assert [p95.brief(value) for value in (316, 1_330, 7.5, None)] == ["316", "1.33s", "7.5", NONE]
    assert [errors.brief(value) for value in (12.5, 0.001, 0)] == ["12.5", "<0.01", "0"]
