"""Figures from a real replica: one that streams, is paused, is cut off, is away, and becomes a database of its own."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from dashboard.engines import binaries, postgresql, processes
from orgs.db import reading
from orgs.db.reading import Source
from tests import make
from tests.analytics import screens
from tests.analytics.screens import ago, push
from tests.entry.conftest import directory, until

# Its startup process has nothing left to replay, and looks for more every few seconds.
REPLAYS_NOTHING = """SELECT wait_event = 'RecoveryRetrieveRetryInterval' FROM pg_stat_activity
    WHERE backend_type = 'startup'"""


@pytest.fixture(scope="module")
def standby() -> Iterator[str]:
    """A streaming replica of the tests' server; its superuser's URL."""
    primary = os.environ["SCRATCH_SUPERUSER_URL"]
    programs, _ = binaries.find_postgresql()
    if not (programs / "pg_basebackup").exists():
        pytest.skip(f"a replica is made by pg_basebackup, which {programs} lacks")
    with directory() as place:
        programs = binaries.reachable(programs, Path(os.environ["GATEHOUSE_VAR"]))
        home = processes.private_directory(place / "home")
        log, lock = place / "log", place / "replica.lock"
        copy = [programs / "pg_basebackup", "-d", primary, "-D", home / "data", "-R", "-X", "stream"]
        with _everything_kept(primary) as slot:
            done = subprocess.run(
                [*copy, "-S", slot, "-c", "fast", "--no-sync"],
                check=False,
                capture_output=True,
                **processes.as_server_user(),
            )
            assert done.returncode == 0, done.stderr
            settings = {"unix_socket_directories": home, "listen_addresses": "", "fsync": "off"}
            settings["max_connections"] = 200  # as many as its server has
            url = f"postgresql://postgres@/postgres?host={home}"
            with processes.server_lock(lock, lambda: False) as held:
                command = [programs / "postgres", "-D", home / "data"]
                command += [f"--{name}={value}" for name, value in settings.items()]
                process = processes.spawn(command, log, held, signal.SIGQUIT)
            try:
                processes.wait_for("the replica", process, log, lambda: postgresql.answers(url))
                yield url
            finally:
                process.send_signal(signal.SIGQUIT)
                process.wait(timeout=30)


@contextmanager
def _everything_kept(primary: str) -> Iterator[str]:
    """The name of a slot for which the server keeps all that a replica has yet to get. Without one, a checkpoint that
    another test brings about takes away what the copy begins with, or what comes before the replica first asks."""
    slot = f"replica_{os.getpid()}"
    ask(primary, f"SELECT pg_create_physical_replication_slot('{slot}', true)")
    try:
        yield slot
    finally:
        # Until its replica's end is known to the server, too.
        until(
            lambda: (
                ask(primary, f"SELECT active FROM pg_replication_slots WHERE slot_name = '{slot}'")
                == (False,)
            )
        )
        ask(primary, f"SELECT pg_drop_replication_slot('{slot}')")


@pytest.fixture
def far(replica, standby, monkeypatch) -> str:
    """The standby is the replica of the application, and has all that was written so far: something, lest nobody know
    how far behind it is later."""
    monkeypatch.setattr(reading, "LEFT_ALONE", 0)
    # However long a machine takes which is busy with more.
    monkeypatch.setattr(reading, "MOST_BEHIND", 3_600)
    replica["HOST"] = parse_qs(urlsplit(standby).query)["host"][0]
    make.organisation("Before", "before")
    until(lambda: source().behind == 0)
    return standby


def source() -> Source:
    return reading.read(reading.source)


def ask(url: str, statement: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchone() if cursor.description else None


def shown(client) -> tuple[str, str]:
    """How many requests the overview shows, and what follows the second that it says it is complete to."""
    page = client.get("/o/alpha/analytics/", {"range": "1h"})
    requests = next((tile.value for tile, _ in page.context.get("tiles", ()) if tile.name == "requests"), "0")
    complete = re.search(r"complete to [0-9:]{8}([^<]*)", page.content.decode())
    return requests, complete[1].strip() if complete else "nothing"


def test_pages_say_how_far_their_replica_is_behind_and_leave_one_that_is_too_far(
    far, redis, client_for, monkeypatch
):
    alpha = make.organisation("Alpha", "alpha")
    client = client_for(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))
    push(redis, {"OrgID": alpha.id, "TimeStamp": ago(minutes=5)})
    until(lambda: shown(client) == ("1", ", from a replica"))
    ask(far, "SELECT pg_wal_replay_pause()")
    until(lambda: ask(far, "SELECT pg_get_wal_replay_pause_state()") == ("paused",))
    try:
        push(redis, {"OrgID": alpha.id, "TimeStamp": ago(minutes=5)})
        time.sleep(1.1)
        requests, fresh = shown(client)
        seconds = re.fullmatch(", from a replica ([0-9]+) s behind", fresh)
        assert (requests, 2 <= int(seconds[1]) < reading.MOST_BEHIND) == ("1", True)
        monkeypatch.setattr(reading, "MOST_BEHIND", 1)
        assert shown(client) == ("2", "")
    finally:
        ask(far, "SELECT pg_wal_replay_resume()")
    until(lambda: shown(client) == ("2", ", from a replica"))


def test_a_replica_that_is_cut_off_is_behind_though_it_has_all_that_it_received(far, caplog):
    ask(far, "ALTER SYSTEM SET primary_conninfo = ''")
    ask(far, "SELECT pg_reload_conf()")
    until(lambda: ask(far, "SELECT count(*) FROM pg_stat_wal_receiver") == (0,))
    # It has replayed all that came whole: what other tests wrote may have been cut off in the middle of a record.
    until(lambda: ask(far, REPLAYS_NOTHING) == (True,))
    make.organisation("Alpha", "alpha")
    time.sleep(1.1)
    assert (source().alias, source().behind >= 2) == (reading.REPLICA, True)
    # One that has become a database of its own is behind for ever.
    ask(far, "SELECT pg_promote()")
    until(lambda: ask(far, "SELECT pg_is_in_recovery()") == (False,))
    assert source() == Source()
    assert caplog.messages[-1].endswith("DATABASE_READ_URL names a server that is no replica")
