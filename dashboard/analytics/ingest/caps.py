"""Bounds on how many values get rollup rows of their own, applied to rows before they are stored.

Scanners and broken clients make up endpoints and keys without end. What is above a bound is counted under a
common name, so that sums stay exact. The name is stored with the record too: a rebuild then gives the same
rollups. The true path stays.
"""

# ruff: noqa: S608 - only names and conditions of this module are put into SQL; every value is a parameter

from collections.abc import Collection
from datetime import datetime

from django.db import connection

from dashboard.analytics import distribution, locks
from dashboard.analytics.dimensions import NOT_VERSIONED, OTHER, RARE, Dimension, Grain
from dashboard.analytics.ingest import apart, endpoint
from dashboard.analytics.ingest.entries import clean

# How many values an API has rows of its own for on a day. None of it is counted over the organisation: whoever may see
# some APIs alone must not be able to tell by theirs how many values others have.
MOST = {
    Dimension.KEY_API: 50_000,
    Dimension.VERSION: 50,
    Dimension.CLIENT: 5_000,
    Dimension.TAG_API: 200,
    Dimension.PRIMITIVE: 500,
}

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


def _crowded(counted: Dimension) -> str:
    """The days with more values than the number kept, if all that come were new; with how many are kept of each."""
    of_a_day = "i.org_id, i.api_id, c.base, c.zone, c.days_until, date_trunc('day', i.ts, c.zone) AS day"
    cut = "JOIN rollup_cut c ON c.org_id = i.org_id AND c.state = 'active'"
    if counted.column == "tag":
        # Many records have the same tags.
        coming = f"""SELECT org_id, api_id, base, zone, days_until, day, sum(cardinality(tags)) AS used
            FROM (SELECT DISTINCT {of_a_day}, tags FROM incoming i {cut} WHERE tags <> '{{}}') AS i"""
    else:
        coming = f"SELECT {of_a_day}, count(*) AS used FROM incoming i {cut} WHERE {_counted(counted)}"
    most_of_a_request = clean.TAGS if counted.column == "tag" else 1
    known = f"EXISTS (SELECT FROM rollup r WHERE {_closed(counted)} AND r.value = open.value)"
    return f"""
        SELECT d.*, kept.number AS kept
        FROM ({coming} GROUP BY 1, 2, 3, 4, 5, 6) AS d,
        LATERAL (
            -- A day's requests tell how many values it has at most: few rows, where values are counted one by one.
            SELECT CASE WHEN d.used + {most_of_a_request} * (
                    (SELECT coalesce(sum(r.hits), 0) FROM rollup r WHERE {_closed(Dimension.API)})
                    + (SELECT coalesce(sum(r.hits), 0) FROM rollup r WHERE {_open(Dimension.API)})) <= %(most)s THEN 0
                ELSE (SELECT count(*) FROM rollup r WHERE {_closed(counted)})
                    + (SELECT count(DISTINCT value) FROM (SELECT r.value FROM rollup r WHERE {_open(counted)}) AS open
                       WHERE NOT {known}) END AS number
        ) AS kept
        WHERE kept.number + d.used > %(most)s
    """


def _incoming(counted: Dimension) -> str:
    """The rows that come, each with its value, of tags once for each."""
    lines = (
        "(SELECT org_id, api_id, ts, unnest(tags) AS tag FROM incoming)"
        if counted.column == "tag"
        else "incoming"
    )
    return f"{lines} AS i"


def _counted(counted: Dimension) -> str:
    unnamed = f"('', '{NOT_VERSIONED}')" if counted.column == "version" else "('')"
    return f"i.{counted.column} NOT IN {unnamed}"


def _closed(counted: Dimension) -> str:
    """Which rows count what is in the day already, and _open, which in its hours alone (closing.py)."""
    return f"{_of_the_api(counted, counted.grains[-1])} AND r.ts = d.day"


def _open(counted: Dimension) -> str:
    return f"""{_of_the_api(counted, counted.grains[-2])} AND r.ts >= d.days_until
        AND r.ts >= d.day AND r.ts < d.day + interval '26 hours' AND date_trunc('day', r.ts, d.zone) = d.day"""


def _of_the_api(counted: Dimension, grain: Grain) -> str:
    return f"r.org_id = d.org_id AND r.grain = '{grain}' AND r.dimension = d.base + {counted:d} AND r.api_id = d.api_id"


def _above(counted: Dimension) -> str:
    """The values for which a day has no place: new ones above the number kept."""
    return f"""
        SELECT org_id, api_id, day, zone, value FROM (
            SELECT fresh.*, kept + row_number() OVER (PARTITION BY org_id, api_id, day ORDER BY value) AS place
            FROM (
                SELECT DISTINCT d.org_id, d.api_id, d.day, d.zone, d.kept, i.{counted.column} AS value
                FROM crowded d JOIN {_incoming(counted)}
                    ON i.org_id = d.org_id AND i.api_id = d.api_id AND date_trunc('day', i.ts, d.zone) = d.day
                WHERE {_counted(counted)}
                    AND NOT EXISTS (SELECT FROM rollup r WHERE {_closed(counted)} AND r.value = i.{counted.column})
                    AND NOT EXISTS (SELECT FROM rollup r WHERE {_open(counted)} AND r.value = i.{counted.column})
            ) AS fresh
        ) AS ranked WHERE place > %(most)s
    """


def _rename(counted: Dimension) -> str:
    of_the_line = (
        "(above.org_id, above.api_id, above.day) = (i.org_id, i.api_id, date_trunc('day', i.ts, above.zone))"
    )
    found = f"WITH crowded AS MATERIALIZED ({_crowded(counted)}), above AS MATERIALIZED ({_above(counted)})"
    if counted.column != "tag":
        return f"""{found} UPDATE incoming i SET {counted.column} = %(other)s FROM above
            WHERE {of_the_line} AND above.value = i.{counted.column}"""
    is_above = f"EXISTS (SELECT FROM above WHERE {of_the_line} AND above.value = tag)"
    return f"""{found} UPDATE incoming i SET tags = ARRAY(
            SELECT CASE WHEN {is_above} THEN %(other)s ELSE tag END
            FROM unnest(i.tags) WITH ORDINALITY AS tagged(tag, place) ORDER BY place)
        WHERE EXISTS (SELECT FROM above WHERE {of_the_line} AND above.value = ANY(i.tags))"""


_ANY_CROWDED = {counted: f"SELECT count(*) FROM ({_crowded(counted)}) AS crowded" for counted in MOST}
_RENAME_VALUES = {counted: _rename(counted) for counted in MOST}


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
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [locks.ENDPOINTS])
        cursor.execute(_REGISTER, [*map(list, zip(*new, strict=True)), endpoint.PER_API])
        return cursor.rowcount


def values(rare: Collection[str]) -> None:
    """Rename the keys, versions, clients, tags and primitives of `incoming` that are new on a day which has enough
    already. rare: those of the rare columns that any of its rows has a value in.

    Without the lock, so that two workers at once may keep a few more than the limit. Distributed tables are not asked.
    """
    if distribution.is_distributed():
        return
    with connection.cursor() as cursor:
        for counted, most in MOST.items():
            if counted.column in RARE and counted.column not in rare:
                continue
            parameters = {"most": most, "other": OTHER}
            # Not EXISTS: the planner would hope for a first one, and there is hardly ever any.
            cursor.execute(_ANY_CROWDED[counted], parameters)
            if cursor.fetchone()[0]:
                cursor.execute(_RENAME_VALUES[counted], parameters)
