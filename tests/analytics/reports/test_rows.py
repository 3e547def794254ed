"""Which rows are read, by their bounds; that their sums are right is tried with traffic (test_overview.py)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dashboard.analytics.dimensions import RECORDS, Dimension, Grain
from dashboard.analytics.reports import rows
from dashboard.analytics.reports.periods.period import Span
from dashboard.analytics.reports.traffic import NO_FILTERS, Filters, Owners

OWNERS = Owners(("alpha",), ZoneInfo("Europe/Berlin"), 100)
LORD_HOWE = Owners(("alpha",), ZoneInfo("Australia/Lord_Howe"))  # its clocks change by half an hour
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def at(hour: int, minute: int = 0) -> datetime:
    return NOON.replace(hour=hour, minute=minute)


def read(what: str, span: Span, filters: Filters = NO_FILTERS, owners: Owners = OWNERS) -> list:
    """The table and the values of each part of what is read; as many values as the statement has places for them."""
    statement, values = rows.rows(what, owners, span, filters)
    assert statement.count("%s") == len(values)
    parts, left = [], list(values)
    for part in statement.split(" UNION ALL "):
        wanted = part.count("%s")
        parts.append(("rollup" if "FROM rollup" in part else "record", left[:wanted]))
        left = left[wanted:]
    return parts


@pytest.mark.parametrize(
    ("what", "filters", "counted"),
    [
        ("total", {}, Dimension.TOTAL),
        ("total", {"apis": ("a",)}, Dimension.API),
        ("total", {"keys": ("k",)}, Dimension.KEY),
        ("total", {"endpoints": ("e",)}, Dimension.ENDPOINT),
        ("total", {"apis": ("a",), "keys": ("k",)}, Dimension.KEY_API),
        ("total", {"keys": ("k",), "endpoints": ("e",)}, None),
        ("api", {}, Dimension.API),
        ("api", {"keys": ("k",)}, Dimension.KEY_API),
        ("key", {}, Dimension.KEY),
        ("key", {"keys": ("k",)}, Dimension.KEY),
        ("key", {"apis": ("a",)}, Dimension.KEY_API),
        ("key", {"endpoints": ("e",)}, None),
        ("endpoint", {}, Dimension.ENDPOINT),
        ("endpoint", {"apis": ("a",), "endpoints": ("e",)}, Dimension.ENDPOINT),
        ("endpoint", {"keys": ("k",)}, None),
        ("error", {}, Dimension.ERROR),
        ("error", {"endpoints": ("e",)}, None),
        ("error", {"keys": ("k",)}, None),
        ("client", {}, Dimension.CLIENT),
        ("total", {"clients": ("o",)}, Dimension.CLIENT),
        ("key", {"apis": ("a",), "clients": ("o",)}, None),
        ("version", {}, Dimension.VERSION),
        ("total", {"versions": ("v2",)}, Dimension.VERSION),
        ("total", {"versions": ("Non Versioned",)}, None),
        ("country", {}, Dimension.COUNTRY),
        ("country", {"apis": ("a",)}, Dimension.COUNTRY_API),
        ("api", {"countries": ("DE",)}, Dimension.COUNTRY_API),
        ("tag", {}, Dimension.TAG),
        ("total", {"tags": ("a",), "apis": ("one", "two")}, Dimension.TAG_API),
        ("total", {"tags": ("a", "b")}, None),
        ("tag", {"countries": ("DE",)}, None),
        ("total", {"statuses": ("404",)}, Dimension.STATUS),
        ("api", {"apis": ("a",), "statuses": ("4xx", "200")}, Dimension.STATUS),
        ("total", {"keys": ("k",), "statuses": ("404",)}, None),
        ("endpoint", {"statuses": ("404",)}, None),
    ],
)
def test_rows_are_of_the_dimension_that_tells_apart_what_is_wanted(what, filters, counted):
    assert rows.dimension_of(what, Filters(**filters)) == counted


def test_a_cut_has_the_dimensions_and_the_histograms_of_the_set_that_it_was_made_with():
    for what in ("client", "version", "country", "tag"):
        assert rows.dimension_of(what, NO_FILTERS, dimension_set=1) is None
        assert read(what, Span(at(10), at(11), RECORDS), owners=replace(OWNERS, dimension_set=1)) == [
            ("record", ["alpha", at(10), at(11)])
        ]
    for each in (Dimension.KEY, Dimension.KEY_API):
        assert (each.has_histogram(1), each.has_histogram(2)) == (False, True)
    assert rows.dimension_of("key", NO_FILTERS, dimension_set=1) == Dimension.KEY
    assert (Dimension.STATUS.has_histogram(2), Dimension.API.has_histogram(1)) == (False, True)


def test_a_line_that_nobody_counts_is_refused():
    with pytest.raises(KeyError, match="colour"):
        rows.dimension_of("colour", NO_FILTERS)


def test_days_are_read_from_one_rollup_by_the_base_of_the_cut_and_those_that_are_not_closed_with_their_hours():
    span = Span(at(0) - timedelta(days=7, hours=1), at(23), Grain.DAY_DETAIL)
    closed = replace(OWNERS, days_until=span.end)
    assert read("key", span, owners=closed) == [("rollup", ["alpha", "k", 106, span.start, span.end])]
    assert read("total", span, Filters(apis=("a",)), closed) == [
        ("rollup", ["alpha", "d", 101, span.start, span.end, "a"])
    ]
    assert read("key", span) == [("rollup", []), ("rollup", ["alpha", 106, span.start, span.end])]
    until = span.end - timedelta(seconds=1)
    assert read("total", span, owners=replace(OWNERS, days_until=until)) == [
        ("rollup", ["alpha", "d", 100, span.start, span.end]),
        ("rollup", ["Europe/Berlin", "alpha", "h", until, "alpha", 100, 100, span.start, span.end]),
    ]


@pytest.mark.parametrize(
    ("what", "filters", "of_index"),
    [
        ("key", {"endpoints": ("e",)}, []),
        ("endpoint", {"keys": ("k",)}, ["k"]),
        ("client", {"keys": ("k",)}, ["k"]),
        ("client", {"endpoints": ("e",), "clients": ("o",)}, ["o"]),
        ("error", {"countries": ("c",)}, []),
        ("total", {"versions": ("Non Versioned",)}, []),
        ("agent", {}, []),
        # Of APIs their own, whatever else is asked for.
        ("address", {"apis": ("a",)}, ["a"]),
        ("endpoint", {"apis": ("a",), "keys": ("k",)}, ["a"]),
        ("error", {"apis": ("a",), "clients": ("o",)}, ["a"]),
    ],
)
def test_what_no_rollup_tells_apart_is_looked_for_in_the_newest_records(what, filters, of_index):
    for grain in (Grain.DAY_DETAIL, Grain.HOUR_DETAIL, Grain.MINUTE, RECORDS):
        span = Span(at(10), at(11), grain)
        assert read(what, span, Filters(**filters)) == [
            ("record", ["alpha", span.start, span.end, *of_index, *(value for [value] in filters.values())])
        ]
        assert "LIMIT 10000) AS record WHERE" in rows.rows(what, OWNERS, span, Filters(**filters))[0]


@pytest.mark.parametrize(
    ("what", "filters", "hits", "most"),
    [
        ("key", {"keys": ("k",)}, 30_000, 0),  # by the day it is counted
        ("agent", {}, 10_000, 0),
        ("agent", {}, 10_001, 10_000),
        ("endpoint", {"keys": ("k",)}, 10_000, 0),
        ("endpoint", {"keys": ("k",)}, 10_001, 10_000),
        # Of others, which are looked at as well, nobody knows the number.
        ("key", {"endpoints": ("e",)}, 1, 10_000),
        ("endpoint", {"keys": ("k",), "apis": ("a",)}, 1, 10_000),
        ("agent", {"apis": ("a", "b")}, 10_000, 0),
        ("agent", {"apis": ("a", "b")}, 10_001, 10_000),
    ],
)
def test_figures_may_leave_out_what_came_before_the_newest_records(what, filters, hits, most):
    span = Span(at(0), at(23), Grain.DAY_DETAIL)
    assert rows.sampled(what, OWNERS, span, Filters(**filters), hits) == most


@pytest.mark.parametrize(
    ("start", "end", "parts"),
    [
        # Whole hours alone; with a part before, behind, and at both ends.
        (at(10), at(12), [("h", at(10), at(12))]),
        (at(9, 59), at(12), [("m", at(9, 59), at(10)), ("h", at(10), at(12))]),
        (at(10), at(12, 1), [("m", at(12), at(12, 1)), ("h", at(10), at(12))]),
        (at(9, 30), at(12, 30), [("m", at(9, 30), at(10)), ("m", at(12), at(12, 30)), ("h", at(10), at(12))]),
        # No whole hour: inside one hour, and over the turn of one.
        (at(10, 10), at(10, 20), [("m", at(10, 10), at(10, 20))]),
        (at(10, 50), at(11, 10), [("m", at(10, 50), at(11)), ("m", at(11), at(11, 10))]),
    ],
)
def test_parts_of_hours_are_read_by_the_minute_where_minutes_are_kept(start, end, parts):
    found = read("total", Span(start, end, Grain.HOUR_DETAIL))
    assert found == [("rollup", ["alpha", grain, 100, first, last]) for grain, first, last in parts]


def test_parts_of_hours_of_a_key_are_read_from_records_and_the_running_hour_from_its_row_if_it_ends_there():
    found = read("key", Span(at(9, 30), at(12, 30), Grain.HOUR_DETAIL), Filters(keys=("k",)))
    beyond = ["alpha", at(12, 30), at(13)]
    assert found == [
        ("record", ["alpha", at(9, 30), at(10), "k"]),
        ("rollup", ["alpha", "x", 106, at(12), at(13), "k", *beyond]),
        ("record", ["alpha", at(12), at(12, 30), "k", *beyond]),
        ("rollup", ["alpha", "x", 106, at(10), at(12), "k"]),
    ]
    of_api = read("key", Span(at(9, 30), at(12, 30), Grain.HOUR_DETAIL), Filters(apis=("a",)))
    assert [values[-4:] for _, values in of_api[1:3]] == [[*beyond, "a"]] * 2


@pytest.mark.parametrize(
    ("start", "end", "parts"),
    [
        (at(10), at(12), [("rollup", at(10), at(12))]),
        (at(9, 59), at(11), [("record", at(9, 59), at(10)), ("rollup", at(10), at(11))]),
        (at(10, 10), at(10, 20), [("record", at(10, 10), at(10, 20))]),
    ],
)
def test_a_span_of_a_key_that_ends_with_an_hour_or_inside_its_first_needs_no_running_hour(start, end, parts):
    found = read("key", Span(start, end, Grain.HOUR_DETAIL))
    assert [(table, *values[-2:]) for table, values in found] == parts


def test_newest_errors_alone_are_looked_at_where_nothing_else_is_wanted():
    span = Span(at(10), at(11), Grain.DAY_DETAIL)

    def condition(what: str, **filters) -> str:
        statement, _ = rows.rows(what, OWNERS, span, Filters(**filters))
        return statement.split("FROM record WHERE org_id = %s AND ts >= %s AND ts < %s")[1].split(" ORDER")[0]

    assert condition("key", statuses=("404", "5xx")) == " AND status >= 400"
    assert condition("key", statuses=("404", "200")) == ""
    assert condition("country", apis=("a",), statuses=("4xx",)) == " AND api_id = %s AND status >= 400"
    assert condition("country", keys=("k",), statuses=("4xx",)) == " AND key = %s AND key <> ''"


def test_hours_are_read_by_the_time_that_their_rows_carry_where_a_clock_change_is_half_an_hour():
    # At 15:00 UTC the clock goes back from 02:00 to 01:30: the row of that half hour carries 14:30.
    start, end = (datetime(2026, 4, 4, hour, minute, tzinfo=UTC) for hour, minute in ((15, 0), (15, 30)))
    found = read("total", Span(start, end, Grain.HOUR_DETAIL), owners=LORD_HOWE)
    assert found == [("rollup", ["alpha", "h", 0, start - timedelta(minutes=30), end])]


def test_of_the_parts_of_a_span_only_the_columns_are_made_that_are_read():
    span = Span(at(10, 10), at(12, 30), Grain.HOUR_DETAIL)
    statement, values = rows.rows("key", OWNERS, span, NO_FILTERS, ["hits", "status_5xx"])
    assert statement.count("%s") == len(values)
    of_rollups = "SELECT org_id, ts, ''::text AS api_id, value AS value, hits, status_5xx"
    of_records = (
        "SELECT org_id, ts, ''::text AS api_id, key AS value, 1 AS hits, (status >= 500)::int AS status_5xx"
    )
    parts = [part.split(" FROM ")[0].removeprefix("(") for part in statement.split(" UNION ALL ")]
    assert parts == [of_records, of_rollups, of_records, of_rollups]
