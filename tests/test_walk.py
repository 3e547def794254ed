"""Every URL x caller x object: the answers follow from what the views declare, and nothing of a stranger's shows.

The walk keeps itself complete: a route whose parameters or body nobody wrote down here fails by name.
"""

import base64
import hashlib
import json
import time
from dataclasses import dataclass, field

import msgpack
import pytest
from django.apps import apps
from django.core.exceptions import FullResultSet
from django.db import connection, connections, transaction
from django.test import Client
from django.urls import URLResolver, get_resolver

from apis.definitions import document
from apis.drafts import lifecycle as drafts
from apis.models import AllowedReference, Asset, Domain
from dashboard.analytics.ingest import drain
from dashboard.analytics.models import BodyKeeping
from dashboard.isolation import IsolationMiddleware
from dashboard.nodes.models import Node
from keys.models import BulkAction
from orgs import rights, scope
from orgs.access import BY_HEADER, Access, declared
from orgs.db.proof import tenant_tables
from orgs.db.schema import is_tenant
from orgs.managers import InScope
from orgs.models import Organisation, User
from orgs.signing_in.credentials import access_key_hash, new_access_key
from tests import make
from tests.alerts import build as alerts
from tests.keys import build
from tests.keys.adoption import build as elsewhere
from tests.keys.certificates import build as certificates
from tests.keys.oauth import build as oauth
from tests.keys.policies import build as policies

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
NOWHERE = "6b06e0000000000000000000"
# How many cells there are at least, so that a walk which finds nothing does not pass.
FLOOR = 300


@dataclass(frozen=True)
class Route:
    pattern: str
    view: object
    rule: Access | None

    @property
    def parameters(self) -> list[str]:
        return [part.strip("<>").split(":")[-1] for part in self.pattern.split("/") if part.startswith("<")]

    @property
    def in_admin(self) -> bool:
        return self.pattern.startswith("django-admin/")


def routes(resolver=None, prefix="", namespaces=()) -> list[Route]:
    found = []
    for entry in (resolver or get_resolver()).url_patterns:
        pattern = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            inside = (*namespaces, entry.namespace) if entry.namespace else namespaces
            found += routes(entry, pattern, inside)
        else:
            found.append(Route(_plain(pattern), entry.callback, declared(entry.callback, namespaces)))
    return found


def _plain(pattern: str) -> str:
    """Regular expressions written as paths."""
    for expression, plain in (
        ("(?P<user_id>[^/]+)", "<user_id>"),
        ("(?P<verb>allow|disallow)", "allow"),
        ("^", ""),
        ("$", ""),
    ):
        pattern = pattern.replace(expression, plain)
    return pattern


@dataclass
class World:
    """One organisation's things, each text of it carrying a mark that nobody else may ever read."""

    mark: str
    org: Organisation
    administrator: User = None
    member: User = None
    reader: User = None
    colleague: User = None
    objects: dict = field(default_factory=dict)


def make_world(redis, name: str) -> World:
    mark = f"zq9{name}"
    org = make.organisation(f"{mark} Ltd", mark)
    world = World(mark, org)
    world.administrator = make.user(f"admin@{mark}.example", org, rights.ADMINISTRATOR)
    world.member = make.user(f"member@{mark}.example", org)
    world.reader = make.user(f"reader@{mark}.example", org, dict.fromkeys(rights.NAMES, "read"))
    world.colleague = make.user(f"colleague@{mark}.example", org)
    api = build.api(org, f"{mark} Orders")
    key, _ = build.key(org, api, alias=f"{mark} alias")
    policy = policies.policy(org, api, name=f"{mark} policy", tags=[f"{mark} tag"])
    with scope.org(org.id):
        asset = Asset.objects.create(
            asset_id=f"{mark}-asset", kind="oas-template", name=f"{mark} asset", data_text=f'{{"x":"{mark}"}}'
        )
        AllowedReference.objects.create(text=f"env://{mark}", author=f"{mark} author")
        BodyKeeping.objects.create(enabled=True, headers=[f"X-{mark}"])
        Domain.objects.create(name=f"{mark}.example", author=f"{mark} author")
        drafts.save(
            api, document.compact({"name": f"{mark} draft"}), author=world.colleague, seen="", started_from=1
        )
        doing = BulkAction.objects.create(
            action="tag", arguments={"tag": f"{mark} tag"}, created_by=mark, total=1
        )
    alert = alerts.rule(
        org,
        name=f"{mark} alert",
        mails=[f"member@{mark}.example"],
        webhook=f"https://{mark}.example/",
        created_by=mark,
    )
    protected = oauth.api(org, f"{mark} Protected")
    # As long as an id that names nothing: a refusal repeats the address, and tells its length.
    client_id = f"{mark}-client".ljust(len(NOWHERE), "0")
    client, _ = oauth.client(org, protected, policy, client_id=client_id, description=f"{mark} client")
    certificate = certificates.uploaded(org, certificates.made(f"{mark} certificate").pem)
    Node.objects.get_or_create(session_id="edge", node_id="edge", hostname="edge")
    stamp = [int(time.time()) - 5, 7_000]
    redis.rpush(
        "analytics-tyk-system-analytics",
        msgpack.packb(
            {
                "OrgID": org.id,
                "APIID": api.api_id,
                "TimeStamp": stamp,
                "ResponseCode": 200,
                "Method": "GET",
                "Path": f"/{mark}",
                "RawPath": f"/{mark}",
                "RawRequest": base64.b64encode(f"GET /{mark} HTTP/1.1".encode()).decode(),
                "APIKey": key.token_hash,
                "Alias": f"{mark} alias",
                "RequestTime": 7,
                "Latency": {"Total": 7, "Upstream": 6},
            }
        ),
    )
    drain.tick(redis)
    elsewhere.write(redis, org, api, name=hashlib.sha256(mark.encode()).hexdigest(), alias=f"{mark} partner")
    elsewhere.find(redis)
    with scope.org(org.id):
        record = apps.get_model("analytics", "Record").objects.get()
        found = apps.get_model("keys", "FoundSession").objects.get()
    world.objects = {
        "user": world.colleague.id,
        "person": world.colleague.id,
        "api": api.id,
        "key": key.id,
        "found": found.id,
        "policy": policy.id,
        "bulk action": doing.id,
        "protected": protected.id,
        "client": client.id,
        "client id": client.client_id,
        "certificate": certificate.id,
        "certificate id": certificate.served_id,
        "asset": asset.id,
        "alert": alert.id,
        "hash": key.token_hash,
        "record": (int(record.ts.timestamp() * 1_000_000), record.id),
    }
    return world


# Which object of a world a route's parameters name; a pair is (prefix of the route, parameters).
_FIXED = {
    "o/<slug:org>/analytics/<str:table>/": {"table": "apis"},
    "o/<slug:org>/apis/<str:id>/history/<int:number>/": {"number": 1},
    "api/system/node/<str:node>/<str:host>": {"node": "edge", "host": "edge"},  # of nobody, for everybody
    "o/<slug:org>/policies/<str:id>/history/<int:number>/": {"number": 1},
}
# Forms that look at what they were sent before they look for the object.
_FORMS = {"o/<slug:org>/keys/<str:key_id>/suspension/": {"suspended": "true"}}
# The name there is the one a new key shall have, not one to be found.
_MAKES = {("POST", "api/keys/<str:name>"), ("POST", "api/apis/keys/basic/<str:user>")}
# Of what is not there they tell that nobody called it.
OF_TRAFFIC = ("api/activity/", "api/usage/")
# Where a rule of the product says more than the declaration: a super-user adds nobody to an organisation.
_FORBIDDEN_TO_SUPER_USERS = {"o/<slug:org>/people/new/"}
_DATES = dict(
    zip(("d1", "m1", "y1", "d2", "m2", "y2"), time.strftime("%d %m %Y %d %m %Y").split(), strict=True)
)


def parameters(route: Route, world: World | None) -> dict | None:
    """Values for the route's parameters: of the world's objects, or (None) of nothing that exists.

    None where the route names no object of an organisation.
    """
    values: dict = {}
    objects = world.objects if world else {}
    for name in route.parameters:
        if name == "org" or name in _FIXED.get(route.pattern, {}) or name in _DATES:
            continue
        kind = _kind(route.pattern, name)
        if kind == "record":
            found = objects.get("record", (1_000_000_000_000_000, 1_000_000))  # as long as those of a record
            values[name] = found[0] if name == "ts" else found[1]
        else:
            values[name] = objects.get(kind, _NOTHING.get(kind, NOWHERE))
    return values


# As long as an id of such a kind.
_NOTHING = {"hash": "0" * 64, "certificate id": "0" * 88}


def _kind(pattern: str, name: str) -> str:
    known = {
        ("api/keys", "name"): "hash",
        ("api/apis", "name"): "hash",
        ("api/apis", "user"): "hash",
        ("api/cache", "id"): "api",
        ("api/certs", "id"): "certificate id",
        ("o/<slug:org>/certificates", "id"): "certificate",
        ("api/apis/oauth", "api"): "protected",
        ("api/apis/oauth", "client"): "client id",
        ("api/apis", "api"): "api",
        ("api/apis", "id"): "api",
        ("api/mcps", "id"): "api",
        ("api/assets", "id"): "asset",
        ("api/alerts", "id"): "alert",
        ("o/<slug:org>/alerts", "id"): "alert",
        ("api/portal/policies", "id"): "policy",
        ("api/policies", "id"): "policy",
        ("api/users", "user"): "user",
        ("api/usage", "api"): "api",
        ("api/activity", "key"): "hash",
        ("api/activity", "keys"): "hash",
        ("api/activity", "client"): "client id",
        ("o/<slug:org>/apis", "id"): "api",
        ("o/<slug:org>/templates", "id"): "asset",
        ("o/<slug:org>/keys", "key_id"): "key",
        ("o/<slug:org>/keys", "action_id"): "bulk action",
        ("o/<slug:org>/keys/elsewhere", "found_id"): "found",
        ("o/<slug:org>/policies", "id"): "policy",
        ("o/<slug:org>/oauth", "id"): "client",
        ("o/<slug:org>/people", "person"): "person",
        ("api/logs", "ts"): "record",
        ("api/logs", "id"): "record",
        ("o/<slug:org>/logs", "ts"): "record",
        ("o/<slug:org>/logs", "id"): "record",
    }
    for (prefix, parameter), kind in known.items():
        if parameter == name and pattern.startswith(prefix):
            return kind
    raise KeyError(f"the walk does not know what {name} of {pattern} names")


def url(route: Route, values: dict, slug: str = "") -> str:
    filled = {"org": slug, **_FIXED.get(route.pattern, {}), **_DATES, **values}
    parts = [
        str(filled[part.strip("<>").split(":")[-1]]) if part.startswith("<") else part
        for part in route.pattern.split("/")
    ]
    return "/" + "/".join(parts)


def call(client: Client, method: str, path: str, form: dict | None = None):
    """One request, with an empty JSON object for machines and `form` for people."""
    if method == "POST" and form:
        return client.post(path, form)
    if method in ("POST", "PUT", "PATCH") and path.split("/")[1] in ("api", "admin", "system"):
        return client.generic(method, path, json.dumps({}), content_type="application/json")
    return client.generic(method, path)


def verdict(response) -> str:
    if response.status_code >= 500:
        return f"fault {response.status_code}"
    if response.status_code == 302 and response["Location"].startswith("/sign-in/?"):
        return "sign in"
    return {401: "unknown", 403: "forbidden", 404: "missing", 405: "no such method"}.get(
        response.status_code, "reached"
    )


def expected(rule: Access, user: User | None, method: str, inside: bool, found: bool) -> str:
    """What the declaration means for a caller. inside: whether he may be in the URL's organisation, if there is one;
    found: whether the object is one of the organisation which he then is in."""
    if rule.caller == "anyone":
        return "reached"
    if user is None:
        return "unknown" if rule.caller in BY_HEADER else "sign in"
    if rule.caller in ("admin", "node", "metrics"):
        return "unknown"
    if not inside or (rule.caller == "super" and not user.is_superuser):
        return "missing"
    permissions = [rule.permission, *filter(None, [rule.instead])]
    if not any(user.may(permission, rule.level(method)) for permission in permissions):
        return "forbidden"
    return "reached" if found else "missing"


def digest(org: Organisation) -> str:
    """Of every row that belongs to an organisation, and of its people."""
    tables = sorted({m._meta.db_table for m in apps.get_models() if is_tenant(m)} | {User._meta.db_table})
    rows = " UNION ALL ".join(
        f"SELECT '{table}' || t::text AS row FROM \"{table}\" t WHERE org_id = %(org)s" for table in tables
    )
    with scope.every_org(), connection.cursor() as cursor:
        cursor.execute(f"SELECT string_agg(row, '' ORDER BY row) FROM ({rows}) everything", {"org": org.id})
        return hashlib.sha256(cursor.fetchone()[0].encode()).hexdigest()


@pytest.fixture
def worlds(committed, redis) -> tuple[World, World]:
    return make_world(redis, "alpha"), make_world(redis, "beta")


def client_of(user: User | None, rule: Access) -> Client:
    if user is None:
        return Client()
    if rule.caller in BY_HEADER:
        key = new_access_key()
        User.everyone.filter(pk=user.pk).update(access_key_hash=access_key_hash(key))
        return Client(headers={"Authorization": key})
    return make.signed_in(user)


def test_every_view_declares_who_may_call_it():
    # Signing in happens on a page of ours, with its limits; Django's own declares nothing, so it cannot be reached.
    assert [route.pattern for route in routes() if route.rule is None] == ["django-admin/login/"]


def test_djangos_own_sign_in_cannot_be_reached(db):
    assert Client().get("/django-admin/login/").status_code == 404
    assert Client().post("/django-admin/login/", {"username": "a", "password": "b"}).status_code == 404


def test_a_view_that_declares_nothing_cannot_be_reached(client_for, cast, settings):
    settings.ROOT_URLCONF = "tests.undeclared"
    assert [route.pattern for route in routes(get_resolver("tests.undeclared")) if route.rule is None] == [
        "undeclared/"
    ]
    assert client_for(cast.super_user).get("/undeclared/").status_code == 404
    assert client_for(cast.super_user).get("/declared/").content == b"reached"


def test_methods_that_are_not_declared_are_refused_everywhere(worlds):
    wrong = []
    for route in routes():
        if route.in_admin:
            continue
        for method in {*METHODS, "OPTIONS"} - route.rule.methods:
            path = url(route, dict.fromkeys(route.parameters, "x") | {"ts": 1, "id": 1, "number": 1}, "x")
            if verdict(call(Client(), method, path)) != "no such method":
                wrong.append((method, route.pattern))
    assert wrong == []


def test_djangos_admin_is_closed_to_everyone_but_super_users(worlds):
    alpha, _ = worlds
    wrong = []
    for route in routes():
        # Changing the password there is our profile page instead.
        if not route.in_admin or route.rule is None or route.pattern == "django-admin/password_change/":
            continue
        path = "/" + "/".join("1" if part.startswith("<") else part for part in route.pattern.split("/"))
        if "(?P" in path:
            path = "/django-admin/orgs/"
        for user, meant in ((None, "sign in"), (alpha.member, "missing"), (alpha.administrator, "missing")):
            answer = verdict(call(client_of(user, route.rule), "GET", path))
            if answer != meant:
                wrong.append((route.pattern, user and user.email, answer))
    assert wrong == []


CALLERS = (
    "nobody",
    "member without rights",
    "reader",
    "administrator",
    "administrator of the other",
    "super-user",
)


def caller_named(name: str, alpha: World, beta: World) -> tuple[User | None, World | None]:
    """The person, and the organisation that is his."""
    return {
        "nobody": lambda: (None, None),
        "member without rights": lambda: (alpha.member, alpha),
        "reader": lambda: (alpha.reader, alpha),
        "administrator": lambda: (alpha.administrator, alpha),
        "administrator of the other": lambda: (beta.administrator, beta),
        "super-user": lambda: (make.user("super@platform.example", None), None),
    }[name]()


@pytest.mark.parametrize("name", CALLERS)
def test_every_url_answers_as_declared_and_shows_and_changes_nothing_of_a_strangers(worlds, name):
    wrong, cells = walk(worlds, *caller_named(name, *worlds))
    assert wrong == []
    assert cells >= FLOOR


def test_row_level_security_keeps_organisations_apart_without_the_managers(worlds, monkeypatch):
    def everything(*_, **__):
        raise FullResultSet

    monkeypatch.setattr(InScope, "as_sql", everything)
    with scope.nobody():
        assert list(apps.get_model("orgs", "AuditEntry").objects.all()) == []  # no OutOfScope: they are off
    assert walk(worlds, *caller_named("administrator", *worlds))[0] == []


def test_the_managers_keep_organisations_apart_without_row_level_security(worlds, monkeypatch):
    with connections["owner"].cursor() as cursor:
        for table in tenant_tables():
            cursor.execute(f'ALTER TABLE "{table}" NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY')
    monkeypatch.setattr(IsolationMiddleware, "_prove", lambda self: True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT org_id) FROM orgs_auditentry")
        assert cursor.fetchone() == (2,)  # it is off
    assert walk(worlds, *caller_named("administrator", *worlds))[0] == []


def walk(worlds: tuple[World, World], user: User | None, home: World | None) -> tuple[list, int]:
    """What is wrong in the answers that one caller gets, and how many answers there were."""
    strangers = [world for world in worlds if world is not home and not (user and user.is_superuser)]
    wrong, cells = [], 0
    for route in routes():
        if route.in_admin or route.rule.caller == "anyone" or not _walkable(route):
            continue
        client = client_of(user, route.rule)
        digests = {world.mark: digest(world.org) for world in strangers}
        for method in sorted(route.rule.methods):
            answers = {}
            for target in targets(route, *worlds):
                with transaction.atomic():
                    response = call(client, method, target.path, _FORMS.get(route.pattern))
                    answers[target.name] = _comparable(response, target.path)
                    found = [meant(route, user, method, target, response)]
                    found += [shown(world, target, response) for world in strangers]
                    if method not in ("GET", "HEAD") and is_writing():
                        found += [changed(world, digests) for world in strangers]
                    transaction.set_rollback(True)
                cells += 1
                wrong += [(method, route.pattern, target.name, fault) for fault in found if fault]
            if home is not None:
                wrong += [(method, route.pattern, fault) for fault in told_apart(home, answers)]
    return wrong, cells


def meant(route: Route, user: User | None, method: str, target: "Target", response) -> str:
    """How the answer differs from what is declared; "" if it does not."""
    inside, found = seen(user, target, route)
    found = found or (method, route.pattern) in _MAKES or route.pattern.startswith(OF_TRAFFIC)
    due = expected(route.rule, user, method, inside, found)
    if due == "reached" and user.is_superuser and route.pattern in _FORBIDDEN_TO_SUPER_USERS:
        due = "forbidden"
    answer = verdict(response)
    return "" if answer == due else f"{answer}, not {due}: {response.content[:200]}"


def shown(stranger: World, target: "Target", response) -> str:
    text = response.content.replace(target.path.encode(), b"")
    return f"shows {stranger.mark}" if stranger.mark.encode() in text else ""


def is_writing() -> bool:
    """Whether the transaction has written or locked any row: only then has PostgreSQL given it a number."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id_if_assigned() IS NOT NULL")
        return cursor.fetchone()[0]


def changed(stranger: World, digests: dict) -> str:
    return "" if digest(stranger.org) == digests[stranger.mark] else f"changes {stranger.mark}"


def _walkable(route: Route) -> bool:
    """Routes whose objects are organisations or super-users are a super-user's or the admin secret's alone."""
    return not any(
        name in ("organisation", "organisation_id", "user_id") for name in route.parameters
    ) and not (route.pattern.startswith("super-users/<"))


@dataclass(frozen=True)
class Target:
    """place: the world whose organisation is in the URL; owner: the world of the object; None: neither exists."""

    path: str
    place: World | None
    owner: World | None

    @property
    def name(self) -> tuple[str, str]:
        return tuple(world.mark if world else "-" for world in (self.place, self.owner))


def targets(route: Route, alpha: World, beta: World) -> list[Target]:
    """Every combination of whose organisation and whose object is asked for."""
    names_object = bool(parameters(route, None))
    places = (
        [(alpha.mark, alpha), (beta.mark, beta), ("nowhere", None)]
        if "org" in route.parameters
        else [("", None)]
    )
    return [
        Target(url(route, parameters(route, owner), slug), place, owner)
        for slug, place in places
        for owner in ((alpha, beta, None) if names_object else (place,))
    ]


def seen(user: User | None, target: Target, route: Route) -> tuple[bool, bool]:
    """Whether the caller may be in the URL's organisation, and whether the object exists there for him."""
    if user is None:
        return False, False
    names_object = bool(parameters(route, None))
    place, owner = target.place, target.owner
    if "org" not in route.parameters:
        mine = owner is not None and (user.is_superuser or owner.org.id == user.org_id)
        return True, mine or not names_object
    inside = place is not None and (user.is_superuser or place.org.id == user.org_id)
    return inside, not names_object or (inside and owner is place)


def _comparable(response, path: str) -> tuple:
    """What must be equal for a stranger's and a missing thing: everything but the address itself and the time."""
    headers = {name: value for name, value in response.headers.items() if name not in ("Date", "Set-Cookie")}
    return response.status_code, response.content.replace(path.encode(), b""), headers


def told_apart(home: World, answers: dict) -> list[tuple]:
    """Pairs of targets, one a stranger's and one missing, whose answers differ."""
    found = []
    for (place, owner), answer in answers.items():
        strange_place, strange_owner = place not in (home.mark, "-"), owner not in (home.mark, "-")
        twin = ("-" if strange_place else place, "-" if strange_place or strange_owner else owner)
        if (strange_place or strange_owner) and answers.get(twin, answer) != answer:
            found.append(((place, owner), "is told from", twin))
    return found
