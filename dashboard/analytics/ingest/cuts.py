"""In which zone the rollups of an organisation are cut, and how they come into another.

The rows of a cut have dimensions of their own, counted from its `base`. Pages read the active cut. When an
organisation's zone is no longer that of its active cut, a second one is built beside it, forwards in time, a step
a transaction: first the days older than single records, which can only be given the same dates in the new zone,
then everything from the records on. Where some of these go before they are counted, it begins anew. Meanwhile ingest
counts each record in the active cut, and in the other one too where that is past it (`until`). The last step makes the
new cut the active one; then the rows of the old one go.

The same happens, in the zone that it was in, where a cut was made with an earlier set of dimensions than today's: of
days without records no more is known than was.
"""

# ruff: noqa: S608 - only names and conditions of these modules are put into SQL, every value is a parameter

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from dashboard.analytics.clock import DAY, day_start
from dashboard.analytics.dimensions import (
    BASES,
    COUNTER_NAMES,
    CUT_SIZE,
    DIMENSION_SET,
    KEPT,
    RECORDS,
    Dimension,
    Grain,
    oldest,
)
from dashboard.analytics.ingest import apart, closing, partitions, rollup
from dashboard.analytics.models import RollupCut
from orgs import scope
from orgs.models import Organisation

STEP = 20_000  # records
OLD_DAYS = timedelta(days=30)  # a step
ROWS = 20_000  # of a retired cut, a step
State = RollupCut.State


def prepare(org_ids: Collection[str], now: datetime) -> None:
    """Give a cut in its zone to each of the organisations that has none, and close the hours of those of which rows
    are kept no more: at once, so that no other transaction waits for the end of this one to count the same
    organisation's traffic."""
    with connection.cursor() as cursor:
        cursor.execute(_WITHOUT, [list(org_ids)])
        without = [org_id for org_id, _ in cursor.fetchall()]
    if without:
        apart.committed(lambda: _begin_for(without))
    for org_id in closing.behind(now, org_ids):
        apart.committed(partial(closing.close, org_id, now))


_WITHOUT = """SELECT o.id, o.time_zone FROM orgs_organisation o
    WHERE o.id = ANY(%s) AND NOT EXISTS (SELECT FROM rollup_cut c WHERE c.org_id = o.id)"""


def _begin_for(org_ids: list[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO rollup_cut (org_id, base, zone, state, dimension_set)
                SELECT id, 0, time_zone, 'active', {DIMENSION_SET} FROM ({_WITHOUT}) AS o ON CONFLICT DO NOTHING""",
            [org_ids],
        )


def work(now: datetime | None = None) -> bool:
    """One step for one organisation whose zone, or set of dimensions, is another; whether there may be more to do at
    once."""
    now = now or datetime.now(UTC)
    with scope.every_org(), transaction.atomic():
        org_id = _next()
        if org_id is None:
            return False
        _step(Organisation.everyone.get(pk=org_id), now)
        return True


def _next() -> str | None:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT c.org_id FROM rollup_cut c JOIN orgs_organisation o ON o.id = c.org_id
                WHERE c.state = 'active' AND (c.zone <> o.time_zone OR c.dimension_set < %s OR EXISTS (
                    SELECT FROM rollup_cut other WHERE other.org_id = c.org_id AND other.state <> 'active'))
                ORDER BY c.org_id LIMIT 1 FOR UPDATE OF c SKIP LOCKED""",
            [DIMENSION_SET],
        )
        row = cursor.fetchone()
        return row and row[0]


def _step(org: Organisation, now: datetime) -> None:
    cuts = {cut.state: cut for cut in RollupCut.objects.filter(org_id=org.pk).select_for_update()}
    active, building = cuts[State.ACTIVE], cuts.get(State.BUILDING)
    if State.RETIRED in cuts:
        _clear(cuts[State.RETIRED])
    elif building is None:
        if active.zone != org.time_zone or active.dimension_set < DIMENSION_SET:
            _begin(active, org, now)
    elif building.zone != org.time_zone or _records_went(building, now):
        rollup.lock()
        _change(building, state=State.RETIRED)
    elif building.until < building.exact_from:
        _take_over(active, building, now)
    else:
        _count(active, building, now)


def _change(cut: RollupCut, **values: object) -> None:
    RollupCut.objects.filter(org_id=cut.org_id, base=cut.base).update(**values)


def _begin(active: RollupCut, org: Organisation, now: datetime) -> None:
    """A new cut, of which nothing is built yet: from the active cut's first day on, or from the first of its days that
    records cover whole."""
    old, records_from = ZoneInfo(active.zone), org.retention.since(KEPT[RECORDS].kind, now)
    exact_from = day_start(records_from.astimezone(old).date(), old)
    if exact_from < records_from:
        exact_from = day_start(records_from.astimezone(old).date() + DAY, old)
    # What is being counted at this moment, of a day before all others too, is seen or comes after.
    rollup.lock()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(ts) FROM rollup WHERE org_id = %s AND grain = ANY(%s) AND dimension = %s",
            [active.org_id, [Grain.DAY.value, Grain.HOUR.value], active.base + Dimension.TOTAL],
        )
        [first] = cursor.fetchone()
    begins = day_start(first.astimezone(old).date(), old) if first else exact_from
    RollupCut.objects.create(
        org_id=active.org_id,
        base=next(base for base in BASES if base != active.base),
        zone=org.time_zone,
        state=State.BUILDING,
        until=min(begins, exact_from),
        exact_from=exact_from,
        dimension_set=DIMENSION_SET,
    )


_KEPT_LONG = ", ".join(f"'{grain}'" for grain in partitions.OF_MONTHS)
_SAME_DATE = f"""
INSERT INTO rollup AS r ({rollup.COLUMNS})
SELECT org_id, grain, dimension - %(from)s + %(to)s, api_id, day, value,
       {", ".join(f"sum({name})::bigint" for name in COUNTER_NAMES)}, max(latency_max),
       string_agg(latency_histogram, ''::bytea)
FROM (
    SELECT *, CASE WHEN grain = '{Grain.HOUR}' THEN ts
                   ELSE (ts AT TIME ZONE %(old)s)::date::timestamp AT TIME ZONE %(new)s END AS day
    FROM rollup
    WHERE org_id = %(org)s AND grain IN ({_KEPT_LONG}) AND dimension >= %(from)s AND dimension < %(from)s + {CUT_SIZE}
      AND ts >= %(start)s AND ts < %(end)s
) AS old
WHERE day >= CASE WHEN grain = '{Grain.HOUR}' THEN %(hours_from)s ELSE %(days_from)s END
GROUP BY org_id, grain, dimension, api_id, day, value
{rollup.MERGE}
"""


def _take_over(active: RollupCut, building: RollupCut, now: datetime) -> None:
    """Days of which no single records are kept: the same dates in the new zone. Steps end at the old zone's midnights,
    so that a day's row and its records lie in the same step."""
    old = ZoneInfo(active.zone)
    later = (building.until + OLD_DAYS).astimezone(old).date()
    end = min(building.exact_from, day_start(later, old))
    partitions.ensure_coarse(building.until.date() - 2 * DAY, end.date() + 2 * DAY, now)
    rollup.lock()
    closing.close(active.org_id, max(end, now))
    with connection.cursor() as cursor:
        cursor.execute(
            _SAME_DATE,
            {
                **{"org": active.org_id, "from": active.base, "to": building.base},
                **{"old": active.zone, "new": building.zone, "start": building.until, "end": end},
                "hours_from": oldest(Grain.HOUR, now),
                "days_from": oldest(Grain.DAY, now),
            },
        )
    _change(building, until=end)


def _count(active: RollupCut, building: RollupCut, now: datetime) -> None:
    """The next records, counted for the new zone; after the last ones the new cut is the active one."""
    # First: what an ingest has stored but not counted yet is not seen here, and is counted by it afterwards.
    rollup.lock()
    end = _after_records(building)
    span = {"org": building.org_id, "start": building.until, "end": end or datetime.max.replace(tzinfo=UTC)}
    where = "WHERE r.org_id = %(org)s AND r.ts >= %(start)s AND r.ts < %(end)s"
    rollup.add("record", now, where, base=building.base, **span)
    if _records_went(building, now):
        transaction.set_rollback(True)
    elif end:
        _change(building, until=end)
    else:
        _change(active, state=State.RETIRED)
        _change(building, state=State.ACTIVE, until=None, **_known_from(active, building))


def _records_went(building: RollupCut, now: datetime) -> bool:
    """Whether records that are still to be counted count as gone by now: then only the active cut knows their days. An
    organisation says so before any of them go."""
    org = Organisation.everyone.get(pk=building.org_id)
    return org.retention.since(KEPT[RECORDS].kind, now) > max(building.until, building.exact_from)


def _known_from(active: RollupCut, building: RollupCut) -> dict[str, datetime | None]:
    """Since when days are those of the new cut's zone, and are counted by its set of dimensions: since the records that
    it was counted from, unless what was taken over for the days before was so already."""
    counted = building.exact_from
    if not _has_rows_before(active, counted):
        return {"exact_from": None, "dimensions_from": None}

    def earlier(since: datetime | None, *, same: bool) -> datetime | None:
        return counted if not same else since and min(since, counted)

    return {
        "exact_from": earlier(active.exact_from, same=active.zone == building.zone),
        "dimensions_from": earlier(
            active.dimensions_from, same=active.dimension_set == building.dimension_set
        ),
    }


def _after_records(building: RollupCut) -> datetime | None:
    """The end of a step: None if what is left is less than one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ts FROM record WHERE org_id = %s AND ts >= %s ORDER BY org_id, ts OFFSET %s LIMIT 1",
            [building.org_id, building.until, STEP],
        )
        row = cursor.fetchone()
    return row and max(row[0], building.until + timedelta(seconds=1))


def _has_rows_before(active: RollupCut, moment: datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT EXISTS (SELECT 1 FROM rollup
                WHERE org_id = %s AND grain = ANY(%s) AND dimension = %s AND ts < %s)""",
            [active.org_id, [Grain.DAY.value, Grain.HOUR.value], active.base + Dimension.TOTAL, moment],
        )
        return cursor.fetchone()[0]


def _clear(retired: RollupCut) -> None:
    """Delete some of the rows of a cut that nobody reads, and the cut itself after the last."""
    with connection.cursor() as cursor:
        for grain in Grain:
            cursor.execute(
                f"""DELETE FROM rollup WHERE ({rollup.KEY_COLUMNS}) IN (
                    SELECT {rollup.KEY_COLUMNS} FROM rollup
                    WHERE org_id = %s AND grain = %s AND dimension >= %s AND dimension < %s LIMIT %s)""",
                [retired.org_id, grain, retired.base, retired.base + CUT_SIZE, ROWS],
            )
            if cursor.rowcount:
                return
    RollupCut.objects.filter(org_id=retired.org_id, base=retired.base).delete()
