"""Figures added up, and how fresh they are."""

from datetime import UTC, datetime, timedelta

import pytest

from dashboard.analytics import histogram
from dashboard.analytics.reports.traffic import Figures, Freshness, together

NOW = datetime(2026, 11, 25, 14, 35, 20, tzinfo=UTC)


def test_nothing_together_is_nothing():
    nothing = Figures(latency_histogram=b"")
    assert together([]) == together([Figures(), Figures()]) == nothing
    assert (nothing.mean, nothing.upstream_mean, nothing.percentiles(0.5, 1)) == (None, None, [None, None])
    assert (nothing.status_2xx, nothing.errors) == (0, 0)


def test_figures_together_are_sums_and_the_newest_and_longest_of_them():
    slow = histogram.encode({10: 1, 20: 2})
    quick = histogram.encode({10: 4})
    earlier = NOW - timedelta(hours=1)
    one = Figures(5, 1, 1, 1, 1, 3, 50, 2, 30, latency_max=20, last=earlier, latency_histogram=slow)
    other = Figures(2**62, 1, 0, 2, 0, 4, 40, 0, 0, latency_max=10, last=NOW, latency_histogram=quick)
    whole = together([one, Figures(), other])
    assert whole == Figures(
        2**62 + 5, 2, 1, 3, 1, 7, 90, 2, 30, latency_max=20, last=NOW, latency_histogram=slow + quick
    )
    assert (whole.status_2xx, whole.errors) == (2**62 - 1, 4)
    assert (whole.mean, whole.upstream_mean) == (90 / 7, 15)
    assert whole.percentiles(0, 0.71, 0.72, 1) == [10, 10, 20, 20]


@pytest.mark.parametrize(
    ("up_to", "stale", "known_until"),
    [
        (None, True, NOW),
        (NOW, False, NOW),
        (NOW + timedelta(seconds=5), False, NOW),
        (NOW - timedelta(seconds=30), False, NOW - timedelta(seconds=30)),
        (NOW - timedelta(seconds=30, microseconds=1), True, NOW - timedelta(seconds=30, microseconds=1)),
    ],
)
def test_figures_are_stale_once_half_a_minute_is_missing(up_to, stale, known_until):
    fresh = Freshness(up_to, 0, NOW)
    assert (fresh.stale, fresh.known_until) == (stale, known_until)
