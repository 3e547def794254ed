"""Bounds on how many values get rollup rows of their own, applied to rows before they are stored.

Scanners and broken clients make up endpoints and keys without end. What is above a bound is counted under a
common name, so that sums stay exact. The name is stored with the record too: a rebuild then gives the same
rollups. The true path stays.
"""

# ruff: noqa: S608 - only names and conditions of this module are put into SQL; every value is a parameter

from django.db import connection

from dashboard.analytics import endpoint, rollup

KEYS_PER_DAY = 50_000  # of an organisation

_FRESH = """
    SELECT i.org_id, i.api_id, i.endpoint, min(i.ts) AS first_seen
    FROM incoming i LEFT JOIN endpoint e USING (org_id, api_id, endpoint)
    WHERE e.org_id IS NULL
    GROUP BY i.org_id, i.api_id, i.endpoint HAVING bool_or(i.status <> 404)
"""
_REGISTER = f"""
INSERT INTO endpoint (org_id, api_id, endpoint, first_seen)
SELECT org_id, api_id, endpoint, first_seen
FROM (
    SELECT fresh.*,
           row_number() OVER (PARTITION BY org_id, api_id ORDER BY first_seen, endpoint)
           + (SELECT count(*) FROM endpoint e
              WHERE (e.org_id, e.api_id) = (fresh.org_id, fresh.api_id)) AS place
    FROM ({_FRESH}) AS fresh
) AS ranked
WHERE place <= %s
"""
_RENAME = """
UPDATE incoming i SET endpoint = CASE WHEN status = 404 THEN %s ELSE %s END
WHERE NOT EXISTS (
    SELECT FROM endpoint e WHERE (e.org_id, e.api_id, e.endpoint) = (i.org_id, i.api_id, i.endpoint)
)
"""

_KEPT = "r.org_id = f.org_id AND r.grain = 'k' AND r.dim = 6 AND r.api_id = '' AND r.ts = f.day"
_CAP_KEYS = f"""
WITH used AS (
    SELECT DISTINCT i.org_id, i.key, date_trunc('day', i.ts, o.time_zone) AS day
    FROM incoming i JOIN orgs_organisation o ON o.id = i.org_id
    WHERE i.key <> ''
), fresh AS (
    SELECT * FROM used f WHERE NOT EXISTS (SELECT FROM rollup r WHERE {_KEPT} AND r.val = f.key)
), kept AS (
    SELECT f.org_id, f.day, (SELECT count(*) FROM rollup r WHERE {_KEPT}) AS keys
    FROM (SELECT DISTINCT org_id, day FROM fresh) AS f
), beyond AS (
    SELECT org_id, key, day
    FROM (
        SELECT fresh.*, kept.keys + row_number() OVER (PARTITION BY org_id, day ORDER BY key) AS place
        FROM fresh JOIN kept USING (org_id, day)
    ) AS ranked
    WHERE place > %s
)
UPDATE incoming i SET key = %s
FROM beyond b JOIN orgs_organisation o ON o.id = b.org_id
WHERE i.org_id = b.org_id AND i.key = b.key AND date_trunc('day', i.ts, o.time_zone) = b.day
"""


def endpoints() -> None:
    """Register the new endpoints of the table `incoming`, and rename those which have no place in the
    registry.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS ({_FRESH})")
        if cursor.fetchone()[0]:
            # Otherwise two transactions would each fill the last places, or wait for each other's.
            rollup.lock()
            cursor.execute(_REGISTER, [endpoint.PER_API])
        cursor.execute(_RENAME, [endpoint.UNMATCHED, endpoint.OTHER])


def keys() -> None:
    """Rename the keys of the table `incoming` that are new on a day on which their organisation has enough
    already.

    Without the lock, so that two workers at once may keep a few more than the limit.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CAP_KEYS, [KEYS_PER_DAY, endpoint.OTHER])
