"""Where figures are read, with the same server in place of a replica; tests/machines/test_replica.py has a real one."""

import os

import psycopg
import pytest
from django.db import DatabaseError, InternalError, OperationalError, connections
from django.test.utils import CaptureQueriesContext

from orgs import scope
from orgs.db import reading
from orgs.db.patience import at_most
from orgs.db.reading import Source
from tests import make


def asked(statement: str) -> tuple:
    with reading.connection().cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()


def test_without_a_replica_nothing_is_asked_for_it(db):
    with CaptureQueriesContext(connections["default"]) as statements:
        assert reading.read(reading.source) == Source("default", None)
    assert len(statements) == 0


def test_each_transaction_of_the_replica_is_told_its_scope_and_changes_nothing(replica):
    acme, globex = make.organisation("Acme", "acme"), make.organisation("Globex", "globex")
    told = """SELECT current_user, nullif(current_setting('app.org', true), ''),
        current_setting('transaction_read_only')"""
    seen = []
    for entered in (scope.org(acme.id), scope.every_org(), scope.org(globex.id), scope.nobody()):
        with entered:
            seen.append((reading.read(reading.source).alias, *reading.read(lambda: asked(told))))
    assert seen == [
        ("replica", "gatehouse_app", acme.id, "on"),
        ("replica", "gatehouse_system", None, "on"),
        ("replica", "gatehouse_app", globex.id, "on"),
        ("replica", "gatehouse_app", None, "on"),
    ]


def test_nothing_can_be_written_through_the_replica(replica):
    with scope.every_org(), pytest.raises(InternalError, match="read-only transaction"):
        reading.read(lambda: asked("INSERT INTO ingest_state (id) VALUES (2) RETURNING id"))


def test_a_replica_that_shows_rows_to_nobody_is_not_read(replica, caplog):
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE record NO FORCE ROW LEVEL SECURITY")
    assert reading.read(reading.source) == Source("default")
    assert "record is not under forced row-level security" in caplog.text


@pytest.mark.parametrize("facts", [{"HOST": "127.0.0.1", "PORT": "1"}, {"NAME": "nosuch"}])
def test_while_the_replica_is_away_figures_come_from_the_database_itself(replica, monkeypatch, facts):
    replica.update(facts)
    assert [reading.read(reading.source) for _ in range(2)] == [Source("default")] * 2


def test_what_fails_on_the_replica_is_asked_of_the_database_itself(replica):
    def cut() -> Source:
        used.append(reading.source().alias)
        if reading.source().alias == reading.REPLICA:
            pid = asked("SELECT pg_backend_pid()")[0]
            with psycopg.connect(os.environ["SCRATCH_SUPERUSER_URL"]) as superuser:
                superuser.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        asked("SELECT 1")
        return reading.source()

    used: list[str] = []
    assert (reading.read(cut), used) == (Source("default"), ["replica", "default"])
    assert reading.read(reading.source) == Source("default")  # it is left alone for a while


def test_what_the_replica_has_not_got_yet_is_asked_of_the_database_itself(replica):
    def column() -> str:
        name = "yet_to_come" if reading.source().alias == reading.REPLICA else "id"
        asked(f"SELECT {name} FROM ingest_state")
        return reading.source().alias

    assert reading.read(column) == "default"


def test_whoever_does_without_what_failed_is_asked_again_too(replica):
    """He would say that it took too long."""

    def part() -> str:
        try:
            with at_most("2s", reading.source().alias):
                if reading.source().alias == reading.REPLICA:
                    connections[reading.REPLICA].connection.close()
                return str(asked("SELECT 'whole'")[0])
        except DatabaseError:
            return "took too long"

    assert reading.read(part) == "whole"


def test_what_takes_too_long_is_not_tried_twice(replica):
    def slow() -> None:
        used.append(reading.source().alias)
        with at_most("20ms", reading.source().alias):
            asked("SELECT pg_sleep(5)")

    used: list[str] = []
    with pytest.raises(OperationalError, match="statement timeout"):
        reading.read(slow)
    assert used == ["replica"]
