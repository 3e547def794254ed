"""Without its database every page and route answers 503, whole and readable, and says when to ask again."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import urlopen

import psycopg
import pytest
from django.conf import settings
from django.db import connection, connections
from django.test import Client

from tests import make
from tests.test_walk import Route, call, client_of, routes, url

READABLE = "Gatehouse cannot reach its database or is starting."


@contextmanager
def away() -> Iterator[None]:
    """The database refuses this process, and ends what it has."""
    name = connection.settings_dict["NAME"]
    with psycopg.connect(os.environ["SCRATCH_SUPERUSER_URL"], autocommit=True) as session:
        session.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        try:
            session.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )
            yield
        finally:
            session.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
            connections.close_all()


def asked() -> Iterator[tuple[Route, str]]:
    for route in routes():
        if route.rule is None or "(?P" in route.pattern:
            continue
        names = dict.fromkeys(route.parameters, "x") | {"ts": 1, "id": 1, "number": 1, "object_id": "x"}
        yield route, url(route, names, "acme")


@pytest.mark.parametrize("caller", ["nobody", "administrator", "super-user"])
def test_every_page_and_route_answers_503_while_the_database_is_away_and_works_again(committed, caller):
    acme = make.organisation("Acme Retail", "acme")
    people = {
        "nobody": None,
        "administrator": make.user("ada@acme.example", acme, {"IsAdmin": "admin"}),
        "super-user": make.user("sue@platform.example", None),
    }
    clients = {}
    for route, _ in asked():
        clients.setdefault(route.rule.caller, client_of(people[caller], route.rule))
    for client in clients.values():
        client.raise_request_exception = False
        assert client.get("/hello").status_code == 200  # each asks once for the proof of isolation
    wrong, reached = [], 0
    with away():
        for route, path in asked():
            client = clients[route.rule.caller]
            for method in sorted(route.rule.methods):
                connections.close_all()
                answer = call(client, method, path)
                fault = fault_of(answer, method)
                reached += answer.status_code == 503
                if fault:
                    wrong.append((method, route.pattern, fault))
    assert wrong == []
    assert reached >= {"nobody": 5, "administrator": 100, "super-user": 100}[caller]
    connections.close_all()
    assert clients["session"].get("/profile/").status_code == (302 if caller == "nobody" else 200)


def fault_of(answer, method: str) -> str:
    """What an answer lacks that was given while the database was away; "" if nothing."""
    if answer.status_code in (301, 302, 401, 404, 405, 400) and not answer.wsgi_request.COOKIES:
        return ""  # nothing had to be looked up to say no
    if answer.status_code != 503:
        return f"{answer.status_code}"
    if answer.headers.get("Retry-After") is None:
        return "no Retry-After"
    if method != "HEAD" and answer.headers.get("Content-Length") != str(len(answer.content)):
        return f"Content-Length {answer.headers.get('Content-Length')}"
    machine = answer.headers["Content-Type"].startswith("application/json")
    if not machine and method != "HEAD" and READABLE not in answer.content.decode():
        return "not readable"
    return ""


def test_the_page_says_what_is_the_matter_under_the_usual_headers(committed):
    make.user("sue@platform.example", None)
    client = Client(raise_request_exception=False)
    client.get("/hello")
    with away():
        answer = client.post("/sign-in/", {"email": "sue@platform.example", "password": make.PASSWORD})
    assert answer.status_code == 503
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert answer.headers["Cache-Control"] == "no-store"
    assert settings.SESSION_COOKIE_NAME not in answer.cookies


def test_a_connection_that_the_database_has_ended_costs_no_request(committed, start_gunicorn):
    with start_gunicorn(1, 1) as address:
        for _ in range(3):
            with urlopen(f"{address}/hello") as answer:
                assert answer.status == 200
            with away():
                pass
