"""The one aggregation: a statement over "a relation shaped like `record`", which adds its counts to `rollup`.

Ingest gives it the rows just received, a rebuild a day of `record`: so the two cannot disagree. Which dimensions,
grains and counters there are is said in dimensions.py, and the statement made from it. Hours and days are cut in the
zone of the organisation's cut (cuts.py); days are summed from hours, which never straddle a local midnight.
"""

# ruff: noqa: S608 - only names and conditions of this module are put into SQL; every value is a parameter

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from dashboard.analytics import dimensions
from dashboard.analytics.clock import DAY, day_start
from dashboard.analytics.dimensions import (
    COUNTER_NAMES,
    COUNTERS,
    CUT_SIZE,
    RECORDS,
    Counter,
    Dimension,
    Grain,
)
from dashboard.analytics.ingest import partitions
from dashboard.analytics.models import RollupCut
from orgs.models import Organisation

LOCK = 0x67617465686F7502
LONGEST = 6_144  # bytes of appended histogram above which the repeats in it are summed

COLUMNS = ", ".join(dimensions.ROLLUP_COLUMNS)
KEY_COLUMNS = ", ".join(dimensions.KEY_COLUMNS)
_SUMS = ", ".join(COUNTER_NAMES)
_VALUES = tuple(dict.fromkeys(each.column for each in Dimension if each.column))

# Of a column that a dimension counts, no record without a value is counted.
_SOURCE = """
    SELECT r.org_id, c.base, r.api_id, r.status, r.endpoint, nullif(r.key, '') AS key, r.timed, r.latency,
           r.upstream_latency,
           CASE WHEN r.status >= 400 THEN r.status || ' ' || r.endpoint END AS error,
           CASE WHEN r.ts >= %(minutes_from)s THEN date_trunc('minute', r.ts) END AS minute,
           date_trunc('hour', r.ts, c.zone) AS hour,
           latency_bucket(r.latency) AS bucket
    FROM {relation} r JOIN rollup_cut c ON c.org_id = r.org_id AND {cut}
    {where}
"""
# A record is counted in the active cut, and in the one being built if that is past it.
_PAST = "c.state <> 'retired' AND (c.until IS NULL OR r.ts < c.until)"


def _columns(dimension: Dimension) -> list[str]:
    """The columns, besides organisation and time, that tell the rows of a dimension apart."""
    return [*(["api_id"] if dimension.by_api else []), *([dimension.column] if dimension.column else [])]


def _key(counted: Iterable[Dimension]) -> str:
    """The key of `rollup` for the grouping set that a row belongs to, where these dimensions are counted.

    GROUPING gives a bit for each column that a row is not grouped by, the first one highest.
    """
    counted = list(counted)
    grouped = list(dict.fromkeys(column for each in counted for column in _columns(each)))
    numbers = {
        sum(
            1 << place for place, column in enumerate(reversed(grouped)) if column not in _columns(each)
        ): each
        for each in counted
    }
    values = ", ".join(f"{column}::text" for column in grouped if column != "api_id")
    return f"""
        org_id,
        CASE WHEN grouping(minute) = 0 THEN '{Grain.MINUTE}' ELSE '{Grain.HOUR}' END AS grain,
        base + CASE grouping({", ".join(grouped)})
            {" ".join(f"WHEN {mask} THEN {int(each)}" for mask, each in numbers.items())} END AS dimension,
        coalesce(api_id, '') AS api_id,
        coalesce(minute, hour) AS ts,
        coalesce({values}, '') AS value"""


def _sets(wanted: Iterable[Dimension], *more: str) -> str:
    """Grouping sets of dimensions: by hour, and by minute where those are kept."""
    sets = [
        f"({', '.join(('org_id', 'base', time, *_columns(each), *more))})"
        for each in wanted
        for time in ("hour", *(["minute"] if Grain.MINUTE in each.grains else []))
    ]
    return ", ".join(sets)


def _detail(grain: Grain) -> str:
    """Whether a row is of a dimension that is kept in this grain."""
    numbers = ", ".join(str(int(each)) for each in Dimension if grain in each.grains)
    return f"dimension %% {CUT_SIZE} IN ({numbers})"


def _counted(counter: Counter) -> str:
    only = f" FILTER (WHERE {counter.when})" if counter.when else ""
    return f"coalesce(sum({counter.column}){only}, 0)" if counter.column else f"count(*){only}"


_COUNTED = f"""
    SELECT {_key(Dimension)},
           {", ".join(f"{_counted(counter)} AS {counter.name}" for counter in COUNTERS)},
           coalesce(max(latency) FILTER (WHERE timed), 0) AS latency_max
    FROM source
    GROUP BY GROUPING SETS ({_sets(Dimension)})
    HAVING (grouping(minute) = 1 OR minute IS NOT NULL)
       {" ".join(f"AND (grouping({column}) = 1 OR {column} IS NOT NULL)" for column in _VALUES)}
"""

_WITH_HISTOGRAM = [each for each in Dimension if each.histogram]
_HISTOGRAMS = f"""
    SELECT {KEY_COLUMNS},
           string_agg(int2send(bucket::smallint) || int4send(n::integer), ''::bytea) AS latency_histogram
    FROM (
        SELECT {_key(_WITH_HISTOGRAM)}, bucket, count(*) AS n
        FROM source WHERE timed
        GROUP BY GROUPING SETS ({_sets(_WITH_HISTOGRAM, "bucket")})
        HAVING grouping(minute) = 1 OR minute IS NOT NULL
    ) AS buckets
    GROUP BY {KEY_COLUMNS}
"""

_DAYS = f"""
    SELECT f.org_id, CASE WHEN {_detail(Grain.DAY_DETAIL)} THEN '{Grain.DAY_DETAIL}' ELSE '{Grain.DAY}' END AS grain,
           f.dimension, f.api_id, date_trunc('day', f.ts, c.zone) AS day, f.value,
           {", ".join(f"sum({name})::bigint" for name in COUNTER_NAMES)}, max(latency_max),
           string_agg(latency_histogram, ''::bytea)
    FROM fine f JOIN rollup_cut c ON c.org_id = f.org_id AND c.base = f.dimension - f.dimension %% {CUT_SIZE}
    WHERE f.grain = '{Grain.HOUR}'
    GROUP BY f.org_id, f.dimension, f.api_id, day, f.value
"""

MERGE = f"""
ON CONFLICT ({KEY_COLUMNS}) DO UPDATE SET
    {", ".join(f"{name} = r.{name} + excluded.{name}" for name in COUNTER_NAMES)},
    latency_max = greatest(r.latency_max, excluded.latency_max),
    latency_histogram = CASE
        WHEN octet_length(r.latency_histogram) + octet_length(excluded.latency_histogram) > {LONGEST}
        THEN histogram_compact(r.latency_histogram || excluded.latency_histogram)
        ELSE r.latency_histogram || excluded.latency_histogram END
"""

_UPSERT = f"""
WITH source AS ({_SOURCE}),
counted AS ({_COUNTED}),
histograms AS ({_HISTOGRAMS}),
fine AS (
    SELECT c.*, coalesce(h.latency_histogram, ''::bytea) AS latency_histogram
    FROM counted c LEFT JOIN histograms h USING ({KEY_COLUMNS})
),
days AS ({_DAYS})
INSERT INTO rollup AS r ({COLUMNS})
SELECT org_id, grain::"char", dimension, api_id, ts, value, {_SUMS}, latency_max,
       CASE WHEN octet_length(latency_histogram) > {LONGEST} THEN histogram_compact(latency_histogram)
            ELSE latency_histogram END
FROM (
    SELECT org_id,
           CASE WHEN grain = '{Grain.HOUR}' AND {_detail(Grain.HOUR_DETAIL)} THEN '{Grain.HOUR_DETAIL}' ELSE grain END,
           dimension, api_id, ts, value, {_SUMS}, latency_max, latency_histogram
    FROM fine WHERE NOT {_detail(Grain.HOUR_DETAIL)} OR ts >= %(detail_from)s
    UNION ALL
    SELECT * FROM days
) AS added ({COLUMNS})
ORDER BY {KEY_COLUMNS}
{MERGE}
"""


def lock() -> None:
    """Wait until no other transaction adds to the rollups; held to the end of this one.

    Upserts of two workers meet on the same rows, in orders of their own: without the lock they deadlock.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def add(relation: str, now: datetime, where: str = "", base: int | None = None, **parameters: object) -> None:
    """Add the counts of a relation's rows (alias `r`) to `rollup`, under the lock: in every cut that is past
    them, or in that with `base` alone.

    The transaction is the caller's.
    """
    lock()
    statement = _UPSERT.format(
        relation=relation, where=where, cut=_PAST if base is None else "c.base = %(base)s"
    )
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '64MB'")
        cursor.execute(
            statement,
            {
                "minutes_from": dimensions.oldest(Grain.MINUTE, now),
                "detail_from": dimensions.oldest(Grain.HOUR_DETAIL, now),
                "base": base,
                **parameters,
            },
        )


_SPAN = "r.org_id = %(org)s AND r.ts >= %(start)s AND r.ts < %(end)s"


def rebuild(org: Organisation, first: date, last: date, now: datetime) -> Iterator[tuple[date, int]]:
    """Make the organisation's days `first` to `last` again from records; yields each, with its hits, once committed.

    Safe to stop and to repeat: a day is made whole or stays as it was.

    Days that raw records do not cover whole are left out: their rollups are all there is.
    """
    records_from, (zone, base) = dimensions.oldest(RECORDS, now), RollupCut.active(org)
    for day in (first + number * DAY for number in range((last - first).days + 1)):
        start, end = bounds(zone, day)
        if records_from <= start <= now:
            partitions.ensure({start.date(), end.date()}, now)
            yield day, _rebuild(org, base, start, end, now)


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
            f"SELECT coalesce(sum(hits), 0) FROM rollup r WHERE {_SPAN} AND grain = %(day)s AND dimension = %(total)s",
            {**own, "day": Grain.DAY, "total": base + Dimension.TOTAL},
        )
        return int(cursor.fetchone()[0])
