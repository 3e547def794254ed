"""Plots of given figures: what a chart, its table and its sentence say."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dashboard.analytics import histogram
from dashboard.analytics.dimensions import Dimension
from dashboard.analytics.reports.charts import plots
from dashboard.analytics.reports.charts.figures import NONE
from dashboard.analytics.reports.charts.geometry import Band, Tick
from dashboard.analytics.reports.charts.plots import Event
from dashboard.analytics.reports.periods import asking, comparing
from dashboard.analytics.reports.periods.period import Period
from dashboard.analytics.reports.traffic import Buckets, Compared, Figures, Freshness, Traffic, together

BERLIN = ZoneInfo("Europe/Berlin")
HAVANA = ZoneInfo("America/Havana")  # its midnight comes twice or not at all
NOW = datetime(2026, 11, 25, 14, 35, tzinfo=UTC)
SHORT = {"from": "2026-11-25T14:00", "to": "2026-11-25T14:03"}  # three buckets of a minute
NOTHING = Figures()


def period_of(asked: dict[str, str] = SHORT, zone: ZoneInfo = BERLIN, now: datetime = NOW, **how) -> Period:
    return asking.parse(asked, zone, now, **how)


def traffic_of(period: Period, *parts: Figures, complete: int = 99, up_to: datetime | None = None) -> Traffic:
    """Figures of the first buckets of a period; all stored up to `up_to`, or else up to now."""
    counts = Buckets(period.counts, parts, min(complete, len(parts)))
    return Traffic(
        counts=counts,
        latency=counts,
        total=together(parts),
        before=None,
        before_latency=None,
        keys=0,
        keys_by_bucket=(),
        keys_before=None,
        freshness=Freshness(up_to or period.now, 0, period.now),
    )


def timed(*milliseconds: int) -> Figures:
    counts = [histogram.encode({histogram.bucket(each): 1}) for each in milliseconds]
    return Figures(
        hits=len(milliseconds),
        timed=len(milliseconds),
        latency_sum=sum(milliseconds),
        latency_max=max(milliseconds),
        latency_histogram=b"".join(counts),
    )


def test_requests_are_stacked_listed_and_summed_by_class():
    period = period_of()
    parts = (
        Figures(hits=1_204, status_3xx=1, status_4xx=2, status_5xx=1, limited=1),
        NOTHING,
        Figures(hits=1, status_5xx=1),
    )
    plot = plots.status_plot(period, traffic_of(period, *parts, complete=2), ())
    assert (plot.name, plot.title, plot.unit) == ("requests", "Requests by status", "requests a minute")
    assert plot.header == ("From", "Requests", "2xx", "3xx", "4xx", "5xx", "429")
    assert plot.rows == (
        ("25 Nov 14:00", ("1,204", "1,200", "1", "2", "1", "1")),
        ("25 Nov 14:01", ("0", "0", "0", "0", "0", "0")),
        ("25 Nov 14:02 (so far)", ("1", "0", "0", "0", "1", "0")),
    )
    assert plot.legend == (
        ("2xx", "2xx", "1,200"),
        ("3xx", "3xx", "1"),
        ("4xx", "4xx", "2"),
        ("5xx", "5xx", "2"),
    )
    assert plot.description == (
        "1,205 requests, 0.17 % of them answered with 5xx. Most in a bucket: 1,204, from 25 Nov 14:00."
    )
    assert [(series.line.count("M"), series.incomplete.count("M")) for series in plot.chart.series] == [
        (1, 0),
        (1, 0),
        (1, 0),
        (1, 1),
    ]
    assert (plot.buckets, plot.chart.width, plot.gap) == (3, 30, None)


def test_buckets_that_have_not_begun_are_drawn_empty_and_not_listed():
    period = period_of()
    plot = plots.status_plot(period, traffic_of(period, Figures(hits=4)), ())
    assert (plot.buckets, plot.chart.width) == (3, 30)
    assert plot.rows == (("25 Nov 14:00", ("4", "4", "0", "0", "0", "0")),)
    assert [series.line for series in plot.chart.series] == ["M1 400v-400h8v400z", "", "", ""]


@pytest.mark.parametrize("parts", [(), (NOTHING, NOTHING, NOTHING)])
def test_nothing_is_said_to_be_nothing(parts):
    period = period_of()
    traffic = traffic_of(period, *parts)
    status, share, latency = (
        draw(period, traffic, ()) for draw in (plots.status_plot, plots.share_plot, plots.latency_plot)
    )
    assert (status.description, share.description) == ("No requests.", "No requests.")
    assert latency.description == "No requests were passed on, so there is no latency."
    assert status.legend == (
        ("2xx", "2xx", "0"),
        ("3xx", "3xx", "0"),
        ("4xx", "4xx", "0"),
        ("5xx", "5xx", "0"),
    )
    assert share.legend == (("4xx", "4xx", NONE), ("5xx", "5xx", NONE))
    assert latency.legend == (("p50", "p50", NONE), ("p95", "p95", NONE), ("p99", "p99", NONE))
    assert [row[1] for row in latency.rows] == [(NONE, NONE, NONE, NONE, "0", NONE)] * len(parts)
    assert [series.line for plot in (status, share, latency) for series in plot.chart.series] == [""] * 9


def test_shares_are_gaps_where_there_are_no_requests():
    period = period_of()
    parts = (Figures(hits=4, status_4xx=1, status_5xx=2), NOTHING, Figures(hits=10, status_4xx=10))
    plot = plots.share_plot(period, traffic_of(period, *parts), ())
    assert plot.unit == "share of all requests, a minute"
    assert [cells for _, cells in plot.rows] == [
        ("4", "25 %", "50 %"),
        ("0", NONE, NONE),
        ("10", "100 %", "0 %"),
    ]
    assert plot.legend == (("4xx", "4xx", "78.6 %"), ("5xx", "5xx", "14.3 %"))
    assert [series.line for series in plot.chart.series] == ["M0 300h10M20 0h10", "M0 200h10M20 400h10"]


def test_latency_says_its_slowest_bucket_and_how_many_were_timed():
    period = period_of()
    refused = Figures(hits=7, status_4xx=7)
    plot = plots.latency_plot(period, traffic_of(period, timed(10, 20), refused, timed(40), complete=2), ())
    assert plot.unit == "time to answer, a minute, within 1/64, on a logarithmic scale"
    assert plot.rows == (
        ("25 Nov 14:00", ("10 ms", "20 ms", "20 ms", "20 ms", "2", NONE)),
        ("25 Nov 14:01", (NONE, NONE, NONE, NONE, "0", NONE)),
        ("25 Nov 14:02 (so far)", ("40 ms", "40 ms", "40 ms", "40 ms", "1", NONE)),
    )
    assert plot.legend == (("p50", "p50", "20 ms"), ("p95", "p95", "40 ms"), ("p99", "p99", "40 ms"))
    assert plot.description == (
        "95 % of the requests took at most 40 ms. Highest p95 of a bucket: 40 ms, from 25 Nov 14:02."
    )


def test_a_longest_time_without_a_timed_request_is_not_shown():
    period = period_of()
    plot = plots.latency_plot(period, traffic_of(period, Figures(hits=1, latency_max=0)), ())
    assert plot.rows == (("25 Nov 14:00", (NONE, NONE, NONE, NONE, "0", NONE)),)


def test_it_is_said_when_percentiles_come_from_the_newest_records():
    period = period_of({"range": "24h"}, counted=Dimension.KEY, histograms=False)
    assert plots.latency_plot(period, traffic_of(period, timed(5)), ()).unit == (
        "time to answer, an hour, within 1/64, on a logarithmic scale, from the newest records"
    )


@pytest.mark.parametrize(
    ("asked", "unit"),
    [
        ({"range": "1h"}, "requests a minute"),
        ({"range": "24h"}, "requests every 15 minutes"),
        ({"from": "2026-11-24", "to": "2026-11-25T10:00"}, "requests every 30 minutes"),
        ({"from": "2026-11-01", "to": "2026-11-03"}, "requests an hour"),
        ({"range": "7d"}, "requests every 2 hours"),
        ({"range": "30d"}, "requests a day"),
        (
            {"from": "2026-01-01", "to": "2026-11-25"},
            "requests a week, from Monday; the first and the last may be shorter",
        ),
    ],
)
def test_the_width_of_a_bucket_is_said(asked, unit):
    period = period_of(asked)
    assert plots.status_plot(period, traffic_of(period), ()).unit == unit


@pytest.mark.parametrize(
    ("zone", "asked", "now", "index", "label"),
    [
        (BERLIN, {"range": "30d"}, NOW, 0, "27 Oct"),
        (BERLIN, {"from": "2026-01-01", "to": "2026-11-25"}, NOW, 0, "1 Jan to 4 Jan, week 1 (4 of 7 days)"),
        (BERLIN, {"from": "2026-01-01", "to": "2026-11-25"}, NOW, 46, "16 Nov to 22 Nov, week 47"),
        (BERLIN, {"from": "2026-01-01", "to": "2026-11-23"}, NOW, 47, "23 Nov, week 48 (1 of 7 days)"),
        (
            BERLIN,
            {"from": "2025-11-01", "to": "2026-11-25"},
            NOW,
            0,
            "1 Nov 2025 to 2 Nov 2025, week 44 (2 of 7 days)",
        ),
        # A day of 25 hours, one that follows, and one that ends where the next begins at one o'clock.
        (BERLIN, {"range": "30d"}, datetime(2026, 10, 30, tzinfo=UTC), 24, "25 Oct"),
        (BERLIN, {"range": "30d"}, datetime(2026, 10, 30, tzinfo=UTC), 25, "26 Oct"),
        (HAVANA, {"range": "30d"}, datetime(2026, 3, 20, 12, tzinfo=UTC), 16, "7 Mar"),
        (HAVANA, {"range": "30d"}, datetime(2026, 3, 20, 12, tzinfo=UTC), 17, "8 Mar"),
        (HAVANA, {"range": "30d"}, datetime(2026, 11, 10, 12, tzinfo=UTC), 20, "1 Nov"),
        # The hour that the clock shows twice.
        (
            BERLIN,
            {"from": "2026-10-25T01:00Z", "to": "2026-10-25T01:30Z"},
            datetime(2026, 10, 25, 2, tzinfo=UTC),
            0,
            "25 Oct 02:00 +01:00",
        ),
    ],
)
def test_a_bucket_is_named_by_its_start_or_by_the_days_it_covers(zone, asked, now, index, label):
    period = period_of(asked, zone, now)
    assert plots.bucket_label(period, period.counts, index) == label


def test_events_are_marked_where_they_were_and_left_out_beyond_the_ends():
    period = period_of()
    inside = period.start + timedelta(minutes=1, seconds=30)
    events = [Event(at, name) for name, at in (("in", inside), ("start", period.start), ("end", period.end))]
    events.append(Event(period.start - timedelta(microseconds=1), "before"))
    for draw in (plots.status_plot, plots.share_plot, plots.latency_plot):
        marks = draw(period, traffic_of(period), events).chart.marks
        assert marks == (Tick("50.00%", "in"), Tick("0.00%", "start"))


def test_what_lasted_is_a_band_as_far_as_it_lies_in_the_period():
    period = period_of()
    minute = timedelta(minutes=1)
    spans = {"over": (-1, 9), "in": (1, 2), "begins": (2, 9), "past": (-2, 0), "to come": (3, 4)}
    events = [
        Event(period.start + a * minute, name, until=period.start + b * minute)
        for name, (a, b) in spans.items()
    ]
    assert plots.status_plot(period, traffic_of(period), events).chart.bands == (
        Band("0.00%", "100.00%", "over"),
        Band("33.33%", "33.34%", "in"),
        Band("66.67%", "33.33%", "begins"),
    )


@pytest.mark.parametrize(
    ("behind", "gap"),
    [
        (timedelta(0), None),
        (timedelta(seconds=30), None),
        (timedelta(seconds=31), ("97.47%", "0.86%")),
        (timedelta(minutes=30), ("48.33%", "50.00%")),
        # All that is shown is stored, or nothing of it was known to begin with.
        (timedelta(hours=2), None),
    ],
)
def test_the_time_that_nothing_is_known_of_is_shown_once_the_list_is_not_read(behind, gap):
    now = NOW
    period = period_of({"range": "1h"}, now=now)
    plot = plots.status_plot(period, traffic_of(period, up_to=now - behind), ())
    assert plot.gap == gap


def test_a_list_that_was_never_read_has_no_gap():
    period = period_of({"range": "1h"})
    unread = traffic_of(period)
    unread = Traffic(**{**vars(unread), "freshness": Freshness(None, 0, period.now)})
    assert plots.status_plot(period, unread, ()).gap is None


def test_a_gap_in_a_past_period_goes_on_to_its_end():
    period = period_of()  # it ended an hour and a half ago
    plot = plots.status_plot(period, traffic_of(period, up_to=period.start + timedelta(minutes=1)), ())
    assert plot.gap == ("33.33%", "66.67%")


def test_rows_stand_beside_their_links_and_have_none_where_none_are_given():
    period = period_of()
    plot = plots.status_plot(period, traffic_of(period, NOTHING), ())
    [(label, cells)] = plot.rows
    assert plot.lines == [(label, cells, ())]
    linked = plots.Plot(**{**vars(plot), "links": ((("Records", "/o/a/logs/"),),)})
    assert linked.lines == [(label, cells, (("Records", "/o/a/logs/"),))]


def test_each_bucket_is_drawn_beside_what_it_is_compared_with():
    asked = {"from": "2026-11-25T13:00", "to": "2026-11-25T14:30", "compare": "week"}
    period = period_of(asked)
    cut = comparing.before(period).chart
    assert (period.counts.step, cut.step, len(cut)) == (timedelta(minutes=1), timedelta(hours=1), 2)
    parts = (
        Figures(hits=120, status_5xx=6, timed=1, latency_histogram=timed(40).latency_histogram),
        timed(*[70] * 60),
    )
    buckets = Buckets(cut, parts, 2)
    traffic = replace(traffic_of(period, *[Figures(hits=1)] * 90), compared=Compared(buckets, buckets))
    plot = plots.status_plot(period, traffic, ())
    # Of an hour each of its minutes is a sixtieth.
    assert plots.compared_requests(period, traffic) == [2.0] * 60 + [1.0] * 30
    assert (plot.header[-1], plot.rows[0][1][-1], plot.rows[89][1][-1]) == ("Compared", "2", "1")
    assert plot.chart.beside.startswith("M5 200l10 0")
    assert plot.legend[-1] == ("compared", "Compared", "")
    assert plots.share_plot(period, traffic, ()).rows[0][1][-1] == "5 %"
    latency = plots.latency_plot(period, traffic, ())
    assert (latency.rows[0][1][-1], latency.rows[60][1][-1]) == ("40 ms", "70 ms")


def test_of_what_is_not_known_yet_nothing_is_drawn_beside():
    period = period_of(SHORT | {"compare": "before"})
    cut = comparing.before(period).chart
    buckets = Buckets(cut, (Figures(hits=3),), 1)
    traffic = replace(traffic_of(period, NOTHING), compared=Compared(buckets, None))
    assert plots.compared_requests(period, traffic) == [3.0, None, None]
    assert plots.latency_plot(period, traffic, ()).chart.beside == ""


@pytest.mark.parametrize(
    ("upstream", "said"),
    [
        ((0, 0), ""),
        (
            (1, 15),
            "Upstreams took 15 ms in the mean, as told by 1 of 2 timed requests; "
            "what gateways took besides is not known of the others.",
        ),
        (
            (2, 30),
            "Upstreams took 15 ms in the mean, as told by 2 of 2 timed requests; "
            "gateways took 5 ms besides, 25 % of the time.",
        ),
    ],
)
def test_upstream_and_gateway_are_told_apart_as_far_as_requests_tell(upstream, said):
    period = period_of()
    part = replace(timed(10, 30), upstream_hits=upstream[0], upstream_sum=upstream[1])
    plot = plots.latency_plot(period, traffic_of(period, part), ())
    assert (plot.note, plot.rows[0][1][-1]) == (said, "15 ms" if said else NONE)


def test_it_is_said_of_how_many_requests_percentiles_are_where_records_end():
    period = period_of({"range": "24h"}, counted=None)
    some = Buckets(period.latency, (timed(5),), 1)
    traffic = replace(traffic_of(period, Figures(hits=60_000, timed=60_000)), latency=some)
    assert plots.latency_plot(period, traffic, ()).unit.endswith("newest records: 1 of 60,000 requests")
