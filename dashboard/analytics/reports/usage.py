"""What other apps say of traffic: in their lists of the last 24 hours (orgs.providers.usage), of the last week before
an API is changed (orgs.providers.last_week), and of which keys were called (orgs.providers.callers)."""

# ruff: noqa: S608 - only names and conditions of these modules are put into SQL, every value is a parameter

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import TypeVar
from zoneinfo import ZoneInfo

from django.db import DatabaseError

from dashboard.analytics.clock import DAY, day_start, row_bound, said
from dashboard.analytics.dimensions import BASES, OTHER, RECORDS, Dimension, Grain, days_of, oldest
from dashboard.analytics.reports import reader, zones
from dashboard.analytics.reports.charts import figures, geometry
from dashboard.analytics.reports.periods import asking, cutting
from dashboard.analytics.reports.periods.period import LONG_AGO, Period
from dashboard.analytics.reports.rows import Piece, rows
from dashboard.analytics.reports.traffic import NO_FILTERS, Owners
from dashboard.analytics.reports.zones import Shown
from orgs.db import reading
from orgs.db.patience import at_most
from orgs.models import Organisation
from orgs.providers import last_week as weeks
from orgs.providers.callers import Callers
from orgs.providers.usage import Usage, Use

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")
_HOUR = 3_600  # seconds

# Minutes, because they are those of UTC for every organisation.
OF_ORGANISATIONS = f"""SELECT rollup.org_id AS id, ts, hits, status_5xx FROM rollup
    JOIN rollup_cut ON rollup_cut.org_id = rollup.org_id AND state = 'active'
    WHERE rollup.org_id = ANY(%s) AND grain = '{Grain.MINUTE}' AND dimension = ANY(%s) AND api_id = ''
        AND ts >= %s AND ts < %s AND dimension = base + %s"""
_OF_API = "WHERE org_id = %s AND dimension = %s AND ts >= %s AND api_id = thing.id"
HOURS_OF_APIS = """SELECT api_id, sum(hits)::bigint, max(hits)::bigint FROM rollup
    WHERE org_id = %s AND grain = %s AND dimension = %s AND ts >= %s AND api_id = ANY(%s) GROUP BY api_id"""
# When a thing was called last: a key exactly while records are kept, others to the minute, or else to the day.
NEWEST = {
    "key": "SELECT ts, true AS exact FROM record WHERE org_id = %s AND key = thing.id AND key <> '' AND ts >= %s",
    "api": f"""(SELECT ts, true AS exact FROM rollup {_OF_API} AND grain = '{Grain.MINUTE}' ORDER BY ts DESC LIMIT 1)
        UNION ALL (SELECT ts, false FROM rollup {_OF_API} AND grain = '{Grain.HOUR}' ORDER BY ts DESC LIMIT 1)
        UNION ALL (SELECT ts, false FROM rollup {_OF_API} AND grain = '{Grain.DAY}' ORDER BY ts DESC LIMIT 1)""",
    # A day begins in the zone of its organisation, and is told as the same date in UTC; hours that are not closed yet
    # are not older than minutes.
    "organisation": f"""SELECT ts AT TIME ZONE cut.zone AT TIME ZONE 'UTC' AS ts, false AS exact
        FROM rollup JOIN rollup_cut AS cut ON cut.org_id = thing.id AND cut.state = 'active' AND dimension = base + %s
        WHERE rollup.org_id = thing.id AND grain IN ('{Grain.DAY}', '{Grain.HOUR}') AND api_id = '' AND used.id IS NULL
            AND (grain = '{Grain.DAY}' OR ts >= %s)""",
}


def last_day(
    what: str,
    ids: Sequence[str],
    org: Organisation | None,
    now: datetime,
    former: Mapping[str, str] | None = None,
) -> Usage | None:
    """As orgs.providers.usage.last_day: of things of one organisation in the zone of its figures, of several in UTC.
    None if that takes too long: a list of things is shown whatever becomes of their figures."""
    try:
        with at_most(reader.TIMEOUT, reading.source().alias):
            return _last_day(what, [*ids, *(former or {})], org, now, former)
    except DatabaseError as error:
        logger.warning("no figures for a list of kind %s: %s", what, type(error).__name__)
        return None


def _last_day(
    what: str,
    ids: Sequence[str],
    org: Organisation | None,
    now: datetime,
    former: Mapping[str, str] | None = None,
) -> Usage:
    cut = zones.of(org, now) if org else Shown(ZoneInfo("UTC"))
    period = asking.parse({}, cut.zone, now)
    if org:
        used, newest = _of_one(what, ids, cut.owners(org.pk), period)
    else:
        totals = [base + Dimension.TOTAL for base in BASES]
        used = (OF_ORGANISATIONS, [list(ids), totals, period.start, period.end, Dimension.TOTAL])
        newest = [Dimension.TOTAL, oldest(Grain.MINUTE, now)]
    edges = cutting.table_cut(period).edges[:-1]
    if org:
        edges = tuple(row_bound(edge, period.tables.grain, cut.zone) for edge in edges)
    found = _read(used, (NEWEST[what], newest), ids, edges)
    if former:
        found = sorted(((former.get(row[0], row[0]), *row[1:]) for row in found), key=itemgetter(0))
    uses = {name: _use(list(parts), len(edges), period) for name, parts in groupby(found, itemgetter(0))}
    return Usage(uses, f"24 h to {said(period.seen_end, cut.zone)}", cut.zone.key)


def _of_one(what: str, ids: Sequence[str], owners: Owners, period: Period) -> tuple[Piece, list]:
    """Rows of things of one organisation, and the parameters of NEWEST."""
    source, params = rows(what, owners, period.tables, NO_FILTERS, ["hits", "status_5xx"])
    column = "value" if what == "key" else "api_id"
    used = f"SELECT {column} AS id, ts, hits, status_5xx FROM ({source}) AS r WHERE {column} = ANY(%s)"
    [org_id] = owners.org_ids
    # What is past its period may not have been deleted yet.
    kept = {
        grain: owners.from_when(LONG_AGO, grain) for grain in (RECORDS, Grain.MINUTE, Grain.HOUR, Grain.DAY)
    }
    api = [org_id, owners.base + Dimension.API]
    newest = [org_id, kept[RECORDS]]
    if what != "key":
        newest = [value for grain in (Grain.MINUTE, Grain.HOUR, Grain.DAY) for value in (*api, kept[grain])]
    return (used, [*params, list(ids)]), newest


def _read(used: Piece, newest: Piece, ids: Sequence[str], edges: Sequence[datetime]) -> list[tuple]:
    """(id, bucket, hits, failed, last, whether that is exact) of each bucket in which a thing was called; of one that
    was only called before with None for a bucket."""
    with reading.connection().cursor() as cursor:
        cursor.execute(
            f"""WITH used AS MATERIALIZED (SELECT id, width_bucket(ts, %s::timestamptz[]) - 1 AS bucket,
                    sum(hits)::bigint AS hits, sum(status_5xx)::bigint AS failed, max(ts) AS last
                FROM ({used[0]}) AS s GROUP BY id, bucket)
            SELECT thing.id, bucket, coalesce(hits, 0), coalesce(failed, 0), 
                coalesce(newest.ts, max(used.last) OVER (PARTITION BY thing.id)), coalesce(exact, true)
            FROM unnest(%s::text[]) AS thing(id) LEFT JOIN used ON used.id = thing.id
            LEFT JOIN LATERAL ({newest[0]} ORDER BY ts DESC, exact DESC LIMIT 1) AS newest ON true
            WHERE used.id IS NOT NULL OR newest.ts IS NOT NULL ORDER BY thing.id""",
            [list(edges), *used[1], sorted(set(ids)), *newest[1]],
        )
        return cursor.fetchall()


def _use(parts: list[tuple], buckets: int, period: Period) -> Use:
    over_time = [0] * buckets
    for _, bucket, hits, *_ in parts:
        over_time[max(0, bucket or 0)] += hits
    hits, failed = sum(over_time), sum(part[3] for part in parts)
    share = figures.share(failed, hits)
    last, exact = max(part[-2:] for part in parts)
    return Use(
        hits=hits,
        requests=figures.short(hits),
        exact=f"{figures.exact(hits)} request{'' if hits == 1 else 's'}",
        failed=figures.per_cent(share),
        failing=bool(share and share >= 1),
        spark=geometry.sparkline(over_time) if hits else None,
        last=said(
            last, period.zone, year=period.now - last > 300 * DAY, pattern="%H:%M" if exact else ""
        ).strip(),
        last_at=last,
    )


def last_week(org: Organisation, api_ids: Collection[str], now: datetime) -> dict[str, weeks.Week] | None:
    """As orgs.providers.last_week.of, from whole hours. None if that takes too long."""
    try:
        with at_most(reader.TIMEOUT, reading.source().alias), reading.connection().cursor() as cursor:
            cut = zones.of(org, now)
            since = row_bound(now - timedelta(days=weeks.DAYS), Grain.HOUR, cut.zone)
            hours = [org.pk, str(Grain.HOUR), cut.base + Dimension.API, since, list(api_ids)]
            cursor.execute(HOURS_OF_APIS, hours)
            found = {api_id: weeks.Week(hits, most / _HOUR) for api_id, hits, most in cursor}
    except DatabaseError as error:
        logger.warning("not said how much APIs were called: %s", type(error).__name__)
        return None
    return {api_id: found.get(api_id, weeks.Week(0, 0.0)) for api_id in api_ids}


def callers(org: Organisation, days: int, now: datetime) -> Callers | None:
    """As orgs.providers.callers.of. None if that takes too long."""
    return _in_time(lambda: _callers_of_last_day(org, now) if days == 1 else _callers_of_days(org, days, now))


def called_apis(
    org: Organisation, hashes: Collection[str], days: int, now: datetime
) -> Mapping[str, Collection[str]] | None:
    """As orgs.providers.callers.apis_of. None if that takes too long."""
    return _in_time(lambda: _apis(org, hashes, days, now))


def _in_time(read: Callable[[], Answer]) -> Answer | None:
    try:
        with at_most(reader.TIMEOUT, reading.source().alias):
            return read()
    except DatabaseError as error:
        logger.warning("not said which keys were called: %s", type(error).__name__)
        return None


def _callers_of_last_day(org: Organisation, now: datetime) -> Callers:
    cut = zones.of(org, now)
    period = asking.parse({}, cut.zone, now)
    source, params = rows("key", cut.owners(org.pk), period.tables, NO_FILTERS, [])
    return _callers(f"SELECT DISTINCT value FROM ({source}) AS r", params, period.start)


def _callers_of_days(org: Organisation, days: int, now: datetime) -> Callers:
    start, source, params = _rows_of_days(org, Dimension.KEY, days, now)
    with reading.connection().cursor() as cursor:
        cursor.execute(f"SELECT min(ts) {source}", params)
        [first] = cursor.fetchone()
    return _callers(f"SELECT DISTINCT value {source}", params, max(start, first or start))


def _callers(statement: str, params: list, start: datetime) -> Callers:
    with reading.connection().cursor() as cursor:
        cursor.execute(statement, params)
        found = {value for [value] in cursor}
    return Callers(frozenset(found - {OTHER}), start, folded=OTHER in found)


def _apis(org: Organisation, hashes: Collection[str], days: int, now: datetime) -> dict[str, set[str]]:
    _, source, params = _rows_of_days(org, Dimension.KEY_API, days, now)
    found: dict[str, set[str]] = defaultdict(set)
    with reading.connection().cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT value, api_id {source} AND value = ANY(%s)", [*params, [*hashes, OTHER]]
        )
        for value, api_id in cursor:
            found[value].add(api_id)
    # Calls without the name of their key may have been those of any.
    untold = found.pop(OTHER, None)
    return {name: found[name] | ({""} if untold else set()) for name in hashes if untold or name in found}


def _rows_of_days(
    org: Organisation, counted: Dimension, days: int, now: datetime
) -> tuple[datetime, str, list]:
    """Since when, and what follows SELECT with its parameters: whole days in the zone of the organisation's figures."""
    cut = zones.of(org, now)
    start = day_start(now.astimezone(cut.zone).date() - timedelta(days=days - 1), cut.zone)
    start = cut.owners(org.pk).from_when(start, Grain.DAY_DETAIL)
    bound = row_bound(start, Grain.DAY_DETAIL, cut.zone)
    rows_of_days = days_of(counted, open_hours=cut.open_hours)
    source = f"FROM {rows_of_days} AS rollup WHERE org_id = %s AND dimension = %s AND ts >= %s"
    return start, source, [org.pk, cut.base + counted, bound]
