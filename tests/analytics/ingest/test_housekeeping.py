"""Partitions in time and out of time, and what else the hourly step does."""

from datetime import UTC, datetime, timedelta

import msgpack
from django.db import connection

from dashboard.analytics import histogram
from dashboard.analytics.dimensions import Grain
from dashboard.analytics.ingest import claim, housekeeping, trust
from dashboard.analytics.models import Batch, DeadLetter, Rollup
from orgs import scope
from tests.analytics import recordings
from tests.analytics.arrivals import drained, organisations

NOW = datetime(2026, 11, 25, 14, 0, tzinfo=UTC)


def existing() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname::text FROM pg_class WHERE relispartition AND relkind = 'r' ORDER BY relname"
        )
        return [name for (name,) in cursor.fetchall()]


def pushed(redis, moment: datetime, times: int = 1, **members) -> None:
    record = {
        "OrgID": recordings.ORG_A,
        "TimeStamp": [int(moment.timestamp()), 0],
        "ResponseCode": 200,
        "Latency": {"Total": 5, "Upstream": 0},
    }
    redis.rpush(claim.LIST, *[msgpack.packb(record | members)] * times)


def maintained(moment: datetime) -> None:
    """The hourly step at a moment that an operator vouches for: these tests take long leaps in time."""
    with scope.every_org():
        trust.vouch(moment)
    housekeeping.maintain(moment, timedelta)


def test_late_records_fill_hours_and_days_but_no_minutes_that_nobody_keeps(committed, redis):
    organisations("UTC", "UTC")
    pushed(redis, NOW - timedelta(days=10))
    drained(redis, NOW)
    with scope.every_org():
        assert sorted(Rollup.objects.values_list("grain", flat=True).distinct()) == ["d", "h", "k"]


def test_histograms_of_closed_days_lose_their_repeats_and_nothing_else(committed, redis):
    organisations("UTC", "UTC")
    for _ in range(3):
        pushed(redis, NOW - timedelta(days=2), times=4)
        pushed(redis, NOW, times=1)
        drained(redis, NOW)
    maintained(NOW)
    with scope.every_org():
        rows = Rollup.objects.filter(grain=Grain.DAY, dimension=0).order_by("ts")
        assert [bytes(row.latency_histogram) for row in rows] == [
            histogram.encode({5: 12}),
            histogram.encode({5: 1}) * 3,
        ]


def test_old_books_are_forgotten(committed, redis):
    organisations("UTC", "UTC")
    pushed(redis, NOW, OrgID="unknown")
    drained(redis, NOW)
    for days, letters, batches, waits in (
        (29, 1, 1, False),
        (31, 0, 1, False),
        (89, 0, 1, False),
        (91, 0, 1, True),
        (91, 0, 0, False),
    ):
        with scope.every_org():
            Batch.objects.update(done=not waits)
        maintained(NOW + timedelta(days=days))
        with scope.every_org():
            assert (DeadLetter.objects.count(), Batch.objects.count()) == (letters, batches)
