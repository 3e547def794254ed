"""Partitions in time and out of time."""

from datetime import date, timedelta

import pytest

from dashboard.analytics.dimensions import RECORDS, Grain
from dashboard.analytics.ingest import partitions
from dashboard.analytics.models import Record, Rollup
from orgs import scope
from tests.analytics.arrivals import drained, organisations
from tests.analytics.ingest.test_housekeeping import NOW, existing, maintained, pushed


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
