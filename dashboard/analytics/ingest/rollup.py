"""The one aggregation: a statement over "a relation shaped like `record`", which adds its counts to `rollup`.

Ingest gives it the rows just received, a rebuild a day of `record`: so the two cannot disagree. Hours and
days are cut in the zone of the organisation's cut (cuts.py); days are summed from hours, which never straddle
a local midnight.

m minute, UTC total, API h hour total, API x hour status, endpoint, error, key, key of an API d day total,
API, status k day endpoint, error, key, key of an API
"""

# ruff: noqa: S608 - only names and conditions of this module are put into SQL; every value is a parameter

from datetime import datetime

from django.db import connection

from dashboard.analytics.ingest import partitions

LOCK = 0x67617465686F7502
LONGEST = 6_144  # bytes of appended histogram above which the repeats in it are summed

_SOURCE = """
    SELECT r.org_id, c.base, r.api_id, r.status, r.endpoint, r.key, r.timed, r.lat_total, r.lat_up,
           CASE WHEN r.status >= 400 THEN r.status || ' ' || r.endpoint END AS error,
           CASE WHEN r.ts >= %(fine_from)s THEN date_trunc('minute', r.ts) END AS minute,
           date_trunc('hour', r.ts, c.zone) AS hour,
           lat_bucket(r.lat_total) AS bucket
    FROM {relation} r JOIN rollup_cut c ON c.org_id = r.org_id AND {cut}
    {where}
"""
# A record is counted in the active cut, and in the one being built if that is past it.
_PAST = "c.state <> 'retired' AND (c.until IS NULL OR r.ts < c.until)"

# Which of the grouping sets a row belongs to, as the key of `rollup`.
_KEY = """
    org_id,
    CASE WHEN grouping(minute) = 0 THEN 'm' ELSE 'h' END AS grain,
    coalesce(api_id, '') AS api_id,
    coalesce(minute, hour) AS ts
"""

_COUNTED = f"""
    SELECT {_KEY},
           base + CASE WHEN grouping(status) = 0 THEN 2 WHEN grouping(endpoint) = 0 THEN 3
                       WHEN grouping(error) = 0 THEN 4 WHEN grouping(key) = 0 THEN 7 - grouping(api_id)
                       ELSE 1 - grouping(api_id) END AS dim,
           coalesce(status::text, endpoint, error, key, '') AS val,
           count(*) AS hits,
           count(*) FILTER (WHERE status BETWEEN 300 AND 399) AS s3,
           count(*) FILTER (WHERE status BETWEEN 400 AND 499) AS s4,
           count(*) FILTER (WHERE status >= 500) AS s5,
           count(*) FILTER (WHERE status = 429) AS limited,
           count(*) FILTER (WHERE timed) AS timed,
           coalesce(sum(lat_total) FILTER (WHERE timed), 0) AS lat_sum,
           count(*) FILTER (WHERE lat_up > 0) AS up_hits,
           coalesce(sum(lat_up), 0) AS up_sum,
           coalesce(max(lat_total) FILTER (WHERE timed), 0) AS lat_max
    FROM source
    GROUP BY GROUPING SETS (
        (org_id, base, minute), (org_id, base, minute, api_id), (org_id, base, hour), (org_id, base, hour, api_id),
        (org_id, base, hour, api_id, status), (org_id, base, hour, api_id, endpoint),
        (org_id, base, hour, api_id, error), (org_id, base, hour, key), (org_id, base, hour, api_id, key)
    )
    HAVING (grouping(minute) = 1 OR minute IS NOT NULL)
       AND (grouping(error) = 1 OR error IS NOT NULL)
       AND (grouping(key) = 1 OR key <> '')
"""

_HISTOGRAMS = f"""
    SELECT org_id, grain, dim, api_id, ts, val,
           string_agg(int2send(bucket::smallint) || int4send(n::integer), ''::bytea) AS lat
    FROM (
        SELECT {_KEY},
               base + CASE WHEN grouping(endpoint) = 0 THEN 3 ELSE 1 - grouping(api_id) END AS dim,
               coalesce(endpoint, '') AS val, bucket, count(*) AS n
        FROM source WHERE timed
        GROUP BY GROUPING SETS (
            (org_id, base, minute, bucket), (org_id, base, minute, api_id, bucket),
            (org_id, base, hour, bucket), (org_id, base, hour, api_id, bucket),
            (org_id, base, hour, api_id, endpoint, bucket)
        )
        HAVING grouping(minute) = 1 OR minute IS NOT NULL
    ) AS buckets
    GROUP BY org_id, grain, dim, api_id, ts, val
"""

_DAYS = """
    SELECT f.org_id, CASE WHEN f.dim %% 100 <= 2 THEN 'd' ELSE 'k' END AS grain, f.dim, f.api_id,
           date_trunc('day', f.ts, c.zone) AS day, f.val,
           sum(hits)::bigint, sum(s3)::bigint, sum(s4)::bigint, sum(s5)::bigint, sum(limited)::bigint,
           sum(timed)::bigint, sum(lat_sum)::bigint, sum(up_hits)::bigint, sum(up_sum)::bigint, max(lat_max),
           string_agg(lat, ''::bytea)
    FROM fine f JOIN rollup_cut c ON c.org_id = f.org_id AND c.base = f.dim - f.dim %% 100
    WHERE f.grain = 'h'
    GROUP BY f.org_id, f.dim, f.api_id, day, f.val
"""

COUNTERS = ("hits", "s3", "s4", "s5", "limited", "timed", "lat_sum", "up_hits", "up_sum")
COLUMNS = f"org_id, grain, dim, api_id, ts, val, {', '.join(COUNTERS)}, lat_max, lat"
MERGE = f"""
ON CONFLICT (org_id, grain, dim, api_id, ts, val) DO UPDATE SET
    {", ".join(f"{name} = r.{name} + excluded.{name}" for name in COUNTERS)},
    lat_max = greatest(r.lat_max, excluded.lat_max),
    lat = CASE WHEN octet_length(r.lat) + octet_length(excluded.lat) > {LONGEST}
               THEN lat_compact(r.lat || excluded.lat) ELSE r.lat || excluded.lat END
"""

_UPSERT = f"""
WITH source AS ({_SOURCE}),
counted AS ({_COUNTED}),
histograms AS ({_HISTOGRAMS}),
fine AS (
    SELECT c.*, coalesce(h.lat, ''::bytea) AS lat
    FROM counted c LEFT JOIN histograms h USING (org_id, grain, dim, api_id, ts, val)
),
days AS ({_DAYS})
INSERT INTO rollup AS r ({COLUMNS})
SELECT org_id, grain::"char", dim, api_id, ts, val, {", ".join(COUNTERS)}, lat_max,
       CASE WHEN octet_length(lat) > {LONGEST} THEN lat_compact(lat) ELSE lat END
FROM (
    SELECT org_id, CASE WHEN grain = 'h' AND dim %% 100 > 1 THEN 'x' ELSE grain END, dim, api_id, ts, val,
           {", ".join(COUNTERS)}, lat_max, lat
    FROM fine WHERE dim %% 100 <= 1 OR ts >= %(fine_from)s
    UNION ALL
    SELECT * FROM days
) AS added ({COLUMNS})
ORDER BY org_id, grain, dim, api_id, ts, val
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
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '64MB'")
        cursor.execute(
            _UPSERT.format(
                relation=relation, where=where, cut=_PAST if base is None else "c.base = %(base)s"
            ),
            {"fine_from": partitions.oldest("rollup_m", now), "base": base, **parameters},
        )
