"""Bad input at every door: a clear 4xx, nothing stored, never a 5xx."""

import re

import pytest
from django.db import transaction

from orgs.access import BY_HEADER
from tests.orgs.test_rest_transport import HOSTILE
from tests.test_walk import World, client_of, digest, make_world, parameters, routes, url

TEXTS = (
    "\0",
    "a\0b",
    "\u202e⟦x⟧",
    "'\"><script>alert(1)</script>",
    "%00",
    "' OR 1=1 --",
    "-1",
    "1e999",
    "9" * 400,
    "٣",
    "null",
    "[]",
    '{"$ne": null}',
    "../../etc/passwd",
    "2026-13-45T99:99",
    "x" * 20_000,
)
# Every query parameter that a page or route reads, and a few that none does.
PARAMETERS = [
    "after",
    "against",
    "api",
    "api_id",
    "api_version",
    "as",
    "before",
    "by",
    "code",
    "end",
    "errors",
    "format",
    "from",
    "hashed",
    "key",
    "kind",
    "least_ms",
    "live",
    "measure",
    "method",
    "next",
    "p",
    "page",
    "path",
    "q",
    "range",
    "res",
    "sort",
    "start",
    "state",
    "status",
    "suppress_reset",
    "table",
    "tags",
    "to",
    "_connector",
    "__all__",
]
# Bodies which mean nothing to anybody; the others of the list are about users.
SENSELESS = HOSTILE[:5] + HOSTILE[6:16]


@pytest.fixture
def worlds(committed, redis) -> tuple[World, World]:
    return make_world(redis, "alpha"), make_world(redis, "beta")


def walked(alpha: World, kind: str):
    """(route, its address with the world's own objects, a client that may) of every route for people or for
    machines."""
    for route in routes():
        if route.in_admin or "organisation" in " ".join(route.parameters) or "user_id" in route.parameters:
            continue
        if route.rule.caller in ("super", "anyone", "admin", "node") or route.pattern.startswith(
            "super-users"
        ):
            continue
        if (route.rule.caller in BY_HEADER) == (kind == "machines"):
            yield (
                route,
                url(route, parameters(route, alpha), alpha.mark),
                client_of(alpha.administrator, route.rule),
            )


def test_bad_bodies_are_refused_by_every_rest_route_and_store_nothing(worlds):
    alpha, beta = worlds
    wrong, asked = [], 0
    for route, path, client in walked(alpha, "machines"):
        before = digest(alpha.org), digest(beta.org)
        for method in sorted(route.rule.methods & {"POST", "PUT"}):
            for body in SENSELESS:
                asked += 1
                answer = client.generic(method, path, body, content_type="application/json")
                refused = 400 <= answer.status_code < 500 and answer.json()["Status"] == "Error"
                if not refused and not _reads_no_body(route) and not _takes(route, body):
                    wrong.append((method, route.pattern, body[:40], answer.status_code, answer.content[:200]))
        if not _reads_no_body(route) and (digest(alpha.org), digest(beta.org)) != before:
            wrong.append((route.pattern, "stored something"))
    assert wrong == []
    assert asked >= 100


def _reads_no_body(route) -> bool:
    return route.pattern.endswith(("actions/key/reset", "actions/revoke"))


def _takes(route, body: bytes) -> bool:
    """A search for nothing in particular."""
    return route.pattern == "api/users/search" and body == b""


def fields(page: str) -> list[str]:
    """The names of a page's form fields."""
    names = re.findall(r'<(?:input|select|textarea)[^>]*\bname="([^"]+)"', page)
    return sorted({name for name in names if name != "csrfmiddlewaretoken"})


def test_bad_values_in_every_field_of_every_form_are_never_a_5xx(worlds):
    alpha, beta = worlds
    wrong, asked = [], 0
    for route, path, client in walked(alpha, "people"):
        if "POST" not in route.rule.methods:
            continue
        page = client.get(path).content.decode() if "GET" in route.rule.methods else ""
        names = fields(page) or ["suspended", "active", "theme"]
        stranger = digest(beta.org)
        for name in names:
            for text in TEXTS:
                asked += 1
                with transaction.atomic():
                    answer = client.post(path, dict.fromkeys(names, "1") | {name: text})
                    if answer.status_code >= 500:
                        wrong.append((route.pattern, name, text[:30], answer.status_code))
                    transaction.set_rollback(True)
        with transaction.atomic():
            for raw in (b"\xff\xfe=\xff", b"a=%ff%00&" * 3_000, b"x=" + b"y" * 3_000_000):
                answer = client.generic("POST", path, raw, content_type="application/x-www-form-urlencoded")
                if answer.status_code >= 500:
                    wrong.append((route.pattern, raw[:10], answer.status_code))
            transaction.set_rollback(True)
        if digest(beta.org) != stranger:
            wrong.append((route.pattern, "changed the other organisation"))
    assert wrong == []
    assert asked >= 300


@pytest.mark.parametrize("kind", ["people", "machines"])
def test_bad_query_strings_are_never_a_5xx(worlds, kind):
    alpha, _ = worlds
    wrong, asked = [], 0
    for route, path, client in walked(alpha, kind):
        if "GET" not in route.rule.methods:
            continue
        queries = [dict.fromkeys(PARAMETERS, text[:2_000]) for text in TEXTS]
        queries += [{name: text} for name in PARAMETERS for text in ("a\0b", "-1", "9" * 400)]
        for query in queries:
            asked += 1
            with transaction.atomic():
                answer = client.get(path, query)
                transaction.set_rollback(True)
            if answer.status_code >= 500:
                wrong.append(
                    (route.pattern, {n: t[:20] for n, t in list(query.items())[:2]}, answer.status_code)
                )
    assert wrong == []
    assert asked >= 1_000
