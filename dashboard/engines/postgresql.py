"""A PostgreSQL of our own: its cluster, its settings, its roles and its database."""

import shutil
import signal
import subprocess
from pathlib import Path

import psycopg

from dashboard.engines import addresses, binaries, processes
from dashboard.engines.processes import EngineError, Started


def start(var: Path, scratch: bool, started: Started) -> None:
    """Start the server, note it in `started`, return when it answers; one that runs already is left alone.

    scratch: nothing is synced to disk. Raises EngineError.
    """
    programs, major = binaries.find_postgresql()
    place, url = addresses.home(var), addresses.superuser_url(var)
    data, sockets, log = place / f"pg{major}", addresses.socket_directory(var), place / "postgresql.log"
    _refuse_another_major(place, data, major)
    programs = binaries.reachable(programs, place)
    with processes.server_lock(addresses.lock(var, "postgresql"), lambda: answers(url)) as lock:
        if lock is None:
            return
        processes.private_directory(sockets)
        if not data.exists():
            _initialise(programs, major, data, durable=not scratch)
        # Nobody serves this directory, so these are left from a crash; they may name a living stranger.
        for stale in (data / "postmaster.pid", sockets / ".s.PGSQL.5432.lock"):
            stale.unlink(missing_ok=True)
        command = [programs / "postgres", "-D", data]
        for name, value in _settings(sockets, scratch).items():
            command += ["-c", f"{name}={value}"]
        how = signal.SIGQUIT if scratch else signal.SIGINT
        process = processes.spawn(command, log, lock, how)
        started.append((process, how))
        processes.wait_for("PostgreSQL", process, log, lambda: answers(url))
    _provision(url, major)


def _refuse_another_major(place: Path, data: Path, major: int) -> None:
    others = [other for other in sorted(place.glob("pg[0-9][0-9]")) if other != data]
    if others and not data.exists():
        other = others[-1].name[2:]
        raise EngineError(
            f"{others[-1]} holds a database of PostgreSQL {other}, but the PostgreSQL found is {major}: "
            f"move the data with pg_dump and psql, or bring PostgreSQL {other} back."
        )


def _settings(sockets: Path, scratch: bool) -> dict[str, str]:
    settings = {
        "listen_addresses": "",
        "port": "5432",  # names the socket file; there is no TCP port
        "unix_socket_directories": str(sockets),
        "unix_socket_permissions": "0700",
        "max_connections": "200",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_checkpoints": "off",
        # A failing statement carries its values: keep them out of the log.
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
    }
    if scratch:
        settings |= {
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "autovacuum": "off",
        }
    return settings


def _initialise(programs: Path, major: int, data: Path, durable: bool) -> None:
    unfinished = data.with_name("data.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    processes.private_directory(unfinished)
    # Sorting must not depend on the machine's C library; before 17 there is no other provider without ICU.
    provider = ["--locale-provider=builtin"] if major >= 17 else []
    command = [programs / "initdb", "-D", unfinished, "-U", "postgres", "--auth=trust", "-E", "UTF8"]
    command += [*provider, "--locale=C.UTF-8", *([] if durable else ["--no-sync"])]
    done = subprocess.run(command, capture_output=True, text=True, check=False, **processes.as_server_user())
    if done.returncode:
        raise EngineError(f"PostgreSQL's initdb failed: {processes.last_line(done.stderr)}")
    unfinished.rename(data)


def _provision(url: str, major: int) -> None:
    """Create the three roles and the database, whichever of them is missing."""
    inherit = "" if major < 16 else "WITH INHERIT FALSE, SET TRUE"
    with psycopg.connect(url, autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = 'gatehouse'").fetchone():
            return
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'gatehouse_app'").fetchone():
            connection.execute(
                f"""
                BEGIN;
                CREATE ROLE gatehouse_system NOLOGIN NOSUPERUSER NOBYPASSRLS;
                CREATE ROLE gatehouse_owner LOGIN NOSUPERUSER NOBYPASSRLS IN ROLE gatehouse_system;
                CREATE ROLE gatehouse_app LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOINHERIT;
                GRANT gatehouse_system TO gatehouse_app {inherit};
                COMMIT;
                """
            )
        connection.execute(
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC"
        )  # no effect in new databases from 15 on
        connection.execute("CREATE DATABASE gatehouse OWNER gatehouse_owner")


def answers(url: str) -> bool:
    """Whether a server takes connections at this URL."""
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True
