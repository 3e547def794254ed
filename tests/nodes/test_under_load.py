"""Many gateways at once, and a database that goes away: over real HTTP."""

import gzip
import json
import os
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
from django.db import connection

from dashboard.nodes import envelope
from dashboard.nodes.models import Node
from tests.nodes.gateway import Gateway, published

REQUESTS = [
    "GET /register/node",
    "GET /register/ping",
    "GET /system/apis",
    "GET /system/policies",
    "GET /system/clientidps",
    "POST /system/key/quota_trigger",
    "DELETE /system/node",
]


@contextmanager
def superuser():
    with psycopg.connect(os.environ["SCRATCH_SUPERUSER_URL"], autocommit=True) as session:
        yield session


def end_sessions(session):
    """Break every connection to the tests' database, those in a transaction too."""
    session.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
        [connection.settings_dict["NAME"]],
    )


def test_fifty_registrations_of_each_session_at_once_make_one_row_and_one_node(gunicorn):
    start = threading.Barrier(50)

    def register(number):
        with Gateway(gunicorn) as gateway:
            start.wait()
            answers = [
                gateway.ask("GET /register/node", session=f"s{session}", hostname=f"edge-{number}")
                for session in range(10)
            ]
            return [answer.status for answer in answers], gateway.objections

    with ThreadPoolExecutor(50) as threads:
        results = list(threads.map(register, range(50)))
    assert Counter(status for statuses, _ in results for status in statuses) == {200: 10, 409: 490}
    assert [objections for _, objections in results if objections] == []
    assert sorted(Node.objects.values_list("session_id", flat=True)) == [f"s{number}" for number in range(10)]


def test_while_database_sessions_break_a_node_gets_whole_feeds_or_503_and_nothing_else(gunicorn, cast):
    for name in ("Orders", "Rockets", "Ropes"):
        published(cast.acme, name)
    with Gateway(gunicorn, "s0") as gateway:
        whole = gateway.ask("GET /system/apis").json["Message"]
    ended = threading.Event()

    def live(number):
        seen, goes_on = [], True
        with Gateway(gunicorn, f"s{number}") as gateway:
            while goes_on:
                goes_on = not ended.is_set()  # so that one round begins when no more sessions break
                seen.append(("ping", gateway.ask("GET /register/ping").status))
                seen.append(feed_of(gateway.ask("GET /system/apis", encoding="gzip"), whole))
            return seen + gateway.objections

    with ThreadPoolExecutor(4) as threads, superuser() as session:
        lives = [threads.submit(live, number) for number in range(4)]
        for _ in range(15):
            end_sessions(session)
            time.sleep(0.1)
        ended.set()
        seen = {sight for future in lives for sight in future.result()}
    assert {("ping", 200), ("feed", "whole")} <= seen
    assert seen <= {("ping", 200), ("ping", 503), ("feed", "whole"), ("feed", 503)}


def feed_of(answer, whole):
    if answer.status != 200:
        return "feed", answer.status
    complete = json.loads(gzip.decompress(answer.body))["Message"] == whole
    return "feed", "whole" if complete else "not whole"


def test_with_the_database_away_all_is_503_and_afterwards_a_known_session_is_still_known(gunicorn, cast):
    name = connection.settings_dict["NAME"]
    with Gateway(gunicorn, "s1") as gateway, superuser() as session:
        node = gateway.ask("GET /register/node").json["Message"]["NodeID"]
        session.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        try:
            end_sessions(session)
            away = [gateway.ask(request, node=node) for request in REQUESTS]
        finally:
            session.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        assert [answer[::2] for answer in away] == [(503, envelope.UNAVAILABLE)] * len(REQUESTS)
        assert [answer.headers["retry-after"] for answer in away] == ["2"] * len(REQUESTS)
        assert gateway.ask("GET /register/ping", node=node).status == 200
        assert gateway.ask("GET /register/node").status == 409
    assert gateway.objections == []


def test_a_known_session_is_known_to_every_process_and_after_a_restart(start_gunicorn):
    with start_gunicorn(workers=2) as url, Gateway(url, "s1") as gateway:
        assert gateway.ask("GET /register/node").status == 200
        assert [gateway.ask("GET /register/node").status for _ in range(10)] == [409] * 10
    with start_gunicorn(workers=1) as url, Gateway(url, "s1") as gateway:
        assert gateway.ask("GET /register/node").status == 409
        assert gateway.objections == []
