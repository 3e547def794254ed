"""What looks remember of requests, and what later ones make of it."""

from datetime import UTC, datetime, timedelta

from dashboard.alerts.looking import lateness
from orgs.organisations import retention

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BEGAN = int(NOON.timestamp()) // 60


def looked(window: int, minutes: range) -> list[list[int]]:
    """What is remembered after a look each minute since noon; the look of minute n counted n requests."""
    counts: list[list[int]] = []
    for minute in minutes:
        if lateness.is_due(counts, NOON + minute * MINUTE, window):
            counts = lateness.remembered(counts, NOON + minute * MINUTE, minute, window)
    return counts


def test_the_look_just_before_the_window_is_counted_again_and_little_is_remembered():
    for window, before, most in ((1, 1, 3), (10, 10, 12), (60, 60, 12), (1_440, 60, 12)):
        counts = looked(window, range(200))
        at, requests = lateness.reference(counts, NOON + 199 * MINUTE, lateness.watched(window))
        age = NOON + 199 * MINUTE - at
        assert at == NOON + requests * MINUTE
        assert before * MINUTE <= age <= before * MINUTE * 1.1
        # All of it is still kept where hours are for as short as they may be.
        assert age + lateness.COUNTED + 2 * lateness.HOUR <= timedelta(
            days=retention.KINDS["hours"].least - 1
        )
        assert not lateness.has_gap(at, NOON + 199 * MINUTE, window)
        assert len(counts) <= most


def test_nothing_is_told_before_it_was_watched_for_a_window_or_after_a_break():
    assert lateness.reference([], NOON, 10 * MINUTE) is None
    counts = looked(10, range(5))
    assert lateness.reference(counts, NOON + 9 * MINUTE, 10 * MINUTE) is None
    assert lateness.reference(counts, NOON + 10 * MINUTE, 10 * MINUTE) == (NOON, 0)
    at, _ = lateness.reference(counts, NOON + 60 * MINUTE, 10 * MINUTE)
    assert (at, lateness.has_gap(at, NOON + 60 * MINUTE, 10)) == (NOON + 4 * MINUTE, True)


def test_what_a_clock_that_was_ahead_has_left_is_forgotten():
    counts = [[BEGAN - 20, 7, 7], [BEGAN + 60, 9, 7]]
    assert lateness.is_due(counts, NOON, 10)
    assert lateness.remembered(counts, NOON, 8, 10) == [[BEGAN - 20, 7, 7], [BEGAN, 8, 7]]


def test_what_another_version_counted_is_not_compared():
    assert lateness.reference([[BEGAN - 20, 7]], NOON, 10 * MINUTE) is None
    assert lateness.reference([[BEGAN - 20, 7, 7], [BEGAN - 15, 7, 8]], NOON, 10 * MINUTE) == (
        NOON - 20 * MINUTE,
        7,
    )
