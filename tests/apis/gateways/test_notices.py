"""New messages are heard of, and nobody who waits for them relies on it."""

import os
import re
import socket
import threading
import time
from contextlib import contextmanager, suppress

import psycopg
import pytest
from django.db import connections, transaction
from django.db.models import Func, JSONField, TextField, Value

from apis.gateways import outbox
from apis.gateways.notices import CHANNEL, Notices
from orgs import scope
from orgs.models import Organisation


def superuser():
    name = connections["default"].settings_dict["NAME"]
    return psycopg.connect(
        os.environ["SCRATCH_SUPERUSER_URL"].replace("/postgres?", f"/{name}?"), autocommit=True
    )


def leave(cast, *subjects, kind="reload"):
    with scope.every_org():
        outbox.add_many(kind, subjects, org_id=cast.acme.id)


@pytest.fixture
def notices(committed):
    """Connected, of which whoever waits is told."""
    with Notices() as made:
        bell = made.bell()
        assert made.hear()
        assert bell.is_set()
        yield made


@pytest.fixture
def listener(committed):
    """What else comes over the channel."""
    with superuser() as connection:
        connection.execute(f"LISTEN {CHANNEL}")
        yield connection


def test_a_message_rings_each_bell_when_it_is_committed_and_not_before(notices, cast):
    bells, heard = [notices.bell() for _ in range(2)], []
    waiting = threading.Thread(target=lambda: heard.append(notices.hear()))
    waiting.start()
    with scope.every_org(), transaction.atomic():
        outbox.add("reload", "one", org_id=cast.acme.id)
        assert not bells[0].wait(0.3)
    assert [bell.wait(60) for bell in bells] == [True, True]
    waiting.join(60)
    assert heard == [True]


def test_what_is_taken_back_rings_nothing(listener, cast):
    class Undone(Exception):
        pass

    with suppress(Undone), scope.every_org(), transaction.atomic():
        outbox.add("reload", "one", org_id=cast.acme.id)
        raise Undone
    assert list(listener.notifies(timeout=0.3)) == []


def _heard(listener):
    """The first notice, however late it comes, and those that follow at once."""
    return [*listener.notifies(timeout=60, stop_after=1), *listener.notifies(timeout=0.3)]


def test_many_messages_of_a_statement_are_one_notice_which_tells_nothing(listener, cast):
    series = Func(Value(1), Value(10_000), function="generate_series", output_field=TextField())
    numbers = Organisation.everyone.filter(id=cast.acme.id).annotate(number=series)
    subjects = numbers.values_list("number", Value(None, output_field=JSONField()))
    with scope.every_org():
        outbox.add_chunks("reload", subjects, {}, org_id=cast.acme.id)
        assert outbox.waiting().count() == 0  # the kind rests
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT count(*) FROM apis_outbox")
            assert cursor.fetchone() == (10_000 / outbox.CHUNK,)
    assert [(notice.channel, notice.payload) for notice in _heard(listener)] == [(CHANNEL, "")]


def test_many_statements_of_a_transaction_are_one_notice_too(listener, cast):
    with scope.every_org(), transaction.atomic():
        for number in range(20):
            outbox.add("reload", str(number), org_id=cast.acme.id)
    assert [notice.payload for notice in _heard(listener)] == [""]


def test_who_listens_is_the_application_under_row_level_security(notices, cast):
    leave(cast, "one")
    with superuser() as connection:
        found = connection.execute(
            "SELECT usename FROM pg_stat_activity WHERE query = %s AND datname = current_database()",
            [f"LISTEN {CHANNEL}"],
        ).fetchall()
    assert found == [("gatehouse_app",)]
    assert notices._connection.execute("SELECT count(*) FROM apis_outbox").fetchone() == (0,)


def test_it_is_calm_while_it_would_be_heard_and_nothing_is(notices, cast):
    assert (notices.calm(0), notices.calm(3_600)) == (True, True)
    leave(cast, "one")
    notices.hear()
    assert (notices.calm(0), notices.calm(3_600)) == (True, False)


def test_a_connection_that_is_lost_is_made_again_and_what_came_meanwhile_is_asked_for(notices):
    bell = notices.bell()
    with superuser() as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = %s AND datname = current_database()",
            [f"LISTEN {CHANNEL}"],
        )
    with pytest.raises(psycopg.OperationalError):
        while notices.hear():  # its last words are heard first
            pass
    assert not notices.calm(0)
    bell.clear()
    assert notices.hear()
    assert (notices.calm(0), bell.is_set()) == (True, True)


def test_an_end_is_at_once_and_wakes_all(notices):
    bell, heard = notices.bell(), []
    waiting = threading.Thread(target=lambda: heard.append(notices.hear()))
    waiting.start()
    time.sleep(0.1)
    notices.end()
    waiting.join(20)
    assert (waiting.is_alive(), heard, bell.is_set(), notices.calm(0)) == (False, [False], True, False)


@contextmanager
def pooler(directory):
    """A relay to PostgreSQL which, as PgBouncer does, gives the client another number than the server's."""
    name, server = ".s.PGSQL.5432", socket.socket(socket.AF_UNIX)
    server.bind(f"{directory}/{name}")
    server.listen()
    real = f"{connections['default'].get_connection_params()['host']}/{name}"
    sockets = []

    def renumbered(data):
        return re.sub(rb"(?s)(K\0\0\0\x0c)....", lambda found: found[1] + bytes(4), data)

    def relay(source, target, changed):
        with suppress(OSError):
            while data := source.recv(65_536):
                target.sendall(changed(data))
            target.shutdown(socket.SHUT_WR)

    def serve():
        with suppress(OSError):
            while True:
                client, upstream = server.accept()[0], socket.socket(socket.AF_UNIX)
                upstream.connect(real)
                sockets.extend([client, upstream])
                for source, target, changed in (
                    (client, upstream, bytes),
                    (upstream, client, renumbered),
                ):
                    threading.Thread(target=relay, args=(source, target, changed), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield
    finally:
        for each in (server, *sockets):
            each.close()


def test_behind_a_pooler_which_may_pass_nothing_on_it_is_never_calm(committed, monkeypatch, tmp_path):
    with pooler(tmp_path), Notices() as notices:
        assert not notices.calm(0)
        monkeypatch.setitem(connections["default"].settings_dict, "HOST", str(tmp_path))
        assert notices.hear()
        assert not notices.calm(0)
