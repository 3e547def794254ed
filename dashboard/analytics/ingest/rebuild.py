"""Rollups made again from raw records, an organisation's day at a time, by the statement that ingest uses.

To prove that the two agree. Safe to stop and to repeat: a day is made whole or
stays as it was.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from dashboard.analytics.clock import day_start
from dashboard.analytics.ingest import cuts, partitions, rollup
from orgs.models import Organisation

DAY = timedelta(days=1)
_SPAN = "r.org_id = %(org)s AND r.ts >= %(start)s AND r.ts < %(end)s"


def days(org: Organisation, first: date, last: date, now: datetime) -> Iterator[tuple[date, int]]:
    """Rebuild the organisation's days `first` to `last`; yields each, with its hits, once it is committed.

    Days that raw records do not cover whole are left out: their rollups are all there is.
    """
    oldest, cut = partitions.oldest("record", now), cuts.of(org, now)
    for day in (first + number * DAY for number in range((last - first).days + 1)):
        start, end = bounds(cut.zone, day)
        if oldest <= start <= now:
            partitions.ensure({start.date(), end.date()}, now)
            yield day, _rebuild(org, cut.base, start, end, now)


def bounds(zone: ZoneInfo, day: date) -> tuple[datetime, datetime]:
    """The first moment of a day of the zone, and of the next, in UTC."""
    return day_start(day, zone), day_start(day + DAY, zone)


@transaction.atomic
def _rebuild(org: Organisation, base: int, start: datetime, end: datetime, now: datetime) -> int:
    span = {"org": org.pk, "start": start, "end": end}
    own = {**span, "base": base}
    # First: what an ingest has stored but not counted yet is not seen here, and is counted by it afterwards.
    rollup.lock()
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM rollup r WHERE {_SPAN} AND dim >= %(base)s AND dim < %(base)s + 100",  # noqa: S608
            own,
        )
        rollup.add("record", now, f"WHERE {_SPAN}", base=base, **span)
        cursor.execute(
            f"SELECT coalesce(sum(hits), 0) FROM rollup r WHERE grain = 'd' AND dim = %(base)s AND {_SPAN}",  # noqa: S608
            own,
        )
        return int(cursor.fetchone()[0])
