"""Records of days that are over, indexed by their API: what is told of some APIs alone is told from their newest ones.

While a day goes on, an index more would make each record dearer to store by a twentieth, and the records of one day can
be looked through. Nobody waits for an index that is being made: neither who stores records that come late nor who
reads. One that was not finished is of no use to PostgreSQL, and made again.
"""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import redis
from django.db import OperationalError, connections

from dashboard.analytics.dimensions import RECORDS
from dashboard.analytics.ingest import partitions
from orgs import scope

INDEXES = {"api": "", "api_errors": "WHERE status >= 400"}
OVER = timedelta(hours=2)  # most of what comes late has come


def step(_: redis.Redis) -> bool:
    """The newest day's next index; whether there was any to make."""
    return index_next(datetime.now(UTC))


def index_next(now: datetime) -> bool:
    """Make one index, of the newest of the days that are over which lack one; whether any did.

    Not in a transaction: PostgreSQL would keep writers away until it has ended.
    """
    today = (now - OVER).astimezone(UTC).date()
    wanted = {
        f"{made.name}_{index}": (made.name, f'"{made.name}" (org_id, api_id, ts) {rows}')
        for _, made in partitions.existing()
        if made.grain == RECORDS and made.end <= today
        for index, rows in INDEXES.items()
    }
    found = _found(list(wanted))
    missing = max((name for name in wanted if not found.get(name)), default=None)
    if missing is None or (missing in found and not _cleared(missing, wanted[missing][0])):
        return False
    with scope.nobody(), connections[partitions.OWNER].cursor() as cursor:
        cursor.execute(f'CREATE INDEX CONCURRENTLY IF NOT EXISTS "{missing}" ON {wanted[missing][1]}')
    return True


def _found(names: list[str]) -> dict[str, bool]:
    """Which of them exist, and whether they are finished."""
    with partitions.as_owner() as cursor:
        cursor.execute(
            """SELECT c.relname::text, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
                WHERE c.relname = ANY(%s)""",
            [names],
        )
        return dict(cursor.fetchall())


def _cleared(unfinished: str, table: str) -> bool:
    """Drop what was not finished, unless somebody is at it: making an index holds the lock that is asked for first."""
    with suppress(OperationalError), partitions.as_owner() as cursor:
        cursor.execute(f'LOCK TABLE "{table}" IN SHARE UPDATE EXCLUSIVE MODE NOWAIT')
        if _found([unfinished]) == {unfinished: False}:
            # Rather later than to queue every reader behind this one.
            cursor.execute(f"SET LOCAL lock_timeout = '2s'; DROP INDEX \"{unfinished}\"")
        return True
    return False
