"""Draining the gateways' lists into records and rollups, against a bare COPY of the same rows.

Ours is everything from the list in Redis to the commit: claim, decode, clean, records with their indexes,
rollups of five grains, under row-level security. The anchor is COPY alone, of lines made beforehand, into a
table without index.
"""

import multiprocessing
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from statistics import median

import psycopg
import redis
from django.db import connection, connections

from apis.gateways.redis_client import client
from dashboard.analytics.ingest import claim, drain
from dashboard.analytics.ingest.entries import clean, decode
from dashboard.analytics.ingest.entries.clean import Row
from dashboard.benchmarks import measure
from dashboard.benchmarks.world import ORG_IDS, ZONES, World
from orgs import scope
from orgs.models import Organisation

PUSHED_AT_ONCE = 5_000
SPAN = timedelta(seconds=30)  # a backlog: all of it from within seconds
RUNS = 5
_COLUMNS = ", ".join(Row._fields)


def run(records: int, seed: int, workers: int) -> dict[str, object]:
    """One line of figures: records a second."""
    make_organisations()
    now = datetime.now(UTC)
    entries = list(World(seed).entries(records, now - SPAN, now))
    copied = [line.text for line in lines(entries, now)]
    bare, ours = measure.in_turns(lambda: _copy(copied), lambda: _drain(entries, workers), RUNS)
    with scope.every_org(), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM rollup")
        [rollups] = cursor.fetchone()
    return {
        "machine": measure.machine(),
        "what": f"ingest: records a second, {workers} worker{'s' * (workers > 1)}",
        "records": records,
        "anchor": round(median(bare)),
        "anchor_is": "bare COPY of the same rows, no index",
        "median": round(median(ours)),
        "ratio": round(median(ours) / median(bare), 3),
        "spread": measure.spread(ours),
        "rows_per_record": round(rollups / records, 2),
        "bytes_per_record": stored_bytes("record", records),
        "rollup_bytes_per_record": stored_bytes("rollup", records),
    }


def make_organisations() -> None:
    """The organisations of the world, in zones of their own."""
    Organisation.everyone.bulk_create(
        Organisation(
            id=org_id, owner_name=f"Organisation {at}", slug=f"org-{at}", time_zone=ZONES[at % len(ZONES)]
        )
        for at, org_id in enumerate(ORG_IDS)
    )


def lines(entries: list[bytes], now: datetime, first: int = 0) -> Iterator[clean.Line]:
    for number, entry in enumerate(entries, first):
        yield clean.line_of(clean.clean(decode.decode(entry), number, now, hashed_keys=True))


def stored_bytes(table: str, records: int) -> int:
    """Bytes a record of a table with its partitions and indexes."""
    with connections["owner"].cursor() as cursor, scope.nobody():
        cursor.execute("SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree(%s)", [table])
        return round(int(cursor.fetchone()[0]) / records)


def _copy(lines: list[str]) -> float:
    with psycopg.connect(os.environ["DATABASE_MIGRATE_URL"]) as server, server.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bare")
        cursor.execute("CREATE TABLE bare (LIKE record)")
        server.commit()
        begun = time.perf_counter()
        with cursor.copy(f"COPY bare ({_COLUMNS}) FROM STDIN") as copy:
            for start in range(0, len(lines), PUSHED_AT_ONCE):
                copy.write("".join(lines[start : start + PUSHED_AT_ONCE]))
        server.commit()
        return len(lines) / (time.perf_counter() - begun)


def _drain(entries: list[bytes], workers: int) -> float:
    _empty()
    with client() as server:
        push(server, entries)
    connections.close_all()
    processes = [multiprocessing.get_context("fork").Process(target=_drain_all) for _ in range(workers)]
    begun = time.perf_counter()
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    taken = time.perf_counter() - begun
    with scope.every_org(), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM record")
        if cursor.fetchone() != (len(entries),):
            raise RuntimeError("not every record was stored")
    return len(entries) / taken


def push(server: redis.Redis, entries: list[bytes]) -> None:
    waiting = iter(entries)
    while part := list(islice(waiting, PUSHED_AT_ONCE)):
        server.rpush(claim.LIST, *part)


def _drain_all() -> None:
    with client() as server:
        while drain.tick(server) or server.keys("*"):
            time.sleep(0.01)  # another worker may have taken what is left


def _empty() -> None:
    """As the owner: no role of the application may truncate."""
    with psycopg.connect(os.environ["DATABASE_MIGRATE_URL"], autocommit=True) as server:
        server.execute("TRUNCATE record, rollup, endpoint, batch, dead_letter")
