"""Partitions in time and out of time, and what else the hourly step does."""

from datetime import UTC, date, datetime, timedelta

import msgpack
import pytest
from django.db import connection

from dashboard.analytics import histogram
from dashboard.analytics.dimensions import RECORDS, Grain
from dashboard.analytics.ingest import claim, housekeeping, partitions, trust
from dashboard.analytics.models import Batch, DeadLetter, Record, Rollup
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


@pytest.mark.parametrize(
    ("grain", "day", "expected"),
    [
        (RECORDS, date(2026, 2, 28), ("record_20260228", date(2026, 3, 1))),
        (Grain.DAY, date(2026, 12, 31), ("rollup_d_202612", date(2027, 1, 1))),
        (Grain.DAY_DETAIL, date(2024, 2, 29), ("rollup_k_202402", date(2024, 3, 1))),
    ],
)
def test_a_partition_is_named_by_its_day_or_month(grain, day, expected):
    partition = partitions.partition(grain, day)
    assert (partition.name, partition.end) == expected


def test_today_and_tomorrow_are_made_and_a_second_run_changes_nothing(committed):
    partitions.prepare(NOW)
    made = existing()
    partitions.prepare(NOW)
    assert existing() == made
    assert [name for name in made if name.startswith(("record", "rollup_m"))] == [
        "record_20261125",
        "record_20261126",
        "rollup_m_20261124",
        "rollup_m_20261125",
        "rollup_m_20261126",
    ]


def test_partitions_go_a_day_after_their_time_is_over_with_what_is_in_them(committed, redis):
    organisations("UTC", "UTC")
    for age in (0, 2, 29):
        pushed(redis, NOW - timedelta(days=age))
    drained(redis, NOW)
    later = NOW + timedelta(days=2)
    maintained(later)
    daily = [name for name in existing() if name.startswith(("record", "rollup_m", "rollup_x"))]
    assert daily == [
        "record_20261027",
        "record_20261123",
        "record_20261125",
        "record_20261127",
        "record_20261128",
        *(f"rollup_{grain}_202611{day}" for grain in "mx" for day in (23, 24, 25, 26, 27, 28)),
    ]
    maintained(later + timedelta(days=2))
    assert [name for name in existing() if name.startswith("record")] == [
        "record_20261123",
        "record_20261125",
        "record_20261127",
        "record_20261128",
        "record_20261129",
        "record_20261130",
    ]
    with scope.every_org():
        assert Record.objects.count() == 2
        assert Rollup.objects.filter(grain=Grain.DAY, dimension=0).count() == 3


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
    for days, letters, batches in ((29, 1, 1), (31, 0, 1), (89, 0, 1), (91, 0, 0)):
        maintained(NOW + timedelta(days=days))
        with scope.every_org():
            assert (DeadLetter.objects.count(), Batch.objects.count()) == (letters, batches)
