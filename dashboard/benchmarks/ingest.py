"""Draining the gateways' lists into records and rollups, against a bare COPY of the same rows, and against a tyk-pump.

Ours is everything from the list in Redis to the commit: claim, decode, clean, records with their indexes,
rollups of five grains, under row-level security. The anchor is COPY alone, of lines made beforehand, into a
table without index.
"""

import multiprocessing
import os
import resource
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from statistics import median

import psycopg
import redis
from django.db import connection, connections, transaction

from apis.gateways.redis_client import client
from dashboard.analytics.clock import HOUR
from dashboard.analytics.ingest import claim, closing, cuts, drain
from dashboard.analytics.ingest.entries import clean, decode
from dashboard.analytics.ingest.entries.clean import Row
from dashboard.analytics.models import RollupCut
from dashboard.benchmarks import idle, measure, pump
from dashboard.benchmarks.world import ORG_IDS, ZONES, World
from orgs import scope
from orgs.models import Organisation

PUSHED_AT_ONCE = 5_000
SPAN = timedelta(seconds=30)  # a backlog: all of it from within seconds
SPARSE_SPAN = timedelta(days=29, hours=12)
RUNS = 5
RUNS_WITH_PUMP = 3
TICK = 50  # records
TICKS = 10
_COLUMNS = ", ".join(Row._fields)


def run(records: int, seed: int, workers: int, sparse: bool, pump_binary: Path | None) -> dict[str, object]:
    """One line of figures: records a second, and what a record costs. `plain` is the same of records without countries
    and tags, and `parts` what costs it to decode and to keep them alone.

    sparse: of a month instead of half a minute. pump_binary: a tyk-pump, which is given the same records in turn.
    """
    make_organisations()
    now = datetime.now(UTC)
    begun = now - (SPARSE_SPAN if sparse else SPAN)
    entries, plain = (list(World(seed, plain).entries(records, begun, now)) for plain in (False, True))
    copied = [line.text for line in lines(entries, now)]
    costs, plain_costs, parts = (defaultdict[str, list[float]](list) for _ in range(3))
    pump_costs: dict[str, list[float]] = defaultdict(list)
    contenders: dict[str, Callable[[], float]] = {
        "bare": lambda: _copy(copied),
        "plain": lambda: _drain(plain, workers, now, plain_costs),
        "ours": lambda: _drain(entries, workers, now, costs),
        "parts": lambda: _parts(entries, parts),
    }
    with ExitStack() as stack, client() as server:
        if pump_binary:
            for purge in pump.PURGES:
                contenders[pump.named(purge)] = lambda purge=purge: pump.drain(
                    pump_binary,
                    purge,
                    server,
                    lambda name: push(server, entries, name),
                    records=records,
                    costs=pump_costs[pump.named(purge)],
                )
            stack.callback(pump.remove)
        reached = _in_turns(contenders, RUNS_WITH_PUMP if pump_binary else RUNS)
    with scope.every_org(), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM rollup")
        [rollups] = cursor.fetchone()
    bare, ours = reached.pop("bare"), reached.pop("ours")
    plainly, recorded = reached.pop("plain"), reached.pop("parts")
    return {
        "machine": measure.machine(),
        "what": f"ingest: records a second, {workers} worker{'s' * (workers > 1)}{', sparse' * sparse}",
        "records": records,
        "anchor": round(median(bare)),
        "anchor_is": "bare COPY of the same rows, no index",
        "median": round(median(ours)),
        "ratio": round(median(ours) / median(bare), 3),
        "spread": measure.spread(ours),
        "rows_per_record": round(rollups / records, 2),
        "bytes_per_record": stored_bytes("record", records),
        "rollup_bytes_per_record": stored_bytes("rollup", records),
        "per_record": _medians(costs),
        "tick": _ticks(seed + 1, plain=False),
        "plain": {
            "median": round(median(plainly)),
            "per_record": _medians(plain_costs),
            "tick": _ticks(seed + 1 + TICKS, plain=True),
        },
        "parts": {"records_only": round(median(recorded)), **_medians(parts)},
        "pumps": {
            name: {
                "median": round(median(theirs)),
                "ratio": round(median(ours) / median(theirs), 2),
                "spread": measure.spread(theirs),
                "processor_us_per_record": round(median(pump_costs[name]), 1),
            }
            for name, theirs in reached.items()
        },
    }


def _medians(costs: dict[str, list[float]]) -> dict[str, float]:
    return {name: round(median(values), 1) for name, values in costs.items()}


def _in_turns(contenders: dict[str, Callable[[], float]], runs: int) -> dict[str, list[float]]:
    reached: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(runs):
        for name, contender in contenders.items():
            reached[name].append(contender())
    return reached


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


def _copy(copied: list[str]) -> float:
    with psycopg.connect(os.environ["DATABASE_MIGRATE_URL"]) as server, server.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bare")
        cursor.execute("CREATE TABLE bare (LIKE record)")
        server.commit()
        begun = time.perf_counter()
        with cursor.copy(f"COPY bare ({_COLUMNS}) FROM STDIN") as copy:
            for start in range(0, len(copied), PUSHED_AT_ONCE):
                copy.write("".join(copied[start : start + PUSHED_AT_ONCE]))
        server.commit()
        return len(copied) / (time.perf_counter() - begun)


def _drain(entries: list[bytes], workers: int, now: datetime, costs: dict[str, list[float]]) -> float:
    """Records a second; microseconds of processor time and bytes of WAL a record are added to `costs`, and what it then
    takes to close the hours (ingest/closing.py), for which nobody waits."""
    _empty()
    _open_hours(now - SPAN - HOUR)
    with client() as server:
        push(server, entries)
    connections.close_all()
    processes = [multiprocessing.get_context("fork").Process(target=_drain_all) for _ in range(workers)]
    with psycopg.connect(os.environ["DATABASE_MIGRATE_URL"], autocommit=True) as server:
        before = _spent(server)
        begun = time.perf_counter()
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        taken = time.perf_counter() - begun
        after = _spent(server)
        _close_hours(now + HOUR)
        closed = _spent(server)
    for name in after:
        costs[name].append((after[name] - before[name]) / len(entries))
    for name in ("postgresql_processor_us", "wal_bytes"):
        costs[f"closing_{name}"].append((closed[name] - after[name]) / len(entries))
    with scope.every_org(), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM record")
        if cursor.fetchone() != (len(entries),):
            raise RuntimeError("not every record was stored")
    return len(entries) / taken


def _open_hours(since: datetime) -> None:
    with scope.every_org(), transaction.atomic():
        cuts.prepare(ORG_IDS, since)
        RollupCut.objects.update(days_until=since)


def _close_hours(until: datetime) -> None:
    for org_id in ORG_IDS:
        with scope.every_org(), transaction.atomic():
            closing.close(org_id, until)


def _parts(entries: list[bytes], costs: dict[str, list[float]]) -> float:
    """Records a second that are only decoded and put into the table of records: more is not to be had by counting them
    in another way. Its parts are added to `costs`."""
    with psycopg.connect(os.environ["DATABASE_MIGRATE_URL"], autocommit=True) as server:
        server.execute("TRUNCATE record")
        begun, spent = time.perf_counter(), time.process_time()
        chunk = claim.Chunk(0, "", 0, len(entries), datetime.now(UTC))
        decoded = drain.unpack(chunk, entries, hashed_keys=True).lines
        costs["decoding_us"].append((time.process_time() - spent) / len(entries) * 1e6)
        before = _spent(server)["postgresql_processor_us"]
        with scope.every_org(), transaction.atomic(), connection.cursor() as cursor:
            connection.send_scope()
            cursor.execute("CREATE TEMP TABLE only_copied (LIKE record) ON COMMIT DROP")
            with cursor.copy(f"COPY only_copied ({_COLUMNS}) FROM STDIN") as copy:
                copy.write("".join([line.text for line in decoded]))
            copied = _spent(server)["postgresql_processor_us"]
            cursor.execute("INSERT INTO record SELECT * FROM only_copied")
        costs["copying_us"].append((copied - before) / len(entries))
        costs["recording_us"].append((_spent(server)["postgresql_processor_us"] - copied) / len(entries))
        return len(entries) / (time.perf_counter() - begun)


def _spent(server: psycopg.Connection) -> dict[str, float]:
    """What the workers that have ended and all of PostgreSQL have used until now."""
    workers = resource.getrusage(resource.RUSAGE_CHILDREN)
    backend = server.info.backend_pid
    postmaster = int(idle.fields(backend)[1])
    [wal] = server.execute("SELECT pg_current_wal_insert_lsn() - '0/0'").fetchone()
    return {
        "worker_processor_us": (workers.ru_utime + workers.ru_stime) * 1e6,
        "postgresql_processor_us": sum(idle.processor_seconds(postmaster).values()) * 1e6,
        "wal_bytes": float(wal),
    }


def _ticks(seed: int, *, plain: bool) -> dict[str, float]:
    """A few records at a time, as of an installation with little traffic, beside what is stored already."""
    taken, wal = [], []
    with client() as server, psycopg.connect(os.environ["DATABASE_MIGRATE_URL"], autocommit=True) as observer:
        _open_hours(datetime.now(UTC) - SPAN - HOUR)
        for number in range(TICKS):
            now = datetime.now(UTC)
            push(server, list(World(seed + number, plain).entries(TICK, now - timedelta(seconds=2), now)))
            before, begun = _spent(observer)["wal_bytes"], time.perf_counter()
            drain.tick(server)
            taken.append((time.perf_counter() - begun) * 1000)
            wal.append((_spent(observer)["wal_bytes"] - before) / TICK)
    return {
        "records": TICK,
        "ms": round(median(taken), 1),
        "wal_bytes_per_record": round(median(wal)),
    }


def push(server: redis.Redis, entries: list[bytes], name: str = claim.LIST) -> None:
    waiting = iter(entries)
    while part := list(islice(waiting, PUSHED_AT_ONCE)):
        server.rpush(name, *part)


def _drain_all() -> None:
    with client() as server:
        while drain.tick(server) or server.keys("*"):
            time.sleep(0.1)  # another worker may have taken what is left


def _empty() -> None:
    """As the owner: no role of the application may truncate."""
    with psycopg.connect(os.environ["DATABASE_MIGRATE_URL"], autocommit=True) as server:
        server.execute("TRUNCATE record, rollup, endpoint, batch, dead_letter")
