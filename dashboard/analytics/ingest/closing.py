"""Rows of days, made of the rows of their hours once these are over.

A day's row is so written once an hour, instead of with each look at the lists. Up to which hour that is done stands in
the active cut (`days_until`): ingest counts records of earlier hours in the rows of both, of later ones in that of the
hour alone, and readers of days take those hours as well (dimensions.days_of). So no figure depends on when an hour is
closed. It has to be while it has all of its rows.
"""

# ruff: noqa: S608 - only names and conditions of these modules are put into SQL, every value is a parameter

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import Max

from dashboard.analytics import distribution
from dashboard.analytics.clock import DAY, HOUR, hour_key
from dashboard.analytics.dimensions import CUT_SIZE, Dimension, Grain, oldest
from dashboard.analytics.ingest import rollup
from dashboard.analytics.models import Rollup, RollupCut
from orgs import scope

LATE = timedelta(minutes=5)  # what comes within it is in the row of its hour before that is closed
AHEAD = timedelta(hours=2)  # what lies further in the future was closed by a wrong clock, or begun for it
State = RollupCut.State

# Every dimension has one grain of hours and one of days.
HOURS = tuple(dict.fromkeys(each.grains[-2] for each in Dimension))
_HOURS = ", ".join(f"'{grain}'" for grain in HOURS)
_DETAILED = ", ".join(f"{each:d}" for each in Dimension if each.grains[-1] == Grain.DAY_DETAIL)
_DAYS = f"""
INSERT INTO rollup AS r ({rollup.COLUMNS})
SELECT {rollup.KEY_COLUMNS}, {rollup.SUMS}, {rollup.COMPACTED}
FROM (
    SELECT org_id, dimension, api_id, day AS ts, value,
           (CASE WHEN dimension - %(base)s IN ({_DETAILED}) THEN '{Grain.DAY_DETAIL}' ELSE '{Grain.DAY}' END)::"char"
               AS grain,
           {rollup.ADDED}, string_agg(latency_histogram, ''::bytea) AS pairs
    FROM rollup, date_trunc('day', ts, %(zone)s) AS day
    WHERE org_id = %(org)s AND grain IN ({_HOURS}) AND dimension >= %(base)s AND dimension < %(base)s + {CUT_SIZE}
      AND ts >= %(start)s AND ts < %(end)s
    GROUP BY org_id, dimension, api_id, day, value
) AS added
ORDER BY {rollup.KEY_COLUMNS}
{rollup.MERGE}
"""


def work(now: datetime | None = None) -> bool:
    """Close the hours of one organisation that are over; whether there may be more to do at once. Where days have
    counted all so far, hours do so alone from now on.

    Distributed tables are left as they are: they are not asked for days and hours at once.
    """
    if distribution.is_distributed():
        return False
    now = now or datetime.now(UTC)
    with scope.every_org(), transaction.atomic():
        org_id = _next(now)
        if org_id is not None:
            close(org_id, now - LATE, begin=True)
        return org_id is not None


def _next(now: datetime) -> str | None:
    """Of which hours are over, or were closed although no traffic has come to them."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT org_id FROM rollup_cut AS cut WHERE state = 'active'
                AND (days_until IS NULL OR days_until < date_trunc('hour', %s, zone)
                    OR days_until > %s AND NOT EXISTS (SELECT FROM rollup AS r WHERE r.org_id = cut.org_id
                        AND grain = %s AND dimension = base + %s AND ts >= days_until - interval '1 hour'))
                ORDER BY org_id LIMIT 1 FOR UPDATE SKIP LOCKED""",
            [now - LATE, now + AHEAD, str(Grain.HOUR), Dimension.TOTAL],
        )
        row = cursor.fetchone()
        return row and row[0]


def end() -> None:
    """Have days count all traffic, as they did before any hour was closed. With every organisation entered, and no
    worker running, which would begin anew."""
    cuts = RollupCut.objects.filter(state=State.ACTIVE).exclude(days_until=None)
    for org_id, base in list(cuts.values_list("org_id", "base")):
        with transaction.atomic():
            close(org_id, datetime.now(UTC) + DAY)
            RollupCut.objects.filter(org_id=org_id, base=base).update(days_until=None)


def catch_up(now: datetime) -> None:
    """Close hours of which rows are kept no more, whoever else is at it. With every organisation entered."""
    for org_id in behind(now):
        with transaction.atomic():
            close(org_id, now)


def behind(now: datetime, org_ids: Collection[str] | None = None) -> list[str]:
    """Those of the organisations, None for all, whose hours are not closed although rows of them are kept no more."""
    kept = max(oldest(grain, now) for grain in HOURS)
    found = RollupCut.objects.filter(state=State.ACTIVE, days_until__lt=kept)
    if org_ids is not None:
        found = found.filter(org_id__in=org_ids)
    return list(found.values_list("org_id", flat=True))


def close(org_id: str, until: datetime, *, begin: bool = False) -> None:
    """Count in days what hours before `until` have counted alone, in the caller's transaction, with every organisation
    entered. Where days have counted all so far they go on so, or hours begin to do it alone."""
    cut = RollupCut.objects.filter(org_id=org_id, state=State.ACTIVE).select_for_update().first()
    if cut is None or (cut.days_until is None and not begin):
        return
    # What is being counted at this moment is seen, or comes after and sees what is closed.
    rollup.lock()
    closed, over = cut.days_until, hour_key(until, ZoneInfo(cut.zone))
    if closed is None or closed > until + AHEAD:
        over = max(over, _after_newest(cut, over))
    elif over <= closed:
        return
    if closed is not None:
        with connection.cursor() as cursor:
            cursor.execute(rollup.SETTINGS)
            names = {"org": org_id, "base": cut.base, "zone": cut.zone}
            cursor.execute(_DAYS, {**names, "start": closed, "end": over})
    RollupCut.objects.filter(org_id=org_id, base=cut.base).update(days_until=over)


def _after_newest(cut: RollupCut, otherwise: datetime) -> datetime:
    """A moment after all hours that anything was counted in."""
    total = cut.base + Dimension.TOTAL
    found = Rollup.objects.filter(org_id=cut.org_id, grain=Grain.HOUR, dimension=total).aggregate(Max("ts"))
    return found["ts__max"] + HOUR if found["ts__max"] else otherwise
