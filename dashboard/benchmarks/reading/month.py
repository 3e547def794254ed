"""A month of the world's traffic, made and counted by the database itself: what is measured is reading it.

Who calls what is drawn as in world.py, so that APIs, keys and paths have the same names and the same share.
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from django.db import connection, connections, transaction

from dashboard.analytics.ingest import closing, cuts, partitions, rollup
from dashboard.analytics.ingest.upkeep import indexing
from dashboard.benchmarks import world
from dashboard.benchmarks.ingest import make_organisations
from dashboard.benchmarks.reading import belongings
from dashboard.benchmarks.reading.belongings import APIS, KEYS
from orgs import scope
from orgs.models import Organisation

DAYS = 30
SPAN = timedelta(days=DAYS - 1, hours=12)
ENDPOINTS = tuple(f"GET {path.replace('{}', '{id}')}" for path in world.PATHS)

# Each is drawn once a record, as a number; then what the numbers stand for. A refused request has no latency.
_RECORDS = """
INSERT INTO record (org_id, ts, id, status, latency, upstream_latency, timed, size, api_id, version, method, host,
    track, endpoint, path, key, alias, oauth, country, user_agent, ip, tags)
SELECT (%(orgs)s::text[])[org + 1], ts, n, code, CASE WHEN refused THEN 0 ELSE took END,
    CASE WHEN refused THEN 0 ELSE greatest(0, took - 2) END, NOT refused, size,
    lpad(to_hex(org * 1000 + api), 32, '0'), CASE WHEN api = 1 THEN 'v' || 1 + key %% 3 ELSE 'Non Versioned' END, 'GET',
    'upstream-' || org * 1000 + api || '.internal.example:8080', false, (%(endpoints)s::text[])[path + 1],
    replace((%(paths)s::text[])[path + 1], '{}', size::text),
    CASE WHEN code = 401 THEN '' ELSE encode(sha256((org * 100000 + key)::text::bytea), 'hex') END,
    'caller ' || org * 100000 + key, CASE WHEN key %% 10 = 3 THEN 'client-' || key ELSE '' END,
    (%(countries)s::text[])[1 + n %% cardinality(%(countries)s::text[])],
    (%(agents)s::text[])[1 + n %% cardinality(%(agents)s::text[])], '10.0.0.1'::inet + n %% 60000,
    ARRAY['edge-a', 'plan-' || key %% 5]
FROM (
    SELECT *, code = ANY(%(refused)s) AS refused FROM (
        SELECT n, %(start)s::timestamptz + %(step)s * (n - %(first)s + random()) AS ts,
            width_bucket(random() * %(all_orgs)s, %(org_shares)s::float[]) AS org,
            width_bucket(random() * %(all_apis)s, %(api_shares)s::float[]) AS api,
            width_bucket(random() * %(all_keys)s, %(key_shares)s::float[]) AS key,
            (%(codes)s::int[])[1 + floor(random() * cardinality(%(codes)s::int[]))::int] AS code,
            floor(exp(4.2 + 0.9 * random_normal()))::int AS took, floor(random() * 4000)::int AS size,
            floor(random() * cardinality(%(paths)s::text[]))::int AS path
        FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
        OFFSET 0
    ) AS drawn
) AS told
"""
_OF_THE_SPAN = "WHERE r.ts >= %(start)s AND r.ts < %(end)s"


def make(records: int, seed: int, now: datetime) -> Organisation:
    """The organisations of the world and a month of their traffic, or what it lacks to reach from then until now. The
    one returned has most of it, and what its pages name besides."""
    if not Organisation.everyone.filter(pk=world.ORG_IDS[0]).exists():
        make_organisations()
        belongings.make(world.ORG_IDS[0], now - SPAN)
    _fill(records, seed, now)
    return Organisation.everyone.get(pk=world.ORG_IDS[0])


def _fill(records: int, seed: int, end: datetime) -> None:
    start, done = _filled() or (end - SPAN, 0)
    parts = math.ceil((end - start) / (SPAN / DAYS))
    bounds = [start + (end - start) * part / parts for part in range(parts + 1)]
    partitions.ensure({instant.date() for instant in bounds}, end)
    more = round(records * ((end - start) / SPAN))
    with scope.every_org():
        cuts.prepare(world.ORG_IDS, end)
        for org_id in world.ORG_IDS:
            with transaction.atomic():
                closing.close(org_id, end - closing.LATE, begin=True)
        for part, (since, until) in enumerate(pairwise(bounds)):
            numbers = range(done + more * part // parts, done + more * (part + 1) // parts)
            if not numbers:
                continue
            with transaction.atomic():
                _insert(numbers, since, (until - since) / len(numbers), seed + part)
                rollup.add("record", end, _OF_THE_SPAN, start=since, end=until)
    with scope.nobody(), connections["owner"].cursor() as cursor:
        cursor.execute("VACUUM ANALYZE record, rollup, rollup_cut")
    while indexing.index_next(end):  # as the worker makes them
        pass


def _filled() -> tuple[datetime, int] | None:
    """After which moment, and with which number, what is there goes on."""
    with scope.every_org(), connection.cursor() as cursor:
        cursor.execute("SELECT max(ts), max(id) FROM record")
        [last, number] = cursor.fetchone()
    return last and (last + timedelta(microseconds=1), number + 1)


def _insert(numbers: range, start: datetime, step: timedelta, seed: int) -> None:
    parameters = {
        "first": numbers[0], "last": numbers[-1], "start": start, "step": step,
        "orgs": list(world.ORG_IDS), "endpoints": list(ENDPOINTS), "paths": list(world.PATHS),
        "countries": list(world.COUNTRIES), "agents": list(world.AGENTS), "codes": list(world.CODES),
        "refused": list(world.REFUSED),
        **_drawn("org", world.shares(world.ORGANISATIONS, 1.0)),
        **_drawn("api", world.shares(APIS, 1.0)),
        **_drawn("key", world.shares(KEYS, 1.1)),
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SELECT setseed(%s)", [seed % 1_000 / 1_000])
        cursor.execute(_RECORDS, parameters)


def _drawn(what: str, shares: Sequence[float]) -> dict[str, object]:
    # The last bound is left out: what rounding puts above it would have no name.
    return {f"{what}_shares": list(shares[:-1]), f"all_{what}s": shares[-1]}
