"""Rollups made again from raw records, an organisation's day at a time, by the statement that ingest uses.

For a changed time zone, or to prove that the two agree. Safe to stop and to repeat: a day is made whole or
stays as it was.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from django.db import connection, transaction

from dashboard.analytics import partitions, rollup
from orgs.models import Organisation

DAY = timedelta(days=1)
_SPAN = "r.org_id = %(org)s AND r.ts >= %(start)s AND r.ts < %(end)s"


def days(org: Organisation, first: date, last: date, now: datetime) -> Iterator[tuple[date, int]]:
    """Rebuild the organisation's days `first` to `last`; yields each, with its hits, once it is committed.

    Days that raw records do not cover whole are left out: their rollups are all there is.
    """
    oldest = partitions.oldest("record", now)
    for day in (first + number * DAY for number in range((last - first).days + 1)):
        start, end = bounds(org, day)
        if oldest <= start <= now:
            partitions.ensure({start.date(), end.date()}, now)
            yield day, _rebuild(org, start, end, now)


def bounds(org: Organisation, day: date) -> tuple[datetime, datetime]:
    """The first moment of the organisation's day, and of the next, in UTC."""
    start, end = (
        datetime.combine(midnight, time(), org.zone).astimezone(UTC) for midnight in (day, day + DAY)
    )
    return start, end


@transaction.atomic
def _rebuild(org: Organisation, start: datetime, end: datetime, now: datetime) -> int:
    span = {"org": org.pk, "start": start, "end": end}
    # First: what an ingest has stored but not counted yet is not seen here, and is counted by it afterwards.
    rollup.lock()
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM rollup r WHERE {_SPAN}", span)  # noqa: S608  a condition of this module
        rollup.add("record", now, f"WHERE {_SPAN}", **span)
        cursor.execute(
            f"SELECT coalesce(sum(hits), 0) FROM rollup r WHERE grain = 'd' AND dim = 0 AND {_SPAN}",  # noqa: S608
            span,
        )
        return int(cursor.fetchone()[0])
