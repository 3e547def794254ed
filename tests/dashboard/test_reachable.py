"""What is said of a server that a setting names and that cannot be used: real servers, asked as at a start."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import connections

from dashboard import reachable
from dashboard.configuration import SettingError
from dashboard.engines import addresses, binaries
from dashboard.reachable import Away
from tests.entry.conftest import closed_port, directory, free_port, until

PASSWORD = "hunter2"


def told(check, *arguments) -> tuple[type, str]:
    with pytest.raises(SettingError) as refused:
        check(*arguments)
    assert PASSWORD not in str(refused.value)
    return type(refused.value), str(refused.value)


# PostgreSQL.


@pytest.fixture
def database(monkeypatch):
    """Changes what Django knows of a database, for one test."""

    def change(alias: str, **facts) -> None:
        for name, value in facts.items():
            monkeypatch.setitem(connections[alias].settings_dict, name, value)

    return change


def test_the_databases_of_the_tests_can_be_used(db):
    assert [reachable.postgresql("default"), reachable.postgresql("owner")] == [None, None]


def test_a_database_that_does_not_exist(db, database):
    database("default", NAME="nosuch")
    kind, text = told(reachable.postgresql, "default")
    assert (kind, text.startswith("DATABASE_URL: PostgreSQL cannot be used: ")) == (SettingError, True)
    assert text.endswith('FATAL:  database "nosuch" does not exist.')


def test_a_role_that_does_not_exist(db, database):
    database("owner", USER="nosuch")
    kind, text = told(reachable.postgresql, "owner")
    assert (kind, text.startswith("DATABASE_MIGRATE_URL: ")) == (SettingError, True)
    assert text.endswith('FATAL:  role "nosuch" does not exist.')


def test_nobody_listening_may_change(db, database):
    database("default", HOST="127.0.0.1", PORT="1", PASSWORD=PASSWORD, OPTIONS={})
    assert told(reachable.postgresql, "default") == (
        Away,
        "DATABASE_URL: PostgreSQL cannot be used: "
        'connection to server at "127.0.0.1", port 1 failed: Connection refused.',
    )


def test_an_option_that_means_nothing(db, database):
    database("default", OPTIONS={"sslmode": "perhaps"})
    assert told(reachable.postgresql, "default") == (
        SettingError,
        'DATABASE_URL: PostgreSQL cannot be used: connection is bad: invalid sslmode value: "perhaps".',
    )


def test_a_second_role_that_does_not_exist(db, monkeypatch, settings):
    monkeypatch.setitem(settings.DATABASES["default"], "SYSTEM_ROLE", "nosuch")
    assert told(reachable.postgresql, "default") == (
        SettingError,
        "DATABASE_SYSTEM_ROLE names a role which does not exist: dashboard/docs/operating.md says what it needs.",
    )


def test_roles_that_lack_what_they_need(db, database):
    with psycopg.connect(os.environ["SCRATCH_SUPERUSER_URL"], autocommit=True) as superuser:
        superuser.execute("DROP ROLE IF EXISTS stranger")
        superuser.execute("CREATE ROLE stranger LOGIN")
        database("default", USER="stranger")
        database("owner", USER="gatehouse_app")
        try:
            assert [told(reachable.postgresql, alias)[1] for alias in ("default", "owner")] == [
                "DATABASE_URL names a role that is no member of the one that DATABASE_SYSTEM_ROLE names.",
                "DATABASE_MIGRATE_URL names a role that may not create tables in its database.",
            ]
        finally:
            superuser.execute("DROP ROLE stranger")


def test_a_replica_may_be_away_at_a_start_but_not_be_a_database_that_does_not_exist(
    replica, redis, settings, monkeypatch
):
    settings.EMBEDDED_DATABASE = False
    monkeypatch.setitem(settings.DATABASES, "replica", replica)
    replica |= {"HOST": "127.0.0.1", "PORT": "1", "OPTIONS": {}}
    reachable.everything()
    del connections["replica"]
    replica |= connections.settings["default"] | {"NAME": "nosuch"}
    assert told(reachable.everything)[1].startswith("DATABASE_READ_URL: PostgreSQL cannot be used: ")


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ('failed: FATAL:  password authentication failed for user "a"', SettingError),
        ("failed: fe_sendauth: no password supplied", SettingError),
        ('failed: FATAL:  no pg_hba.conf entry for host "h"', SettingError),
        ("failed: server does not support SSL, but SSL was required", SettingError),
        ("failed: received invalid response to SSL negotiation: H", SettingError),
        ("failed: FATAL:  the database system is starting up", Away),
        ("failed: FATAL:  sorry, too many clients already", Away),
        ('failed: FATAL:  database "x" is not currently accepting connections', Away),
        ("connection timeout expired", Away),
        ("failed to resolve host 'h': [Errno -2] Name or service not known", Away),
        ("failed: SSL SYSCALL error: EOF detected", Away),
    ],
)
def test_what_another_attempt_may_mend(words, kind):
    assert type(reachable.of_postgresql("default", psycopg.OperationalError(f"{words}\nmore"))) is kind


# Redis.


@contextlib.contextmanager
def valkey(*lines: str) -> Iterator[int]:
    """A Valkey of this configuration; its port. Also a Sentinel, which must have a file to write to."""
    with directory() as var:
        number = free_port()
        file = var / "valkey.conf"
        file.write_text("\n".join([f"port {number}", "bind 127.0.0.1", f"dir {var}", 'save ""', *lines]))
        program = binaries.reachable(binaries.find_valkey().parent, addresses.home(var)) / "valkey-server"
        sentinel = ["--sentinel"] if any(line.startswith("sentinel") for line in lines) else []
        process = subprocess.Popen([program, file, *sentinel], stdout=subprocess.DEVNULL)
        try:
            until(lambda: _listens(number))
            yield number
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()


def _listens(number: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", number), timeout=1):
        return True
    return False


def redis_at(settings, url: str) -> tuple[type, str]:
    settings.REDIS_URL = url
    return told(reachable.gateways_redis)


def test_the_redis_of_the_tests_can_be_used(redis):
    assert reachable.gateways_redis() is None


def test_a_wrong_password_database_or_transport(redis, settings):
    good = settings.REDIS_URL
    secret = urlsplit(good).password
    refused = "REDIS_URL: Redis refuses its user name or password, or wants one."
    assert [
        redis_at(settings, good.replace(f":{secret}@", with_))
        for with_ in (f":{PASSWORD}@", "", f"me:{PASSWORD}@")
    ] == [(SettingError, refused)] * 3
    assert redis_at(settings, re.sub("/0$", "/9999", good)) == (
        SettingError,
        "REDIS_URL: Redis refuses: DB index is out of range.",
    )


def test_a_port_without_redis(settings):
    with closed_port() as number:
        assert redis_at(settings, f"redis://:{PASSWORD}@127.0.0.1:{number}/0") == (
            Away,
            f"REDIS_URL: Redis cannot be reached: Error 111 connecting to 127.0.0.1:{number}. Connection refused.",
        )


def test_a_port_that_speaks_http(settings):
    class Quiet(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert redis_at(settings, f"redis://:{PASSWORD}@127.0.0.1:{server.server_port}/0") == (
            SettingError,
            "REDIS_URL names a port on which nothing speaks the protocol of Redis "
            "(rediss:// is with TLS, redis:// without).",
        )
        server.shutdown()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "cluster-enabled yes",
            "a node of a Redis Cluster, which is not supported: one Redis server is needed",
        ),
        (
            "sentinel monitor main 127.0.0.1 1 1",
            "a Redis Sentinel, which is not supported: name the Redis server itself",
        ),
        (
            "replicaof 127.0.0.1 1",
            "a replica, which takes no writes: name the Redis server that gateways write to",
        ),
    ],
)
def test_a_redis_that_is_no_single_server(settings, line, said):
    with valkey(line) as number:
        assert redis_at(settings, f"redis://127.0.0.1:{number}/0") == (
            SettingError,
            f"REDIS_URL names {said}.",
        )


# What can only be told by its words.


def test_the_oldest_database_is_fifteen():
    assert reachable.OLDEST == 150_000


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ('connection failed: FATAL:  password authentication failed for user "a"', SettingError),
        ("connection failed: fe_sendauth: no password supplied", SettingError),
        ('connection failed: FATAL:  no pg_hba.conf entry for host "a"', SettingError),
        ('connection failed: FATAL:  role "a" is not permitted to log in', SettingError),
        ("connection failed: server does not support SSL, but SSL was required", SettingError),
        ("connection failed: SSL error: certificate verify failed", SettingError),
        ("connection failed: received invalid response to SSL negotiation: H", SettingError),
        ("connection failed: Connection refused", Away),
        ("connection failed: FATAL:  the database system is starting up", Away),
        ("connection failed: FATAL:  sorry, too many clients already", Away),
        ("connection timeout expired", Away),
    ],
)
def test_what_another_attempt_would_not_mend_is_final(words, kind):
    error = reachable.of_postgresql("default", psycopg.OperationalError(f"{words}\nIs it running?"))
    assert (type(error), str(error)) == (
        kind,
        f"DATABASE_URL: PostgreSQL cannot be used: {words.removeprefix('connection failed: ')}.",
    )


def test_a_password_that_an_error_repeats_is_left_out(monkeypatch):
    monkeypatch.setitem(reachable.settings.DATABASES["owner"], "PASSWORD", PASSWORD)
    error = reachable.of_postgresql("owner", psycopg.OperationalError(f'invalid option "{PASSWORD}"'))
    assert str(error) == 'DATABASE_MIGRATE_URL: PostgreSQL cannot be used: invalid option "…".'
