import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.analytics.dimensions import Dimension
from dashboard.analytics.reports.charts import figures, geometry
from dashboard.analytics.reports.charts.geometry import Tick
from dashboard.analytics.reports.periods import asking
from dashboard.analytics.reports.periods.period import RANGES

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 25, 14, 35, 20, tzinfo=UTC)
TICKS = {"unit": figures.short, "x": ()}


def test_bars_stand_on_each_other_and_the_running_bucket_is_a_path_of_its_own():
    chart = geometry.stacked([("2xx", "2xx"), ("5xx", "5xx")], [(1, 2), (3, 0)], 1, **TICKS)
    ok, failed = chart.series
    assert (chart.width, chart.height) == (20, 400)
    assert (ok.line, ok.incomplete) == ("M1 400v-100h8v100z", "M11 400v-300h8v300z")
    assert (failed.line, failed.incomplete) == ("M1 300v-200h8v200z", "")


def test_the_scale_has_five_labels_down_to_zero():
    chart = geometry.stacked([("2xx", "2xx")], [(8_712,)], 1, **TICKS)
    assert chart.y == (
        Tick("200", "0"),
        Tick("150", "2,500"),
        Tick("100", "5,000"),
        Tick("50", "7,500"),
        Tick("0", "10k"),
    )


@given(st.lists(st.integers(0, 10**9), min_size=4, max_size=4))
def test_no_part_of_a_bar_vanishes_and_none_is_drawn_from_nothing(row):
    top = geometry.scale_top(max(sum(row), 1), whole=True)
    drawn = geometry.heights(row, top)
    assert [height > 0 for height in drawn] == [value > 0 for value in row]
    assert sum(drawn) <= max(geometry.HEIGHT, 4 * geometry.LEAST)


def test_one_error_among_ten_thousand_requests_is_two_pixels_high():
    assert geometry.heights((10_000, 0, 0, 1), 10_001) == [396, 0, 0, 4]


@given(st.floats(0.001, 1e12), st.booleans())
def test_the_scale_holds_the_largest_value_without_wasting_half_the_plot(largest, whole):
    top = geometry.scale_top(largest, whole=whole)
    assert largest <= top * 1.000001
    assert top <= max(4, 2 * largest)
    assert not (whole and top / 4 % 1)


def test_a_gap_in_a_line_is_left_open_and_a_lone_point_stays_visible():
    chart = geometry.lines([("p50", "p50")], [(1, None, 3, 4)], 4, **TICKS)
    assert chart.series[0].line == "M0 300h10M25 100l10 -100"
    assert chart.series[0].area == "M25 400V100l10 -100V400z"


def test_a_logarithmic_scale_shows_fast_and_slow_together():
    scale = geometry.logarithmic_scale([37, 30_000])
    assert scale.ticks == (100, 1_000, 10_000)
    assert [scale.height(value) for value in (20, 37, 30_000, 50_000)] == [0, 31, 374, 400]
    assert geometry.logarithmic_scale([42, 47]).ticks == (20, 50)
    assert geometry.logarithmic_scale([]).ticks == (1, 2)


@given(st.lists(st.floats(0, 1_048_575), max_size=20))
def test_every_latency_lies_inside_the_logarithmic_scale(values):
    scale = geometry.logarithmic_scale(values)
    assert all(0 <= scale.height(value) <= geometry.HEIGHT for value in values)
    assert len(scale.ticks) >= 2


def test_the_step_into_the_running_bucket_is_drawn_apart():
    chart = geometry.lines([("p50", "p50")], [(4, 4, 2)], 2, **TICKS)
    assert (chart.series[0].line, chart.series[0].incomplete) == ("M5 0l10 0", "M15 0l10 200")


def test_a_chart_of_nothing_has_empty_paths():
    chart = geometry.lines([("p50", "p50")], [(None, None)], 1, **TICKS)
    assert (chart.series[0].line, chart.series[0].area, chart.series[0].incomplete) == ("", "", "")


@given(st.lists(st.lists(st.integers(0, 10**7), min_size=4, max_size=4), min_size=1, max_size=100))
def test_paths_are_made_of_integers_only(rows):
    names = [("2xx", "2xx"), ("3xx", "3xx"), ("4xx", "4xx"), ("5xx", "5xx")]
    chart = geometry.stacked(names, rows, len(rows), **TICKS)
    assert all(re.fullmatch(r"[Mvhz0-9 -]*", series.line) for series in chart.series)
    assert [series.line.count("M") for series in chart.series] == [
        sum(1 for row in rows if row[column]) for column in range(4)
    ]


def test_a_sparkline_keeps_its_gaps():
    assert geometry.sparkline([1, 2, None, 4]) == ("0 -2 30 44", "M0 30l10 -10M25 0h10")


def test_a_sparkline_of_nothing_has_no_path_and_one_of_zeros_lies_on_its_base():
    assert geometry.sparkline([]) == ("0 -2 10 44", "")
    assert geometry.sparkline([None]) == ("0 -2 10 44", "")
    assert geometry.sparkline([5]) == ("0 -2 10 44", "M-5 0h10")
    assert geometry.sparkline([0, 0], height=20) == ("0 -2 10 24", "M0 20l10 0")


@pytest.mark.parametrize(
    ("value", "top", "width"),
    [
        (0, 10, "0%"),
        (10, 10, "100.0%"),
        (1, 10**6, "0.5%"),
        (0, 0, "0%"),
        (1, 0, "0%"),
        (2**62, 2**63, "50.0%"),
    ],
)
def test_a_bar_behind_a_row_can_be_seen_unless_the_row_is_zero(value, top, width):
    assert geometry.bar_width(value, top) == width


def test_time_labels_stand_at_round_hours_and_at_days():
    day = asking.parse({"range": "24h"}, BERLIN, NOW)
    assert geometry.time_ticks(day, day.counts) == (
        Tick("18.56%", "20:00"),
        Tick("35.05%", "25 Nov"),
        Tick("51.55%", "04:00"),
        Tick("68.04%", "08:00"),
        Tick("84.54%", "12:00"),
    )


@given(st.integers(0, 10**6), st.sampled_from(sorted(RANGES)))
def test_every_time_axis_has_between_two_and_seven_labels(minutes, name):
    now = NOW - timedelta(minutes=minutes)
    period = asking.parse({"range": name}, BERLIN, now)
    for cut in (period.counts, period.latency):
        assert 2 <= len(geometry.time_ticks(period, cut)) <= geometry.MOST_LABELS


def test_an_axis_of_many_days_is_labelled_too():
    year = asking.parse({"from": "2026-01-01", "to": "2026-11-25"}, BERLIN, NOW)
    labels = [tick.label for tick in geometry.time_ticks(year, year.counts)]
    assert labels == ["16 Feb", "6 Apr", "25 May", "13 Jul", "31 Aug", "19 Oct"]


def test_an_instant_is_placed_inside_its_bucket():
    hour = asking.parse({"range": "1h"}, BERLIN, NOW)
    assert geometry.position(hour.counts, hour.start + timedelta(minutes=30, seconds=30)) == "50.83%"
    assert geometry.position(hour.counts, hour.end) is None
    assert geometry.position(hour.counts, hour.start - timedelta(seconds=1)) is None


@pytest.mark.parametrize(
    ("largest", "whole", "top"),
    [
        (0, True, 4),
        (0, False, 1),
        (-1, False, 1),
        (4, True, 4),
        (5, True, 8),
        (8, True, 8),
        (9, True, 12),
        (0.5, False, 0.6),
        (100, False, 100),
        (100.1, False, 120),
        (10**15, True, 10**15),
    ],
)
def test_the_top_of_a_scale_is_four_times_a_round_number(largest, whole, top):
    assert geometry.scale_top(largest, whole=whole) == pytest.approx(top)


def test_a_chart_without_buckets_is_one_bucket_wide_and_empty():
    bars = geometry.stacked([("2xx", "2xx")], [], 0, **TICKS)
    lines = geometry.lines([], [], 0, **TICKS)
    assert (bars.width, bars.series, bars.stacked) == (10, (geometry.Series("2xx", "2xx", ""),), True)
    assert (lines.width, lines.series, lines.stacked) == (10, (), False)


def test_a_bar_of_parts_that_are_all_small_is_as_high_as_they_need():
    assert geometry.heights((1, 1, 1, 1), 10**9) == [4, 4, 4, 4]
    assert geometry.heights((0, 0, 0, 0), 4) == [0, 0, 0, 0]
    assert geometry.heights((0, 0, 0, 1), 10**9) == [0, 0, 0, 4]


@pytest.mark.parametrize(
    ("draw", "values", "error"),
    [
        (geometry.stacked, [(1, 2)], IndexError),
        (geometry.lines, [(1, 2), (3, 4)], ValueError),
        (geometry.lines, [], ValueError),
    ],
)
def test_values_of_no_name_and_names_without_values_are_not_drawn(draw, values, error):
    with pytest.raises(error):
        draw([("2xx", "2xx")], values, 1, **TICKS)


def test_before_any_bucket_is_over_all_is_drawn_as_running():
    chart = geometry.lines([("p50", "p50")], [(4, 2)], 0, **TICKS)
    assert (chart.series[0].line, chart.series[0].incomplete) == ("", "M5 0l10 200")


def test_a_logarithmic_scale_begins_at_one_whatever_lies_below():
    assert geometry.logarithmic_scale([0, 0.2]).ticks == (1, 2)
    assert geometry.logarithmic_scale([1]).ticks == (1, 2)
    assert geometry.logarithmic_scale([2]).ticks == (2, 5)
    assert geometry.logarithmic_scale([1, 1_048_575]).ticks == (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)


def test_an_axis_of_one_bucket_has_no_label_between_its_ends():
    day = asking.parse({"from": "2026-10-01", "to": "2026-10-01"}, BERLIN, NOW, counted=Dimension.KEY)
    assert (len(day.counts), geometry.time_ticks(day, day.counts)) == (1, ())


def labels(zone: str, start: str, end: str, now: datetime) -> list[str]:
    period = asking.parse({"from": start, "to": end}, ZoneInfo(zone), now)
    return [tick.label for tick in geometry.time_ticks(period, period.counts)]


def test_a_day_is_labelled_once_whether_its_midnight_comes_twice_or_not_at_all():
    twice = labels(
        "America/Havana", "2026-11-01T03:00Z", "2026-11-01T06:00Z", datetime(2026, 11, 1, 20, tzinfo=UTC)
    )
    assert twice == ["23:30", "1 Nov", "00:30 -04:00", "00:00 -05:00", "00:30 -05:00"]
    skipped = labels("America/Havana", "2026-03-05", "2026-03-10", datetime(2026, 3, 10, 12, tzinfo=UTC))
    assert skipped == ["6 Mar", "7 Mar", "8 Mar", "9 Mar", "10 Mar"]


def test_an_hour_that_comes_twice_is_labelled_with_its_offset():
    now = datetime(2026, 10, 25, 12, tzinfo=UTC)
    found = labels("Europe/Berlin", "2026-10-24T23:00Z", "2026-10-25T03:00Z", now)
    assert found == ["02:00 +02:00", "02:00 +01:00", "03:00"]


def test_years_are_said_on_an_axis_that_has_two():
    found = labels("Europe/Berlin", "2025-12-30", "2026-01-02", datetime(2026, 2, 1, tzinfo=UTC))
    assert found == ["31 Dec 2025", "1 Jan 2026", "2 Jan 2026"]


def test_the_middle_of_a_long_bucket_is_in_the_middle_of_its_place():
    now = datetime(2026, 10, 26, 12, tzinfo=UTC)
    cut = asking.parse({"range": "30d"}, BERLIN, now).counts
    of_25_hours = cut.edges[28]
    assert cut.edges[29] - of_25_hours == timedelta(hours=25)
    assert geometry.position(cut, of_25_hours + timedelta(hours=12, minutes=30)) == "95.00%"
    assert geometry.position(cut, cut.edges[0]) == "0.00%"
