"""A tyk-pump as a process, which moves the same records from the same Redis into a database of its own.

Its pumps "sql" and "sql_aggregate" together do what an installation without us would use: raw records, and sums by
the hour. Set up as its README says, tables in one piece, all paths counted.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import redis
from django.conf import settings

from dashboard.analytics.ingest.claim import LIST
from dashboard.benchmarks import idle
from dashboard.engines.processes import dies_with_parent

PURGES = (0, 20_000)  # records at a time; 0: all there are
DATABASE = "pump"
STAGED = "benchmark:staged"
LOOK = 0.5  # seconds between two looks whether all is stored
PATIENCE = 60.0  # seconds until it has made its tables


def named(purge: int) -> str:
    return f"tyk-pump, {f'{purge} a purge' if purge else 'all at once'}"


def drain(
    binary: Path,
    purge: int,
    server: redis.Redis,
    push: Callable[[str], None],
    *,
    records: int,
    costs: list[float],
) -> float:
    """Records a second, from when a new pump takes the first from the list to when the last is stored and counted.

    Microseconds of processor time a record, its own and PostgreSQL's, are added to `costs`.
    """
    remove()
    with _superuser() as database:
        database.execute(f"CREATE DATABASE {DATABASE}")
    with _running(binary, purge) as process, _superuser(DATABASE) as database:
        _wait_for(lambda: _has_tables(database), PATIENCE)
        push(STAGED)
        # At once: else it may have begun before all are there.
        server.rename(STAGED, LIST)
        while server.llen(LIST) == records:
            time.sleep(0.001)
        begun, before = time.perf_counter(), _processor_seconds(process, database)
        while server.exists(LIST) or _stored(database) < records:
            time.sleep(LOOK)
        taken = time.perf_counter() - begun
        costs.append((_processor_seconds(process, database) - before) * 1e6 / records)
    server.flushall()
    return records / taken


def _processor_seconds(process: int, database: psycopg.Connection) -> float:
    """Of the process and of PostgreSQL, but for the connection that looks."""
    looking = database.info.backend_pid
    spent = idle.processor_seconds(process) | idle.processor_seconds(int(idle.fields(looking)[1]))
    return sum(spent.values()) - spent[looking]


def remove() -> None:
    with _superuser() as database:
        database.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")


def _superuser(name: str = "") -> psycopg.Connection:
    return psycopg.connect(
        os.environ["SCRATCH_SUPERUSER_URL"], autocommit=True, **({"dbname": name} if name else {})
    )


def _has_tables(database: psycopg.Connection) -> bool:
    [found] = database.execute(
        "SELECT to_regclass('tyk_analytics') IS NOT NULL AND to_regclass('tyk_aggregated') IS NOT NULL"
    ).fetchone()
    return found


def _stored(database: psycopg.Connection) -> int:
    """How many records are there both by themselves and in the sums."""
    [stored] = database.execute(
        "SELECT least((SELECT count(*) FROM tyk_analytics), "
        "(SELECT sum(counter_hits) FROM tyk_aggregated WHERE dimension = '' AND dimension_value = 'total'))::bigint"
    ).fetchone()
    return stored or 0


def _wait_for(met: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        if time.monotonic() > deadline:
            raise RuntimeError("tyk-pump has not made its tables")
        time.sleep(0.1)


@contextmanager
def _running(binary: Path, purge: int) -> Iterator[int]:
    directory = Path(tempfile.mkdtemp(prefix="gatehouse-pump-"))
    configuration, log = directory / "pump.conf", directory / "pump.log"
    configuration.write_text(json.dumps(_configuration(purge)))
    with log.open("wb") as output:
        process = subprocess.Popen(
            [binary, "--conf", configuration],
            cwd=directory,
            env={"PATH": os.environ["PATH"], "TYK_LOGLEVEL": "warn"},
            stdout=output,
            stderr=output,
            preexec_fn=dies_with_parent(signal.SIGKILL),  # noqa: PLW1509
        )
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(directory, ignore_errors=True)


def _configuration(purge: int) -> dict[str, object]:
    source = urlsplit(settings.REDIS_URL)
    with _superuser() as database:
        host, user = database.info.host, database.info.user
    sql = {
        "type": "postgres",
        "connection_string": f"host={host} user={user} dbname={DATABASE}",
        "table_sharding": False,
    }
    return {
        "analytics_storage_type": "redis",
        "analytics_storage_config": {
            "type": "redis",
            "host": source.hostname,
            "port": source.port,
            "password": source.password or "",
            "database": int(source.path.strip("/") or 0),
            "optimisation_max_idle": 100,
        },
        "purge_delay": 1,
        "purge_chunk": purge,
        "dont_purge_uptime_data": True,
        "health_check_endpoint_port": _free_port(),
        "pumps": {
            "sql": {"type": "sql", "meta": sql},
            "sql_aggregate": {"type": "sql_aggregate", "meta": sql | {"track_all_paths": True}},
        },
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
