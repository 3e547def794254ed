from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.analytics import clock
from dashboard.analytics.clock import DAY, HOUR, MINUTE
from dashboard.analytics.dimensions import RECORDS, Dimension, Grain, oldest
from dashboard.analytics.reports.periods import comparing, cutting
from dashboard.analytics.reports.periods.asking import parse
from dashboard.analytics.reports.periods.period import RANGES, Before, Cut, Span
from dashboard.analytics.reports.periods.written import PeriodError

BERLIN = ZoneInfo("Europe/Berlin")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # its clocks change by half an hour
HAVANA = ZoneInfo("America/Havana")  # its midnight comes twice or not at all
NOW = datetime(2026, 11, 25, 14, 35, 20, tzinfo=UTC)

zones = st.sampled_from(sorted(available_timezones() - {"localtime", "Factory"})).map(ZoneInfo)
instants = st.datetimes(datetime(2020, 1, 1), datetime(2031, 1, 1), timezones=st.just(UTC))
ranges = st.sampled_from(sorted(RANGES))
dimensions = st.sampled_from([*Dimension, None])


def at(*parts: int, zone: ZoneInfo = BERLIN, fold: int = 0) -> datetime:
    return datetime(*parts, tzinfo=zone, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("name", "counts", "latency", "tables"),
    [
        ("1h", (60, MINUTE, "m"), (60, "m"), ""),
        ("24h", (97, 15 * MINUTE, "m"), (97, "m"), "x"),
        ("7d", (84, 2 * HOUR, "h"), (84, "h"), "k"),
        ("30d", (30, DAY, "d"), (30, "d"), "k"),
    ],
)
def test_each_range_is_cut_into_buckets_that_its_grain_can_fill(name, counts, latency, tables):
    period = parse({"range": name}, BERLIN, NOW)
    assert (len(period.counts), period.counts.step, period.counts.grain) == counts
    assert (len(period.latency), period.latency.grain) == latency
    assert period.tables.grain == tables


def test_no_chart_of_a_long_period_has_other_buckets_than_the_next():
    steps = []
    for number in (2, 7, 8, 10, 20, 29, 31, 90):
        start = NOW - timedelta(days=number)
        period = parse({"from": f"{start:%Y-%m-%d}", "to": f"{NOW:%Y-%m-%d}"}, BERLIN, NOW)
        assert period.latency is period.counts
        steps.append(period.counts.step)
    assert steps == [HOUR, 2 * HOUR, *[DAY] * 6]


@pytest.mark.parametrize(
    ("name", "buckets", "grain"), [("1h", 60, ""), ("24h", 25, "x"), ("7d", 7, "k"), ("30d", 30, "k")]
)
def test_rows_of_one_key_are_read_by_hour_and_day_and_without_histograms_its_latency_from_records(
    name, buckets, grain
):
    period = parse({"range": name}, BERLIN, NOW, counted=Dimension.KEY)
    assert (len(period.counts), period.counts.grain) == (buckets, grain)
    assert period.latency is period.counts
    period = parse({"range": name}, BERLIN, NOW, counted=Dimension.KEY, histograms=False)
    assert period.latency == replace(period.counts, grain="")


def test_without_parameters_the_last_24_hours_are_shown():
    period = parse({}, BERLIN, NOW)
    assert (period.name, period.start, period.end) == (
        "24h",
        at(2026, 11, 24, 15, 36),
        at(2026, 11, 25, 15, 36),
    )


def test_seven_days_are_today_and_the_six_before_in_the_zone_of_the_organisation():
    kolkata = ZoneInfo("Asia/Kolkata")
    period = parse({"range": "7d"}, kolkata, NOW)
    assert period.start == datetime(2026, 11, 18, 18, 30, tzinfo=UTC)
    assert period.end == datetime(2026, 11, 25, 18, 30, tzinfo=UTC)
    assert period.seen_end == NOW


@pytest.mark.parametrize(
    ("start", "end", "tier", "first", "last"),
    [
        # Up to an hour: whole minutes.
        ("2026-11-25T10:00:30", "2026-11-25T10:20:30", "minutes", (25, 10, 0), (25, 10, 21)),
        # Up to two days: whole minutes too.
        ("2026-11-24T10:20:59", "2026-11-25T10:20:01", "hours", (24, 10, 20), (25, 10, 21)),
        # A little more than an hour ago but older than minutes are kept: whole days.
        ("2026-11-20T10:20", "2026-11-20T10:50", "days", (20, 0, 0), (21, 0, 0)),
        # More than two days: whole days.
        ("2026-11-20T10:20", "2026-11-23T10:20", "days", (20, 0, 0), (24, 0, 0)),
        # A date alone as the end includes that day.
        ("2026-11-20", "2026-11-22", "days", (20, 0, 0), (23, 0, 0)),
        # An offset wins over the zone.
        ("2026-11-25T08:00Z", "2026-11-25T08:30Z", "minutes", (25, 9, 0), (25, 9, 30)),
    ],
)
def test_a_custom_range_is_widened_to_whole_minutes_or_days(start, end, tier, first, last):
    period = parse({"range": "custom", "from": start, "to": end}, BERLIN, NOW)
    assert (period.tier, period.start, period.end) == (tier, at(2026, 11, *first), at(2026, 11, *last))


def test_a_custom_range_never_reaches_beyond_now():
    period = parse({"from": "2026-11-25T15:00", "to": "2027-01-01"}, BERLIN, NOW)
    assert period.end == datetime(2026, 11, 25, 14, 36, tzinfo=UTC)


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"range": "90d"}, "range"),
        ({"range": "24h\0"}, "range"),
        ({"range": "custom"}, "from"),
        ({"from": "2026-11-20"}, "to"),
        ({"to": "2026-11-20"}, "from"),
        ({"from": "yesterday", "to": "2026-11-20"}, "from"),
        ({"from": "2026-11-20", "to": "2026-13-01"}, "to"),
        ({"from": "2026-11-20", "to": "2026-11-20T"}, "to"),
        ({"from": "2026-11-20", "to": "2026-11-19"}, "to"),
        ({"from": "2026-11-20T10:00", "to": "2026-11-20T10:00"}, "to"),
        ({"from": "2026-11-26", "to": "2026-11-27"}, "from"),
        ({"from": "2025-01-01", "to": "2026-11-20"}, "from"),
        ({"from": "0001-01-01", "to": "2026-11-20"}, "from"),
        ({"from": "2026-11-20", "to": "9999-12-31"}, "to"),
        ({"from": "2026-11-20T10:00\0", "to": "2026-11-20"}, "from"),
        ({"compare": "month"}, "compare"),
        ({"compare": "0001-01-01"}, "compare"),
        ({"compare": "9999-12-29"}, "compare"),
        ({"compare": "2026-11-24T16:00"}, "compare"),  # is not over
        ({"compare_to": "2026-11-20"}, "compare_to"),
        ({"compare": "week", "compare_to": "2026-11-20"}, "compare_to"),
        ({"compare": "2026-11-20", "compare_to": "2026-11-19"}, "compare_to"),
        ({"compare": "2026-11-20", "compare_to": "2026-11-25"}, "compare_to"),  # is not over
        ({"compare": "2026-11-20", "compare_to": "soon"}, "compare_to"),
        ({"compare": "2024-11-20", "compare_to": "2026-11-19"}, "compare"),
    ],
)
def test_a_range_that_cannot_be_shown_names_its_field(params, field):
    with pytest.raises(PeriodError) as caught:
        parse(params, BERLIN, NOW)
    assert caught.value.field == field


def test_the_period_before_is_read_as_far_as_this_one_has_run():
    before = comparing.before(parse({"range": "24h"}, BERLIN, NOW))
    assert before.counts == Span(at(2026, 11, 23, 15, 36), at(2026, 11, 24, 15, 35), "m")
    assert before.tables == Span(at(2026, 11, 23, 15, 36), at(2026, 11, 24, 15, 36), "x")


def test_the_month_before_compares_counts_by_the_hour_and_percentiles_by_whole_days():
    before = comparing.before(parse({"range": "30d"}, BERLIN, NOW))
    first, last = at(2026, 9, 27), at(2026, 10, 27)
    assert before.counts == Span(first, at(2026, 10, 26, 15), "h")
    assert before.latency == Span(first, last, "d")
    assert before.tables == Span(first, last, "k")


def test_what_is_no_longer_kept_is_not_compared_with():
    year = comparing.before(parse({"from": "2026-01-01", "to": "2026-11-25"}, BERLIN, NOW))
    assert year == Before(None, None, None)
    hours = comparing.before(parse({"from": "2026-11-23T12:00", "to": "2026-11-25T10:00"}, BERLIN, NOW))
    assert hours.tables is None
    assert hours.counts == Span(at(2026, 11, 21, 14), at(2026, 11, 23, 12), "h")


def test_the_same_weekdays_are_the_same_times_on_the_clock_whole_weeks_before():
    # Clocks went back on 25 October: the day before is an hour shorter in UTC than that of the week after.
    day = {"from": "2026-10-31", "to": "2026-10-31"}
    period = parse(day | {"compare": "week"}, BERLIN, NOW)
    assert (period.compared.start, period.compared.end) == (at(2026, 10, 24), at(2026, 10, 25))
    assert comparing.before(period).chart.edges == tuple(
        at(2026, 10, 24) + number * HOUR for number in range(25)
    )
    change = parse({"from": "2026-11-01", "to": "2026-11-01", "compare": "week"}, BERLIN, NOW)
    assert change.compared.end - change.compared.start == 25 * HOUR
    # Two o'clock came twice then: the first stands for both.
    assert comparing.before(change).chart.edges[2:4] == (at(2026, 10, 25, 2), at(2026, 10, 25, 3))


@pytest.mark.parametrize(
    ("asked", "start", "edges"),
    [
        # Minutes are no longer kept: hours, from the one that it begins in to the one that it ends in.
        (
            {"range": "24h", "compare": "week"},
            at(2026, 11, 17, 15, 36),
            [at(2026, 11, 17, 15), at(2026, 11, 18, 16)],
        ),
        (
            {"range": "1h", "compare": "before"},
            at(2026, 11, 25, 13, 36),
            [at(2026, 11, 25, 13, 36), at(2026, 11, 25, 14, 36)],
        ),
        ({"range": "7d", "compare": "2026-11-01T05:00"}, at(2026, 11, 1), [at(2026, 11, 1), at(2026, 11, 8)]),
        (
            {"range": "24h", "compare": "2026-11-01T05:00"},
            at(2026, 11, 1, 5),
            [at(2026, 11, 1, 5), at(2026, 11, 2, 5)],
        ),
    ],
)
def test_any_time_of_the_same_length_can_be_compared_with(asked, start, edges):
    period = parse(asked, BERLIN, NOW)
    cut = comparing.before(period).chart
    assert (period.compared.start, period.compared.drawn) == (start, True)
    assert [cut.edges[0], cut.edges[-1]] == edges


def test_a_time_of_another_length_is_read_whole_and_compared_by_its_mean():
    week = {"from": "2026-11-16", "to": "2026-11-22"}
    period = parse(week | {"compare": "2026-11-02", "compare_to": "2026-11-03"}, BERLIN, NOW)
    days = Span(at(2026, 11, 2), at(2026, 11, 4), "k")
    cut = Cut((days.start, days.end), 2 * DAY, "k")
    assert (period.compared.whole, period.compared_share) == (days, 3.5)
    assert comparing.before(period) == Before(days, days, None, cut, cut)
    # A day that runs is compared for as long as it has run, with hours by the minute.
    today = {"from": "2026-11-25T00:00", "to": "2026-11-26T00:00"}
    period = parse(today | {"compare": "2026-11-24T10:00", "compare_to": "2026-11-24T12:00"}, BERLIN, NOW)
    assert period.compared.whole == Span(at(2026, 11, 24, 10), at(2026, 11, 24, 12), "x")
    assert round(period.compared_share, 2) == 7.79
    # What records alone tell is not compared with what they are not kept of.
    period = parse(
        week | {"compare": "2026-09-01", "compare_to": "2026-09-30"}, BERLIN, NOW, histograms=False
    )
    assert (comparing.before(period).latency, comparing.before(period).chart_latency) == (None, None)
    # As long a time is one that was asked for by its beginning alone, also over a day of 25 hours.
    for asked in (week, {"from": "2026-11-16", "to": "2026-11-16"}):
        begins = {"compare": "2026-10-25"}
        ends = {"compare_to": "2026-10-31" if asked == week else "2026-10-25"}
        assert parse(asked | begins | ends, BERLIN, NOW) == parse(asked | begins, BERLIN, NOW)


def test_a_long_range_is_cut_into_weeks_from_monday_of_which_the_first_and_the_last_may_be_shorter():
    period = parse({"from": "2025-11-01", "to": "2026-11-25"}, BERLIN, NOW)
    assert (len(period.counts), period.counts.step, period.counts.grain) == (57, 7 * DAY, "d")
    first, *mondays, last = (edge.astimezone(BERLIN) for edge in period.counts.edges)
    assert (f"{first:%a %d %b}", f"{last:%a %d %b}") == ("Sat 01 Nov", "Thu 26 Nov")
    assert {f"{monday:%a %H:%M}" for monday in mondays} == {"Mon 00:00"}
    # A hundred days are told day by day, and tables are cut likewise.
    assert parse({"from": "2026-08-18", "to": "2026-11-25"}, BERLIN, NOW).counts.step == DAY
    assert cutting.table_cut(period).edges == period.counts.edges


def test_the_day_of_25_hours_has_one_long_bucket():
    now = datetime(2026, 10, 26, 12, tzinfo=UTC)
    period = parse({"range": "7d"}, BERLIN, now)
    widths = {b - a for a, b in pairwise(period.counts.edges)}
    assert (len(period.counts), widths) == (84, {2 * HOUR, 3 * HOUR})


def test_the_day_of_23_hours_has_one_short_bucket():
    now = datetime(2026, 3, 30, 12, tzinfo=UTC)
    period = parse({"range": "7d"}, BERLIN, now)
    widths = {b - a for a, b in pairwise(period.counts.edges)}
    assert (len(period.counts), widths) == (84, {2 * HOUR, HOUR})


def test_a_day_begins_at_the_first_of_two_midnights():
    assert clock.day_start(date(2026, 11, 1), HAVANA) == datetime(2026, 11, 1, 4, tzinfo=UTC)


def test_a_day_without_midnight_begins_when_the_clock_jumps():
    assert clock.day_start(date(2026, 3, 8), HAVANA) == datetime(2026, 3, 8, 5, tzinfo=UTC)


def test_an_hour_of_a_half_hour_clock_change_starts_when_its_first_instant_is_counted():
    # On 4 April 2026 at 15:00 UTC the clock goes back from 02:00 to 01:30, so the second 01 o'clock hour
    # lasts 30 minutes and its row carries the time 14:30 UTC, when 01:00 would have been.
    instant = datetime(2026, 4, 4, 15, 10, tzinfo=UTC)
    assert clock.hour_key(instant, LORD_HOWE) == datetime(2026, 4, 4, 14, 30, tzinfo=UTC)
    start = datetime(2026, 4, 4, 15, tzinfo=UTC)
    assert clock.hour_start(instant, LORD_HOWE) == start
    assert clock.next_hour(start, LORD_HOWE) == datetime(2026, 4, 4, 15, 30, tzinfo=UTC)
    # A bucket that begins there begins with that row; rows of minutes and days carry their own instants.
    assert clock.row_bound(start, "h", LORD_HOWE) == datetime(2026, 4, 4, 14, 30, tzinfo=UTC)
    assert clock.row_bound(start, "m", LORD_HOWE) == start


@given(zones, instants, ranges, dimensions)
def test_every_period_covers_now_in_at_most_a_hundred_rising_buckets(zone, now, name, counted):
    period = parse({"range": name}, zone, now, counted=counted)
    for cut in (period.counts, period.latency):
        assert len(cut) <= cutting.MOST_BUCKETS
        assert all(a < b for a, b in pairwise(cut.edges))
        assert (cut.edges[0], cut.edges[-1]) == (period.start, period.end)
        assert cut.find(now) == max(i for i, edge in enumerate(cut.edges) if edge <= now)
    assert period.start <= now < period.end
    assert (period.tables.start, period.tables.end) == (period.start, period.end)


@given(
    zones,
    instants,
    st.tuples(st.integers(0, 399 * 24 * 60), st.integers(1, 400 * 24 * 60)),
    dimensions,
    st.sampled_from(["", "before", "week"]),
)
def test_every_custom_range_is_covered_whole(zone, now, lies, counted, compare):
    ago, length = lies
    start = now - timedelta(minutes=ago + 1)
    asked = {
        "from": start.isoformat(),
        "to": (start + timedelta(minutes=length)).isoformat(),
        "compare": compare,
    }
    try:
        period = parse(asked, zone, now, counted=counted)
    except PeriodError as refusal:
        assert counted is None
        assert refusal.field == "to"
        return
    assert len(period.counts) <= cutting.MOST_BUCKETS
    assert all(a < b for a, b in pairwise(period.counts.edges))
    if period.asked_from is None:
        assert period.start <= start
    else:
        # What only records tell begins with the first day of which all are kept.
        assert period.asked_from <= start
        assert oldest(RECORDS, now) <= period.start < oldest(RECORDS, now) + 2 * DAY
    assert period.end >= min(start + timedelta(minutes=length), now)
    before = comparing.before(period)
    for span in (before.counts, before.latency, before.tables):
        assert span is None or span.start < span.end <= period.start
    for cut in (before.chart, before.chart_latency):
        assert cut is None or (list(cut.edges) == sorted(cut.edges) and len(cut) <= 24 * 14 + 2)
        # Each bucket has one that it is compared with.
        assert cut is None or all(
            0 <= cut.find(period.compared_at(e)) < len(cut) for e in period.counts.edges[:-1]
        )


@given(zones, instants, ranges)
def test_an_hour_row_lies_in_the_bucket_that_holds_its_instants(zone, now, name):
    period = parse({"range": name}, zone, now)
    if period.counts.grain != "h":
        return
    for edge in period.counts.edges[:-1]:
        inside = clock.row_bound(edge, "h", zone)
        assert clock.hour_key(edge, zone) == inside
        assert clock.hour_key(edge - MINUTE, zone) < inside


@pytest.mark.parametrize(
    ("now", "start", "length", "tier"),
    [
        (NOW, NOW - HOUR, HOUR, "minutes"),
        (NOW, NOW - 2 * HOUR, HOUR + timedelta(seconds=1), "hours"),
        (NOW, NOW - 48 * HOUR, 48 * HOUR, "hours"),
        (NOW, NOW - 49 * HOUR, 48 * HOUR + timedelta(seconds=1), "days"),
        # Minutes are kept three days, of which the last hour may be deleted while it is read.
        (NOW, NOW - 71 * HOUR, HOUR, "minutes"),
        (NOW, NOW - 71 * HOUR - timedelta(seconds=1), HOUR, "days"),
    ],
)
def test_a_span_falls_into_its_tier_up_to_the_second(now, start, length, tier):
    asked = {"from": start.isoformat(), "to": (start + length).isoformat()}
    assert parse(asked, BERLIN, now).tier == tier


def test_a_range_may_begin_as_long_ago_as_days_are_kept_and_no_earlier():
    oldest = NOW - 400 * DAY
    assert parse({"from": oldest.isoformat(), "to": "2026-11-20"}, BERLIN, NOW).start <= oldest
    with pytest.raises(PeriodError, match=r"\Afrom must lie within the last 400 days, which are kept\.\Z"):
        parse({"from": (oldest - timedelta(seconds=1)).isoformat(), "to": "2026-11-20"}, BERLIN, NOW)


def test_an_instant_is_found_in_the_bucket_that_begins_with_it():
    cut = parse({"range": "1h"}, BERLIN, NOW).counts
    least = timedelta(microseconds=1)
    found = [cut.find(at) for at in (cut.edges[0] - least, cut.edges[0], cut.edges[1] - least, cut.edges[1])]
    assert [*found, cut.find(cut.edges[-1] - least), cut.find(cut.edges[-1])] == [-1, 0, 0, 1, 59, 60]


def test_what_is_not_kept_is_a_gap_and_no_part_of_the_period():
    week = datetime(2026, 11, 18, tzinfo=UTC)
    days = parse({"range": "30d"}, BERLIN, NOW, held={Grain.DAY: week, Grain.DAY_DETAIL: week})
    # The 18th begins at 23:00 UTC of the 17th, an hour of which is not kept.
    assert (days.asked_from, days.start, len(days.counts)) == (at(2026, 10, 27), at(2026, 11, 19), 84)
    assert (days.since(Grain.DAY), days.since(Grain.HOUR)) == (week, oldest(Grain.HOUR, NOW))
    assert comparing.before(days).tables is None
    alone = parse(
        {"range": "7d"}, BERLIN, NOW, counted=None, held={RECORDS: datetime(2026, 11, 24, tzinfo=UTC)}
    )
    assert (alone.asked_from, alone.start, alone.end) == (
        at(2026, 11, 19),
        at(2026, 11, 25),
        at(2026, 11, 26),
    )
    with pytest.raises(PeriodError, match="nothing is kept any more: that begins 19 Nov 2026 00:00"):
        asked = {"from": "2026-11-01", "to": "2026-11-10"}
        parse(asked, BERLIN, NOW, held={Grain.DAY: week, Grain.DAY_DETAIL: week})


def test_hours_and_minutes_are_read_where_an_organisation_keeps_them():
    yesterday = datetime(2026, 11, 24, tzinfo=UTC)
    held = {
        Grain.MINUTE: yesterday,
        Grain.HOUR_DETAIL: yesterday,
        Grain.HOUR: datetime(2026, 11, 16, tzinfo=UTC),
    }
    asked = {"from": "2026-11-23T12:00", "to": "2026-11-24T12:00"}
    assert (parse(asked, BERLIN, NOW).tier, parse(asked, BERLIN, NOW, held=held).tier) == ("hours", "days")
    last_day = parse({}, BERLIN, NOW, held=held)
    assert (last_day.asked_from, last_day.counts.grain) == (None, Grain.MINUTE)
    assert comparing.before(last_day).tables is None
    month = {"from": "2026-11-12", "to": "2026-11-15"}
    assert [parse(month, BERLIN, NOW, held=each).counts.grain for each in ({}, held)] == [
        Grain.HOUR,
        Grain.DAY,
    ]
