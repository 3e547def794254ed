"""The five tiles of given figures."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from dashboard.analytics import histogram
from dashboard.analytics.reports.charts import tiles
from dashboard.analytics.reports.charts.figures import MINUS, NONE, Change
from dashboard.analytics.reports.periods import asking
from dashboard.analytics.reports.traffic import Buckets, Figures, Freshness, Traffic

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 25, 14, 35, tzinfo=UTC)
PERIOD = asking.parse({"range": "1h"}, BERLIN, NOW)
NO_BUCKETS = Buckets(PERIOD.counts, (), 0)
EMPTY = Traffic(
    counts=NO_BUCKETS,
    latency=NO_BUCKETS,
    total=Figures(),
    before=None,
    before_latency=None,
    keys=0,
    keys_by_bucket=(),
    keys_before=None,
    freshness=Freshness(NOW, 0, NOW),
)


def took(milliseconds: int, times: int) -> Figures:
    counts = histogram.encode({histogram.bucket(milliseconds): times})
    return Figures(hits=times, timed=times, latency_histogram=counts)


def shown(traffic: Traffic) -> dict[str, tuple]:
    """Value, exact value, change, sparkline and whether it is bad, of each tile."""
    return {
        tile.name: (tile.value, tile.exact, tile.change, tile.spark, tile.bad)
        for tile in tiles.tiles(traffic)
    }


def test_without_traffic_counts_are_zero_and_shares_and_latencies_unknown():
    assert shown(EMPTY) == {
        "requests": ("0", "0", None, None, False),
        "errors": (NONE, "0 of 0", None, None, False),
        "latency": (NONE, "0 requests timed", None, None, False),
        "limited": ("0", "0", None, None, False),
        "keys": ("0", "0", None, None, False),
    }


def test_each_tile_is_compared_with_the_period_before():
    traffic = replace(
        EMPTY,
        total=replace(took(40, 12_345), status_5xx=247, limited=9),
        latency=replace(EMPTY.latency, figures=(took(40, 12_345),)),
        before=Figures(hits=10_000, status_5xx=100, limited=10),
        before_latency=took(50, 10_000),
        keys=17,
        keys_before=12,
    )
    assert shown(traffic) == {
        "requests": ("12.3k", "12,345", Change("+23.4 %", "", "23.4 % more"), None, False),
        "errors": ("2 %", "247 of 12,345", Change("+1 points", "bad", "1 points more"), None, True),
        "latency": (
            "40 ms",
            "12,345 requests timed",
            Change(f"{MINUS}20 %", "good", "20 % less"),
            None,
            False,
        ),
        "limited": ("9", "9", Change(f"{MINUS}1", "good", "1 less"), None, False),
        "keys": ("17", "17", Change("+5", "", "5 more"), None, False),
    }


def test_counts_are_compared_with_their_share_of_a_longer_time():
    before = Figures(hits=100, limited=10)
    traffic = replace(EMPTY, total=Figures(hits=12, limited=9), before=before, before_share=0.1)
    assert [shown(traffic)[name][2] for name in ("requests", "limited")] == [
        Change("+20 %", "", "20 % more"),
        Change("+8", "bad", "8 more"),
    ]


def test_traffic_that_has_begun_has_not_grown():
    traffic = replace(
        EMPTY,
        total=Figures(hits=5, limited=2),
        before=Figures(),
        before_latency=Figures(),
        keys=3,
        keys_before=0,
    )
    assert {tile.name: tile.change for tile in tiles.tiles(traffic)} == dict.fromkeys(
        ("requests", "errors", "latency", "limited", "keys")
    )


def test_a_single_error_among_very_many_requests_is_bad_and_no_zero():
    traffic = replace(EMPTY, total=Figures(hits=4_000_000_000_000, status_5xx=1))
    assert shown(traffic)["requests"][:2] == ("4,000G", "4,000,000,000,000")
    assert shown(traffic)["errors"] == ("< 0.01 %", "1 of 4,000,000,000,000", None, None, True)


def test_sparklines_are_of_the_buckets_that_are_over():
    parts = (
        replace(took(10, 4), status_5xx=1, limited=2),
        replace(took(20, 8), limited=1),
        replace(took(90, 900), status_5xx=900, limited=900),
    )
    buckets = Buckets(PERIOD.counts, parts, 2)
    traffic = replace(EMPTY, counts=buckets, latency=buckets, keys_by_bucket=(2, 1))
    assert {tile.name: tile.spark for tile in tiles.tiles(traffic)} == {
        "requests": ("0 -2 10 44", "M0 20l10 -20"),
        "errors": ("0 -2 10 44", "M0 0l10 40"),
        "latency": ("0 -2 10 44", "M0 20l10 -20"),
        "limited": ("0 -2 10 44", "M0 0l10 20"),
        "keys": ("0 -2 10 44", "M0 0l10 20"),
    }


@pytest.mark.parametrize(
    ("parts", "keys"), [((Figures(hits=5),), (5,)), ((Figures(), Figures()), (0, 0)), ((), ())]
)
def test_one_bucket_or_nothing_but_zeros_is_no_line(parts, keys):
    buckets = Buckets(PERIOD.counts, parts, len(parts))
    traffic = replace(EMPTY, counts=buckets, latency=buckets, keys_by_bucket=keys)
    assert [tile.spark for tile in tiles.tiles(traffic)] == [None] * 5


@pytest.mark.parametrize(
    ("asked", "named", "how"),
    [
        ({"range": "1h"}, "the hour before", "as far into it as this period has run"),
        ({"range": "24h"}, "the 24 hours before", "as far into it as this period has run"),
        ({"range": "7d"}, "the 7 days before", "as far into it as this period has run"),
        (
            {"from": "2026-06-01", "to": "2026-11-25"},
            "the same length of time before",
            "over its whole days, though the last day of this period may still be running",
        ),
        # Nothing that old is kept, so that nothing is compared.
        (
            {"from": "2025-11-01", "to": "2026-11-25"},
            "the same length of time before",
            "of which no figures are kept that fine",
        ),
        (
            {"range": "24h", "compare": "week"},
            "the same weekdays a week before, 17 Nov 15:36 to 18 Nov 15:36",
            "in whole hours, for as long as this period has run",
        ),
        (
            {"range": "30d", "compare": "week"},
            "the same weekdays 5 weeks before, 22 Sep 00:00 to 22 Oct 00:00",
            "as far into it as this period has run",
        ),
        (
            {"range": "7d", "compare": "2026-11-02T08:00"},
            "2 Nov 00:00 to 9 Nov 00:00, as long a time",
            "as far into it as this period has run",
        ),
        (
            {"range": "7d", "compare": "2026-11-02", "compare_to": "2026-11-03"},
            "2 Nov 00:00 to 4 Nov 00:00, a shorter time",
            "by the mean of a day, as both are not equally long; active keys are not compared",
        ),
        (
            {"range": "24h", "compare": "2026-11-02", "compare_to": "2026-11-20"},
            "2 Nov 00:00 to 21 Nov 00:00, a longer time",
            "by the mean of a day, as both are not equally long; active keys are not compared",
        ),
        (
            {"range": "1h", "compare": "2026-11-24T10:00", "compare_to": "2026-11-24T12:00"},
            "24 Nov 10:00 to 24 Nov 12:00, a longer time",
            "by the mean of an hour, as both are not equally long; active keys are not compared",
        ),
    ],
)
def test_it_is_said_what_is_compared_and_how(asked, named, how):
    period = asking.parse(asked, BERLIN, NOW)
    assert (tiles.compared_with(period), tiles.compared_how(period)) == (named, how)


def test_keys_that_are_told_of_the_newest_requests_alone_say_so():
    *_, keys = tiles.tiles(replace(EMPTY, keys=3, keys_of=20_000))
    assert (keys.name, keys.value, keys.change) == ("keys", "3", None)
    assert "Different keys among the newest 20,000 requests." in vars(keys).values()
