"""Bad input at every door: a clear 4xx, nothing stored, never a 5xx."""

import re
from dataclasses import dataclass
from unittest import mock

import pytest
from django.conf import settings
from django.db import transaction
from django.http import QueryDict
from django.test import Client

from orgs.http.rest import is_wire
from orgs.models import User
from tests import make
from tests.orgs.http.test_rest import HOSTILE
from tests.test_walk import (
    OF_TRAFFIC,
    Route,
    World,
    call,
    client_of,
    digest,
    make_world,
    parameters,
    routes,
    url,
)

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
# Those of them that a field may take, so that what follows on the fields must do with them, too.
TAKEN = ("\u202e⟦x⟧", "-1", "9" * 400, "٣", '{"$ne": null}', "x" * 20_000)
# With so many fields or more, each is tried with so many of them in turn.
TAKEN_BY = ((40, 1), (10, 2), (0, len(TAKEN)))
# Every query parameter that a page or route reads, and a few that none does.
PARAMETERS = [
    "__all__",
    "_connector",
    "active",
    "address",
    "after",
    "against",
    "api",
    "api_id",
    "api_query",
    "api_version",
    "as",
    "at",
    "auth_type",
    "before",
    "by",
    "code",
    "compare",
    "compare_to",
    "country",
    "end",
    "endpoint",
    "ends",
    "errors",
    "filter",
    "format",
    "from",
    "hashed",
    "key",
    "kind",
    "last",
    "least_ms",
    "live",
    "measure",
    "method",
    "mode",
    "next",
    "no_owner",
    "oauth",
    "org_id",
    "owner",
    "p",
    "page",
    "path",
    "policy",
    "policy_ids",
    "policy_query",
    "q",
    "range",
    "res",
    "size",
    "show",
    "sort",
    "start",
    "state",
    "status",
    "suppress_reset",
    "table",
    "tag",
    "tags",
    "to",
    "used",
    "user_agent",
    "version",
]
# Those of them that are names of any kind, and tried together besides.
ALIKE = ("api", "endpoint", "key", "oauth", "tag", "user_agent", "version")
# Bodies which mean nothing to anybody; the others of the list are about users.
SENSELESS = HOSTILE[:5] + HOSTILE[6:16]


# What stands where the address names an object: nothing of this exists, and some of it cannot.
NAMES = (
    "%00",
    "a%00b",
    "%0a",
    "..%2f..%2fetc%2fpasswd",
    "%ff%fe",
    "'%20OR%201=1--",
    "%d9%a3",
    "-1",
    "9" * 400,
    "x" * 2_000,
    "*",
)
FLOOR_OF_ROUTES = {"people": 30, "machines": 25}


@pytest.fixture
def worlds(committed, redis) -> tuple[World, World]:
    return make_world(redis, "alpha"), make_world(redis, "beta")


@dataclass(frozen=True)
class Door:
    """A route, the values of its parameters in the world, and a client which may pass."""

    route: Route
    values: dict
    slug: str
    client: Client

    @property
    def path(self) -> str:
        return url(self.route, self.values, self.slug)


def doors(alpha: World, kind: str) -> list[Door]:
    """Every route for people or for machines, whoever may call it; Django's admin has a test of its own."""
    super_user = User.everyone.filter(org=None).first() or make.user("super@platform.example", None)
    credentials = {
        "anyone": {},
        "admin": {"admin-auth": settings.ADMIN_SECRET},
        "node": {"Authorization": settings.NODE_SECRET},
        "metrics": {"Authorization": f"Bearer {settings.METRICS_SECRET}"},
    }
    found, by_key = [], None
    for route in routes():
        if route.in_admin or (is_wire(f"/{route.pattern}")) != (kind == "machines"):
            continue
        if route.rule.caller in credentials:
            client = Client(headers=credentials[route.rule.caller])
        elif route.rule.caller == "key":
            # One for all: another key of the same person would end this one.
            client = by_key = by_key or client_of(alpha.administrator, route.rule)
        else:
            client = client_of(
                super_user if route.rule.caller == "super" else alpha.administrator, route.rule
            )
        found.append(Door(route, values_of(route, alpha, super_user), alpha.mark, client))
    assert len(found) >= FLOOR_OF_ROUTES[kind]
    return found


def values_of(route: Route, alpha: World, super_user: User) -> dict:
    if any(name in ("organisation", "organisation_id") for name in route.parameters):
        return dict.fromkeys(route.parameters, alpha.org.id)
    if "user_id" in route.parameters:
        return {"user_id": alpha.colleague.id}
    if route.pattern.startswith("super-users/<"):
        return {"person": super_user.id}
    return parameters(route, alpha)


def test_bad_bodies_are_refused_by_every_rest_route_and_store_nothing(worlds):
    alpha, beta = worlds
    wrong, asked = [], 0
    for door in doors(alpha, "machines"):
        route, path, client = door.route, door.path, door.client
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
    return route.pattern.endswith(
        (
            *("actions/key/reset", "actions/revoke", "_reset_passwords", "quota_trigger", "system/reload"),
            *("alerts/<str:id>/secret", "alerts/<str:id>/test"),
        )
    )


def _takes(route, body: bytes) -> bool:
    """A search for nothing in particular."""
    return route.pattern == "api/users/search" and body == b""


def fields(page: str) -> list[str]:
    """The names of a page's form fields."""
    names = re.findall(r'<(?:input|select|textarea)[^>]*\bname="([^"]+)"', page)
    return sorted({name for name in names if name != "csrfmiddlewaretoken"})


def taken(number: int, fields: int) -> tuple[str, ...]:
    """What a field is tried with alone: all of TAKEN, in a form of many fields some of it in turn."""
    turned = TAKEN[number % len(TAKEN) :] + TAKEN[: number % len(TAKEN)]
    return turned[: next(texts for least, texts in TAKEN_BY if fields >= least)]


def test_bad_values_in_every_field_of_every_form_are_never_a_5xx(worlds):
    alpha, beta = worlds
    wrong, asked = [], 0
    for door in doors(alpha, "people"):
        route, path, client = door.route, door.path, door.client
        if "POST" not in route.rule.methods:
            continue
        page = client.get(path).content.decode() if "GET" in route.rule.methods else ""
        names = fields(page) or ["suspended", "active", "theme"]
        stranger = digest(beta.org)
        sent = [(names, dict.fromkeys(names, text)) for text in TEXTS]
        sent += [
            ([name], dict.fromkeys(names, "1") | {name: text})
            for number, name in enumerate(names)
            for text in taken(number, len(names))
        ]
        for bad, values in sent:
            asked += 1
            with transaction.atomic():
                answer = client.post(path, values)
                if answer.status_code >= 500:
                    wrong.append((route.pattern, bad, values[bad[0]][:30], answer.status_code))
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


class Noting(QueryDict):
    """A query that notes which parameters were asked for. Passing all of them on, as links do, is tried with all."""

    asked: set[str] = set()

    def __getitem__(self, name):
        self.asked.add(name)
        return super().__getitem__(name)

    def __contains__(self, name):
        self.asked.add(name)
        return super().__contains__(name)

    def _getlist(self, name, *arguments, **options):
        self.asked.add(name)
        return super()._getlist(name, *arguments, **options)


def read_by(door: Door) -> list[str]:
    """The parameters that a page asks for when it is given none: another alone makes no difference to it."""
    with mock.patch("django.core.handlers.wsgi.QueryDict", Noting), transaction.atomic():
        Noting.asked = set()
        door.client.get(door.path)
        transaction.set_rollback(True)
    return sorted(Noting.asked.intersection(PARAMETERS))


def test_a_page_is_tried_with_the_parameters_that_it_reads(worlds):
    alpha, _ = worlds
    [keys] = [door for door in doors(alpha, "people") if door.route.pattern == "o/<slug:org>/keys/"]
    assert {"q", "state", "sort", "api", "format", "size"} <= set(read_by(keys))
    assert not {"against", "least_ms", "measure"} & set(read_by(keys))


@pytest.mark.parametrize("kind", ["people", "machines"])
def test_bad_query_strings_are_never_a_5xx(worlds, kind):
    alpha, _ = worlds
    wrong, asked = [], 0
    for door in doors(alpha, kind):
        route, path, client = door.route, door.path, door.client
        if "GET" not in route.rule.methods:
            continue
        queries = [dict.fromkeys(PARAMETERS, text[:2_000]) for text in TEXTS]
        read = read_by(door)
        alone = [[name] for name in read if name not in ALIKE] + [[name for name in read if name in ALIKE]]
        queries += [dict.fromkeys(names, text) for names in alone for text in ("a\0b", "-1", "9" * 400)]
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
    assert asked >= 500


@pytest.mark.parametrize("kind", ["people", "machines"])
def test_names_in_addresses_that_cannot_be_are_answered_like_missing_ones(worlds, kind):
    alpha, beta = worlds
    wrong, asked = [], 0
    stranger = digest(beta.org)
    for door in doors(alpha, kind):
        for varied in door.route.parameters:
            for name in NAMES:
                path = url(door.route, door.values | {varied: name}, door.slug)
                if varied == "org":
                    path = path.replace(f"/{door.slug}/", f"/{name}/", 1)
                for method in sorted(door.route.rule.methods):
                    asked += 1
                    with transaction.atomic():
                        answer = call(door.client, method, path)
                        transaction.set_rollback(True)
                    counted = door.route.pattern.startswith(OF_TRAFFIC) and answer.status_code == 200
                    if counted and not any(row["hits"] for row in _rows(answer)):
                        continue
                    if not 400 <= answer.status_code < 500 or answer.status_code == 401:
                        wrong.append((method, door.route.pattern, varied, name[:20], answer.status_code))
    assert wrong == []
    assert digest(beta.org) == stranger
    assert asked >= {"people": 500, "machines": 400}[kind]


def _rows(answer) -> list[dict]:
    """Of an answer that counts traffic; HEAD has none."""
    return (answer.content and answer.json()["data"]) or []


def test_djangos_admin_takes_odd_addresses_for_what_they_are(worlds, client_for):
    client = client_for(make.user("super@platform.example", None))
    lists = sorted(
        {f"/{route.pattern}" for route in routes() if route.in_admin and route.pattern.endswith("/change/")}
    )
    assert len(lists) >= 5
    wrong = []
    for change in lists:
        base = change.partition("<")[0]
        paths = [change.replace("<path:object_id>", name) for name in NAMES]
        paths += [f"{base}?{query}" for query in ODD_QUERIES]
        for path in paths:
            answer = client.get(path)
            if answer.status_code >= 500:
                wrong.append((path[:80], answer.status_code))
    assert wrong == []
    assert client.get("/django-admin/orgs/auditentry/?at__year=2026").status_code == 200


ODD_QUERIES = (
    "org__exact=%00",
    "q=%00",
    "at__year=99999999999",
    "at__year=-1",
    "at__year=2026&at__month=13",
    "at__year=2026&at__month=2&at__day=31",
    "at__gte=nonsense",
    "o=9.9.9",
    "p=-1",
    "p=99999999999999999999",
    "all=&e=1",
    "id__in=" + "x," * 500,
    "is_active__exact=2",
    "_facets=True",
)
