"""The one aggregation: a statement over "a relation shaped like `record`", which adds its counts to `rollup`.

Ingest gives it the rows just received, a rebuild a day of `record`: so the two cannot disagree. Which dimensions,
grains and counters there are is said in dimensions.py, and the statement made from it. Hours and days are cut in the
zone of the organisation's cut (cuts.py).
"""

# ruff: noqa: S608 - only names and conditions of this module are put into SQL; every value is a parameter

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from functools import lru_cache
from hashlib import sha256
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from dashboard.analytics import dimensions, locks
from dashboard.analytics.clock import DAY, day_start
from dashboard.analytics.dimensions import (
    COUNTER_NAMES,
    COUNTERS,
    CUT_SIZE,
    KEPT,
    NOT_VERSIONED,
    RARE,
    RECORDS,
    Dimension,
    Grain,
)
from dashboard.analytics.ingest import partitions
from dashboard.analytics.models import RollupCut
from orgs.models import Organisation

# Above so many bytes the repeats in a histogram are summed: of what is added at once, and of a row whenever another so
# many requests have been added to it, because with more than 256 buckets it is always longer.
LONGEST = 1_536
EVERY = 128

# Where PostgreSQL can compile, it would for seconds: so much does it expect of a statement as long as add()'s.
SETTINGS = "SET LOCAL work_mem = '64MB'; SET LOCAL jit = off"
COLUMNS = ", ".join(dimensions.ROLLUP_COLUMNS)
KEY_COLUMNS = ", ".join(dimensions.KEY_COLUMNS)
COMPACTED = f"CASE WHEN octet_length(pairs) > {LONGEST} THEN histogram_compact(pairs) ELSE pairs END"

# Of a column that a dimension counts, no record without a value is counted. Rows whose time is not kept any more have
# none of that grain.
_SOURCE = """
    SELECT r.org_id, c.base, r.api_id, r.status, r.endpoint, nullif(r.key, '') AS key,
           CASE WHEN r.status >= 400 THEN r.status || ' ' || r.endpoint END AS error,
           {rare} CASE WHEN r.ts >= %(minutes_from)s THEN date_trunc('minute', r.ts) END AS minute,
           t.hour, CASE WHEN t.hour >= %(detail_from)s THEN t.hour END AS detail_hour,
           CASE WHEN {closed} THEN t.day END AS day,
           {counters}, CASE WHEN timed THEN latency ELSE 0 END AS latency_max,
           CASE WHEN timed THEN int2send(latency_bucket(latency)::smallint) || '\\x00000001'::bytea END AS pairs
    FROM {relation} r JOIN rollup_cut c ON c.org_id = r.org_id AND {cut},
         LATERAL (SELECT date_trunc('hour', r.ts, c.zone) AS hour, date_trunc('day', r.ts, c.zone) AS day) AS t
    {where}
"""
# What is counted of the rare columns, and which records have any of it.
_RARE = {
    "version": (
        f"nullif(nullif(r.version, ''), '{NOT_VERSIONED}')",
        f"r.version NOT IN ('', '{NOT_VERSIONED}')",
    ),
    "country": ("nullif(r.country, '')", "r.country <> ''"),
    "tag": ("nullif(r.tags, '{}')", "r.tags <> '{}'"),
    "oauth": ("nullif(r.oauth, '')", "r.oauth <> ''"),
    "mcp": ("nullif(r.mcp, '')", "r.mcp <> ''"),
}
_TIMES = {
    Grain.MINUTE: "minute",
    Grain.HOUR: "hour",
    Grain.HOUR_DETAIL: "detail_hour",
    Grain.DAY: "day",
    Grain.DAY_DETAIL: "day",
}
# A record is counted in the active cut, and in the one being built if that is past it.
_PAST = "c.state <> 'retired' AND (c.until IS NULL OR r.ts < c.until)"
# In a day once its hour is closed (closing.py).
_CLOSED = "(c.days_until IS NULL OR {hour} < c.days_until)"

_EACH = ", ".join(
    f"(CASE WHEN {each.when or 'true'} THEN {each.column or '1'} ELSE 0 END)::bigint AS {each.name}"
    for each in COUNTERS
)
ADDED = ", ".join(
    [*(f"bigint_sum({name}) AS {name}" for name in COUNTER_NAMES), "max(latency_max) AS latency_max"]
)
SUMS = ", ".join((*COUNTER_NAMES, "latency_max"))


def _names(*names: str) -> str:
    return ", ".join(filter(None, names))


def _finest(wanted: Dimension) -> Dimension:
    """The dimension whose cells a dimension is added up from: that of each API, if there is one."""
    return next((each for each in Dimension if each.column == wanted.column and each.by_api), wanted)


def _cells(finest: Dimension, days: bool) -> str:
    """Records as counts of each API, value and time, made once for all grains: far fewer than records where traffic is
    dense."""
    times = dict.fromkeys(
        _TIMES[grain] for grain in (*finest.grains, Grain.DAY) if days or not _is_of_days(grain)
    )
    column = "tags" if finest.column == "tag" else finest.column
    where = f"WHERE {column} IS NOT NULL" if column else ""
    grouped = _names("org_id", "base", "api_id", *times)
    cells = f"SELECT {_names(grouped, column)}, {_added(finest)} FROM source {where} GROUP BY {_names(grouped, column)}"
    if finest.histogram:
        cells = f"SELECT {_names(grouped, column, SUMS)}, {COMPACTED} AS pairs FROM ({cells}) AS c"
    if finest.column != "tag":
        return cells
    # Many records have the same tags: they are told apart by tag after they are added up. A tag that a record has twice
    # counts once.
    return f"""SELECT {grouped}, tag, {_added(finest)} FROM (
            SELECT *, unnest(tags) AS tag, generate_subscripts(tags, 1) AS place FROM ({cells}) AS c
        ) AS c WHERE tag <> '' AND array_position(tags, tag) = place GROUP BY {grouped}, tag"""


def _is_of_days(grain: Grain) -> bool:
    return _TIMES[grain] == "day"


def _added(wanted: Dimension) -> str:
    pairs = "coalesce(string_agg(pairs, ''::bytea), ''::bytea) AS pairs" if wanted.histogram else ""
    return _names(ADDED, pairs)


def _rows(wanted: Dimension, grain: Grain) -> str:
    """The rows of a dimension in a grain, in the order of ROLLUP_COLUMNS."""
    finest, time = _finest(wanted), _TIMES[grain]
    api, value = "api_id" if wanted.by_api else "", wanted.column
    grouped = _names("org_id", "base", time, api, value)
    rows = f"SELECT * FROM cells_{finest:d} WHERE {time} IS NOT NULL"
    # Each cell of the finest is a row of its finest grain: a minute has one hour, and an hour one day.
    if wanted != finest or grain != wanted.grains[0]:
        rows = f"SELECT {grouped}, {_added(wanted)} FROM ({rows}) AS c GROUP BY {grouped}"
    return f"""
        SELECT org_id, '{grain}'::"char", (base + {wanted:d})::smallint, {api or "''"}, {time},
               {f"{value}::text" if value else "''"}, {SUMS}, {COMPACTED if wanted.histogram else "''::bytea"}
        FROM ({rows}) AS r"""


# What is new stands before what was there, because of a row that is written again PostgreSQL logs neither the bytes at
# its beginning nor those at its end that stay the same: of an hour's histogram that is nearly all.
MERGE = f"""
ON CONFLICT ({KEY_COLUMNS}) DO UPDATE SET
    {", ".join(f"{name} = r.{name} + excluded.{name}" for name in COUNTER_NAMES)},
    latency_max = greatest(r.latency_max, excluded.latency_max),
    latency_histogram = CASE
        WHEN octet_length(r.latency_histogram) + octet_length(excluded.latency_histogram) > {LONGEST}
            AND r.hits %% {EVERY} + excluded.hits >= {EVERY}
        THEN histogram_compact(r.latency_histogram || excluded.latency_histogram)
        ELSE excluded.latency_histogram || r.latency_histogram END
"""


@lru_cache
def _upsert(rare: tuple[str, ...], relation: str, where: str, cut: str, days: bool) -> str:
    """rare: those of the rare columns that are counted; days: whether any record is counted in its day. Without the
    others it is planned in half the time, and read."""
    counted = [each for each in Dimension if each.column not in RARE or each.column in rare]
    source = _SOURCE.format(
        relation=relation,
        where=where,
        counters=_EACH,
        cut=cut,
        closed=_CLOSED.format(hour="t.hour"),
        rare="".join(f"{_RARE[column][0]} AS {'tags' if column == 'tag' else column}, " for column in rare),
    )
    cells = [
        f"cells_{finest:d} AS MATERIALIZED ({_cells(finest, days)})"
        for finest in dict.fromkeys(map(_finest, counted))
    ]
    added = " UNION ALL ".join(
        _rows(each, grain) for each in counted for grain in each.grains if days or not _is_of_days(grain)
    )
    return f"""
WITH source AS ({source}), {", ".join(cells)}
INSERT INTO rollup AS r ({COLUMNS})
SELECT * FROM ({added}) AS added ({COLUMNS})
ORDER BY {KEY_COLUMNS}
{MERGE}
"""


def lock() -> None:
    """Wait until no other transaction adds to the rollups; held to the end of this one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [locks.ROLLUPS])


def add(
    relation: str,
    now: datetime,
    where: str = "",
    *,
    base: int | None = None,
    rare: tuple[str, ...] = RARE,
    few: bool = False,
    **parameters: object,
) -> None:
    """Add the counts of a relation's rows (alias `r`) to `rollup`: in every cut that is past them, or in that with
    `base` alone. rare: those of the rare columns that any row may have a value in. few: the relation is a table of this
    connection with so few rows that they take less time than planning: then it keeps the plan.

    The transaction is the caller's. It may do so once beside others: two that meet on a row have sorted theirs alike,
    so the one that comes later waits there with all of its counting done, and never for what waits for it. A second
    time it needs the lock.
    """
    cut = _PAST if base is None else "c.base = %(base)s"
    with connection.cursor() as cursor:
        # The cuts stay as they are as long as anybody has this half of the lock.
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [locks.ROLLUPS])
        cursor.execute(SETTINGS)
        # What is counted of a span may be of any hour.
        days = bool(where) or _any_closed(cursor, relation)
        statement = _upsert(rare, relation, where, cut, days)
        bounds_of_grains = {
            "minutes_from": dimensions.oldest(Grain.MINUTE, now),
            "detail_from": dimensions.oldest(Grain.HOUR_DETAIL, now),
        }
        if few:
            _run_prepared(cursor, statement, bounds_of_grains)
        else:
            cursor.execute(statement, {**bounds_of_grains, "base": base, **parameters})


def _any_closed(cursor: CursorWrapper, relation: str) -> bool:
    """Whether the hour of any of a relation's rows is closed, in the cuts that are past it: asked of the first of each
    organisation."""
    cursor.execute(
        f"""SELECT EXISTS (SELECT FROM (SELECT org_id, min(ts) AS ts FROM {relation} GROUP BY org_id) AS r
            JOIN rollup_cut c ON c.org_id = r.org_id AND {_PAST}
            WHERE {_CLOSED.format(hour="date_trunc('hour', r.ts, c.zone)")})"""
    )
    return cursor.fetchone()[0]


def _run_prepared(cursor: CursorWrapper, statement: str, parameters: Mapping[str, datetime]) -> None:
    """Run a statement under a plan which the connection keeps until it ends. A pooler's connection may outlive this
    process: its name tells the statement from that of another version."""
    name = f"add_{sha256(statement.encode()).hexdigest()[:32]}"
    cursor.execute("SELECT EXISTS (SELECT FROM pg_prepared_statements WHERE name = %s)", [name])
    if not cursor.fetchone()[0]:
        places = {parameter: f"${place}" for place, parameter in enumerate(parameters, 1)}
        cursor.execute(f"PREPARE {name} (timestamptz, timestamptz) AS {statement % places}")
    cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    cursor.execute(f"EXECUTE {name} (%s, %s)", list(parameters.values()))


def rare_in(relation: str) -> tuple[str, ...]:
    """Those of the rare columns that any of a relation's rows (alias `r`) has a value in."""
    any_of_each = ", ".join(f"bool_or({_RARE[column][1]})" for column in RARE)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {any_of_each} FROM {relation} r")
        return tuple(column for column, found in zip(RARE, cursor.fetchone(), strict=True) if found)


_SPAN = "r.org_id = %(org)s AND r.ts >= %(start)s AND r.ts < %(end)s"


def rebuild(org: Organisation, first: date, last: date, now: datetime) -> Iterator[tuple[date, int]]:
    """Make the organisation's days `first` to `last` again from records; yields each, with its hits, once committed.

    Safe to stop and to repeat: a day is made whole or stays as it was.
    """
    for day in covered(org, first, last, now):
        yield day, rebuild_day(org, day, now)


def covered(org: Organisation, first: date, last: date, now: datetime) -> list[date]:
    """Those of the organisation's days that records cover whole: of others the rollups are all there is."""
    records_from, (zone, _) = org.retention.since(KEPT[RECORDS].kind, now), RollupCut.active(org)
    days = (first + number * DAY for number in range((last - first).days + 1))
    return [day for day in days if records_from <= bounds(zone, day)[0] <= now]


def rebuild_day(org: Organisation, day: date, now: datetime) -> int:
    """Make a day that records cover again; its hits."""
    zone, base = RollupCut.active(org)
    start, end = bounds(zone, day)
    partitions.ensure({start.date(), end.date()}, now)
    return _rebuild(org, base, start, end, now)


def bounds(zone: ZoneInfo, day: date) -> tuple[datetime, datetime]:
    """The first moment of a day of the zone, and of the next, in UTC."""
    return day_start(day, zone), day_start(day + DAY, zone)


@transaction.atomic
def _rebuild(org: Organisation, base: int, start: datetime, end: datetime, now: datetime) -> int:
    span = {"org": org.pk, "start": start, "end": end}
    own = {**span, "base": base}
    # First: what an ingest has stored but not counted yet is not seen here, and is counted by it afterwards.
    lock()
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM rollup r WHERE {_SPAN} AND dimension >= %(base)s AND dimension < %(base)s + {CUT_SIZE}",
            own,
        )
        add("record", now, f"WHERE {_SPAN}", base=base, **span)
        cursor.execute(
            f"SELECT count(*) FROM record r WHERE {_SPAN}",
            span,
        )
        return cursor.fetchone()[0]
