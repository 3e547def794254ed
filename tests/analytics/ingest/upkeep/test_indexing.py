"""Records of days that are over have an index by their API, whatever stopped the making of it."""

import os
from contextlib import closing
from datetime import timedelta

import psycopg
import pytest
from django.db import OperationalError, connection, connections

from dashboard.analytics.ingest import partitions
from dashboard.analytics.ingest.upkeep import indexing
from tests.analytics.arrivals import drained, organisations
from tests.analytics.ingest.test_housekeeping import NOW, pushed

MIDNIGHT = NOW.replace(hour=0)


@pytest.fixture
def two_days(committed, redis):
    """Records of the day of NOW, which goes on, and of one that is over."""
    organisations("UTC", "UTC")
    for age in (0, 2):
        pushed(redis, NOW - timedelta(days=age))
    drained(redis, NOW)


def indexed() -> dict[str, bool]:
    """The indexes of days, and whether PostgreSQL may use them."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT indexrelid::regclass::text, indisvalid FROM pg_index
                WHERE pg_get_indexdef(indexrelid) LIKE '%(org_id, api_id, ts)%' ORDER BY 1"""
        )
        return dict(cursor.fetchall())


def all_made(now) -> int:
    return sum(indexing.index_next(now) for _ in range(9))


def test_records_are_indexed_by_their_api_two_hours_after_the_end_of_their_day(two_days):
    assert all_made(NOW) == 2
    assert indexed() == {"record_20261123_api": True, "record_20261123_api_errors": True}
    assert all_made(MIDNIGHT + timedelta(hours=25)) == 0
    assert all_made(MIDNIGHT + timedelta(hours=26)) == 2
    assert list(indexed()) == [
        f"record_{day}_{index}" for day in ("20261123", "20261125") for index in ("api", "api_errors")
    ]


def test_an_index_that_was_not_finished_is_made_again_unless_somebody_is_at_it(two_days):
    def holding(lock: str) -> psycopg.Connection:
        database = connection.settings_dict["NAME"]
        held = psycopg.connect(os.environ["SCRATCH_SUPERUSER_URL"], dbname=database)
        held.execute(f"LOCK TABLE record_20261123 IN {lock} MODE")
        return held

    with connections[partitions.OWNER].cursor() as cursor, closing(holding("ROW EXCLUSIVE")):
        cursor.execute("SET statement_timeout = '200ms'")
        with pytest.raises(OperationalError):
            indexing.index_next(NOW)
        cursor.execute("RESET statement_timeout")
    assert indexed() == {"record_20261123_api_errors": False}
    with closing(holding("SHARE UPDATE EXCLUSIVE")):
        assert not indexing.index_next(NOW)
    assert indexed() == {"record_20261123_api_errors": False}
    assert all_made(NOW) == 2
    assert indexed() == {"record_20261123_api": True, "record_20261123_api_errors": True}
