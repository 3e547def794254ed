"""Bounds on how many values get rollup rows of their own, applied to rows before they are stored.

Scanners and broken clients make up endpoints and keys without end. What is above a bound is counted under a
common name, so that sums stay exact. The name is stored with the record too: a rebuild then gives the same
rollups. The true path stays.
"""

# ruff: noqa: S608 - only names and conditions of this module are put into SQL; every value is a parameter

from datetime import datetime

from django.db import connection

from dashboard.analytics import distribution
from dashboard.analytics.dimensions import OTHER, Dimension, Grain
from dashboard.analytics.ingest import apart, endpoint

KEYS_PER_DAY = 50_000  # of an organisation

LOCK = 0x67617465686F7503  # of those who register endpoints

_UNREGISTERED = """
    SELECT i.*
    FROM (
        SELECT org_id, api_id, endpoint, min(ts) AS first_seen, bool_or(status <> 404) AS found
        FROM incoming GROUP BY org_id, api_id, endpoint
    ) AS i LEFT JOIN endpoint e USING (org_id, api_id, endpoint)
    WHERE e.org_id IS NULL
"""
_REGISTER = """
INSERT INTO endpoint (org_id, api_id, endpoint, first_seen)
SELECT org_id, api_id, endpoint, first_seen
FROM (
    SELECT n.*,
           row_number() OVER (PARTITION BY org_id, api_id ORDER BY first_seen, endpoint)
           + (SELECT count(*) FROM endpoint e WHERE (e.org_id, e.api_id) = (n.org_id, n.api_id)) AS place
    FROM unnest(%s::text[], %s::text[], %s::text[], %s::timestamptz[]) AS n (org_id, api_id, endpoint, first_seen)
    WHERE NOT EXISTS (
        SELECT FROM endpoint e WHERE (e.org_id, e.api_id, e.endpoint) = (n.org_id, n.api_id, n.endpoint)
    )
) AS ranked
WHERE place <= %s
"""
_RENAME_ENDPOINTS = """
UPDATE incoming i SET endpoint = CASE WHEN status = 404 THEN %s ELSE %s END
WHERE NOT EXISTS (
    SELECT FROM endpoint e WHERE (e.org_id, e.api_id, e.endpoint) = (i.org_id, i.api_id, i.endpoint)
)
"""

_DAY = "date_trunc('day', i.ts, c.zone)"
_OF_THE_DAY = (
    f"r.org_id = d.org_id AND r.grain = '{Grain.DAY_DETAIL}' AND r.dimension = d.base + {int(Dimension.KEY)} "
    "AND r.api_id = '' AND r.ts = d.day"
)
# A day has at most as many keys as requests. That is one row, where keys are counted one by one.
_REQUESTS = f"""
    coalesce((
        SELECT r.hits FROM rollup r WHERE r.org_id = d.org_id AND r.grain = '{Grain.DAY}'
            AND r.dimension = d.base + {int(Dimension.TOTAL)} AND r.api_id = '' AND r.ts = d.day AND r.value = ''), 0)
"""
_CROWDED = f"""
    SELECT d.org_id, d.base, d.day, d.zone, kept.keys
    FROM (
        SELECT i.org_id, c.base, c.zone, {_DAY} AS day, count(*) AS used
        FROM incoming i JOIN rollup_cut c ON c.org_id = i.org_id AND c.state = 'active'
        WHERE i.key <> '' GROUP BY i.org_id, c.base, c.zone, day
    ) AS d,
    LATERAL (
        SELECT CASE WHEN {_REQUESTS} + d.used <= %(most)s THEN 0
               ELSE (SELECT count(*) FROM rollup r WHERE {_OF_THE_DAY}) END AS keys
    ) AS kept
    WHERE kept.keys + d.used > %(most)s
"""
_RENAME_KEYS = f"""
WITH crowded AS ({_CROWDED}),
fresh AS (
    SELECT DISTINCT d.org_id, d.day, d.zone, d.keys, i.key
    FROM crowded d JOIN incoming i ON i.org_id = d.org_id AND date_trunc('day', i.ts, d.zone) = d.day
    WHERE i.key <> '' AND NOT EXISTS (SELECT FROM rollup r WHERE {_OF_THE_DAY} AND r.value = i.key)
),
ranked AS (
    SELECT fresh.*, keys + row_number() OVER (PARTITION BY org_id, day ORDER BY key) AS place FROM fresh
)
UPDATE incoming i SET key = %(other)s
FROM ranked
WHERE place > %(most)s AND i.org_id = ranked.org_id AND i.key = ranked.key
  AND date_trunc('day', i.ts, zone) = day
"""


def endpoints() -> None:
    """Register the new endpoints of the table `incoming`; rename those for which there is no place.

    What is registered stays if the transaction is rolled back: its records come again.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT org_id, api_id, endpoint, first_seen, found FROM ({_UNREGISTERED}) AS u")
        unregistered = cursor.fetchall()
        new = [tuple(place) for *place, found in unregistered if found]
        registered = apart.committed(lambda: _register(new)) if new else 0
        if registered < len(unregistered):
            cursor.execute(_RENAME_ENDPOINTS, [endpoint.UNMATCHED, OTHER])


def _register(new: list[tuple[str, str, str, datetime]]) -> int:
    """How many of them had a place and were not registered yet."""
    with connection.cursor() as cursor:
        # Otherwise two transactions would each fill the last places.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        cursor.execute(_REGISTER, [*map(list, zip(*new, strict=True)), endpoint.PER_API])
        return cursor.rowcount


def keys() -> None:
    """Rename the keys of `incoming` that are new on a day on which their organisation has enough already.

    Without the lock, so that two workers at once may keep a few more than the limit. Distributed tables are not asked.
    """
    if distribution.is_distributed():
        return
    parameters = {"most": KEYS_PER_DAY, "other": OTHER}
    with connection.cursor() as cursor:
        # Not EXISTS: the planner would hope for a first one, and there is hardly ever any.
        cursor.execute(f"SELECT count(*) FROM ({_CROWDED}) AS crowded", parameters)
        if cursor.fetchone()[0]:
            cursor.execute(_RENAME_KEYS, parameters)
