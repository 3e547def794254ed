"""Every REST route that changes one object does so from the state which the caller names, or not at all."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client

from apis.publishing import publish
from keys.organisations import lifecycle as organisation_keys
from orgs import rights, scope
from orgs.http.rest import STALE
from orgs.models import Organisation, User
from orgs.people import accounts
from tests import make
from tests.apis.examples import openapi
from tests.keys import build
from tests.keys.oauth import build as oauth
from tests.keys.policies import build as policies
from tests.test_walk import digest, routes

JSON = "application/json"
# Every route for machines that changes one object: its methods, the object it changes, what it is sent.
CHANGING = {
    "admin/organisations/import": ("POST", "organisation", {"owner_name": "Late"}),
    "admin/organisations/<str:organisation_id>": ("PUT DELETE", "organisation", {"owner_name": "Late"}),
    "admin/org/keys/<str:organisation_id>": ("PUT DELETE", "organisation key", {"rate": 9, "per": 60}),
    "admin/users/<str:user_id>": ("PUT", "user as admin", {"first_name": "Late"}),
    "admin/users/<user_id>/actions/allow_reset_passwords": ("PUT", "user as admin", {}),
    "api/users/<str:user>": ("PUT DELETE", "user", {"first_name": "Late"}),
    "api/users/<str:user>/actions/reset": ("POST PUT", "user", {"new_password": make.PASSWORD + " too"}),
    "api/users/<str:user>/actions/key/reset": ("PUT", "user", {}),
    "api/users/<str:user>/actions/revoke": ("PUT", "user", {}),
    "api/apis/<str:id>": ("PUT DELETE", "api", None),
    "api/apis/oas/<str:id>": ("PUT PATCH DELETE", "document", None),
    "api/apis/oas/<str:id>/categories": ("PUT", "document categories", {"categories": ["late"]}),
    "api/apis/streams/<str:id>": ("PUT PATCH DELETE", "stream", None),
    "api/mcps/<str:id>": ("PUT DELETE", "MCP proxy", None),
    "api/apis/<str:id>/access": ("PUT", "access", {"userIds": ["late"]}),
    "api/apis/<str:api>/keys/<str:name>": ("PUT DELETE", "key", {"alias": "Late"}),
    "api/apis/oauth/<str:api>/<str:client>": ("PUT DELETE", "client", {"description": "Late"}),
    "api/keys/<str:name>": ("PUT DELETE", "key", {"alias": "Late"}),
    "api/portal/policies/<str:id>": ("PUT DELETE", "policy", {"name": "Late"}),
    "api/policies/<str:id>": ("PUT DELETE", "policy", {"name": "Late"}),
}
# Those that make something or many things, change nothing, or are gateways' own.
OTHERS = {
    "admin/oauth/tokens",
    "admin/organisations/<str:organisation_id>/domains",
    "admin/organisations/<str:organisation_id>/domains/<str:name>",  # a domain never changes
    "admin/org/keys",
    "admin/system/reload",
    "api/apis/keys/basic/<str:user>",
    "api/cache/<str:id>",  # of gateways, not of the API
    "api/apis/oauth/<str:api>",
    "api/apis/oauth/<str:api>/authorize-client",
    "api/apis/oauth/<str:api>/authorize-client/",
    "api/apis/oauth/<str:client>/revoke",
    "api/apis/oauth/<str:client>/revoke_all",
    "api/certs",
    "api/certs/<str:id>",  # a certificate never changes
    "api/keys/<str:name>/rotate",  # tests/keys/rotation/test_rest.py
    "admin/organisations",
    "admin/policies/import",
    "admin/users",
    "api/users",
    "api/users/search",
    "api/apis",
    "api/apis/oas",
    "api/apis/oas/import",
    "api/apis/streams",
    "api/mcps",
    "api/mcps/",
    "api/alerts",
    "api/alerts/<str:id>",  # tests/alerts/test_rest.py
    "api/alerts/<str:id>/secret",
    "api/alerts/<str:id>/test",
    "api/logs/keeping",  # tests/analytics/bodies/test_rest.py
    "api/assets",
    "api/assets/<str:id>",  # tests/apis/assets/test_rest.py
    "api/keys",
    "api/keys/preview",
    "api/portal/policies",
    "api/policies",
}
CELLS = [(pattern, method) for pattern, (methods, _, _) in CHANGING.items() for method in methods.split()]


@pytest.fixture
def there(cast, rest):
    """Each object: the address that reads it, its parameters in a pattern, a client that may change it."""
    User.everyone.filter(pk=cast.acme_admin.pk).update(permissions=rights.ADMINISTRATOR)
    api = build.api(cast.acme)
    key, _ = build.key(cast.acme, api)
    with scope.org(cast.acme.id):
        written = publish.create(cast.acme.id, openapi(), author=None)
    policy = policies.policy(cast.acme, api)
    protected = oauth.api(cast.acme)
    client, _ = oauth.client(cast.acme, protected, policies.policy(cast.acme, protected, name="Of clients"))
    with scope.org(cast.acme.id), transaction.atomic():
        organisation_keys.put(cast.acme.id, {"rate": 5, "per": 60})
    ada = rest(cast.acme_admin)
    stream = openapi("/stream/") | {"x-tyk-streaming": {"streams": {}}}
    streamed = ada.post("/api/apis/streams", stream, JSON).json()["ID"]
    proxied = ada.post("/api/mcps", openapi("/mcp/"), JSON).json()["ID"]
    admin = Client(headers={"admin-auth": settings.ADMIN_SECRET})
    user = cast.acme_member.id
    return {
        "organisation": (
            f"/admin/organisations/{cast.acme.id}",
            {"organisation_id": cast.acme.id, "id": cast.acme.id},
            admin,
        ),
        "organisation key": (f"/admin/org/keys/{cast.acme.id}", {"organisation_id": cast.acme.id}, admin),
        "client": (
            f"/api/apis/oauth/{protected.api_id}/{client.client_id}",
            {"api": protected.api_id, "client": client.client_id},
            ada,
        ),
        "user as admin": (f"/admin/users/{user}", {"user_id": user}, admin),
        "user": (f"/api/users/{user}", {"user": user}, ada),
        "api": (f"/api/apis/{api.id}", {"id": api.id}, ada),
        "access": (f"/api/apis/{api.id}/access", {"id": api.id}, ada),
        "document": (f"/api/apis/oas/{written.id}", {"id": written.id}, ada),
        "stream": (f"/api/apis/streams/{streamed}", {"id": streamed}, ada),
        "MCP proxy": (f"/api/mcps/{proxied}", {"id": proxied}, ada),
        "document categories": (f"/api/apis/oas/{written.id}/categories", {"id": written.id}, ada),
        "key": (f"/api/keys/{key.token_hash}", {"name": key.token_hash, "api": api.api_id}, ada),
        "policy": (f"/api/portal/policies/{policy.id}", {"id": policy.id}, ada),
    }


def address(pattern: str, parameters: dict) -> str:
    parts = [
        parameters[part.strip("<>").split(":")[-1]] if part.startswith("<") else part
        for part in pattern.split("/")
    ]
    return "/" + "/".join(parts)


def body_of(pattern: str, there: dict) -> dict:
    _, kind, body = CHANGING[pattern]
    read, parameters, client = there[kind]
    if pattern.endswith("import"):
        return {**body, "id": parameters["id"]}
    if kind in ("document", "stream", "MCP proxy"):
        return {**client.get(read).json(), "info": {"title": "Late", "version": "1"}}
    if kind == "api":
        definition = client.get(read).json()["api_definition"]
        return {"api_definition": {**definition, "name": "Late"}}
    if kind == "key":
        return {"access_rights": client.get(read).json()["data"]["access_rights"], **body}
    return body


def send(pattern, method, there, **headers):
    _, parameters, client = there[CHANGING[pattern][1]]
    body = body_of(pattern, there)
    if method == "PATCH":
        del body["x-tyk-api-gateway"]  # a plain document takes the place of another
    text = json.dumps(body)
    return client.generic(method, address(pattern, parameters), text, content_type=JSON, headers=headers)


def test_every_route_that_changes_something_is_on_one_of_the_lists():
    found = {
        route.pattern
        for route in routes()
        if route.rule is not None
        and route.rule.caller in ("key", "admin")
        and route.rule.methods & {"POST", "PUT", "PATCH", "DELETE"}
    }
    assert found == CHANGING.keys() | OTHERS


@contextmanager
def undone() -> Iterator[None]:
    """What is changed within is taken back, so that all cells can begin with the same objects."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def test_what_names_another_state_is_412_and_changes_nothing(cast, there):
    for pattern, method in CELLS:
        with undone():
            before = state(cast.acme)
            for header in ('"999"', 'W/"1"', '"999", W/"1"', '"01"', '""'):
                answer = send(pattern, method, there, **{"If-Match": header})
                assert (pattern, method, header, answer.status_code, answer.json()) == (
                    *(pattern, method, header, 412),
                    {"Status": "Error", "Message": STALE, "Meta": None},
                )
            any_state = send(pattern, method, there, **{"If-None-Match": "*"})
            assert (pattern, method, any_state.status_code) == (pattern, method, 412)
            unread = send(pattern, method, there, **{"If-Match": "1"}).json()["Message"]
            assert (pattern, method, unread) == (
                *(pattern, method),
                "If-Match: must be * or a list of entity tags",
            )
            assert (pattern, method, state(cast.acme)) == (pattern, method, before)


def state(org: Organisation) -> tuple[str, dict]:
    return digest(org), Organisation.everyone.filter(pk=org.pk).values().get()


@pytest.mark.parametrize("how", ["{tag}", '"999", {tag}', "*", None])
def test_what_names_the_present_state_or_any_is_done_once(cast, there, how):
    for pattern, method in CELLS:
        read, _, client = there[CHANGING[pattern][1]]
        with undone():
            seen = client.get(read).headers["ETag"]
            headers = {"If-Match": how.format(tag=seen)} if how else {}
            answered = [send(pattern, method, there, **headers).status_code]
            due = [200]
            if method != "DELETE" and "key/reset" not in pattern:
                answered.append(client.get(read).headers["ETag"] != seen)
                answered.append(send(pattern, method, there, **{"If-Match": seen}).status_code)
                due += [True, 412]
            assert (pattern, method, answered) == (pattern, method, due)


@pytest.mark.parametrize("kind", ["organisation", "user as admin", "user", "api", "key", "policy"])
def test_who_has_the_present_copy_is_told_so(there, kind):
    read, _, client = there[kind]
    whole = client.get(read)
    tag = whole.headers["ETag"]
    assert tag.startswith('"1') and tag.endswith('"')
    for header in (tag, f'"x", W/{tag}', "*"):
        for method in (client.get, client.head):
            answer = method(read, headers={"If-None-Match": header})
            assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", tag)
            assert "Content-Type" not in answer.headers
    other = client.get(read, headers={"If-None-Match": '"999"'})
    assert (other.status_code, other.content) == (200, whole.content)
    head = client.head(read)
    assert (head.status_code, head.headers["ETag"]) == (200, tag)
    assert client.get(read, headers={"If-None-Match": "x"}).status_code == 400


def test_head_of_a_user_changes_nothing_and_needs_no_body(cast, admin_client):
    answer = admin_client.generic(
        "HEAD", f"/admin/users/{cast.acme_member.id}", b'{"first_name":"x"}', content_type=JSON
    )
    assert (answer.status_code, User.everyone.get(pk=cast.acme_member.pk).first_name) == (200, "")


def test_signing_in_makes_another_copy_and_refuses_no_change(cast, admin_client):
    path = f"/admin/users/{cast.acme_member.id}"
    seen = admin_client.get(path).headers["ETag"]
    Client().post("/sign-in/", {"email": cast.acme_member.email, "password": make.PASSWORD})
    assert admin_client.get(path, headers={"If-None-Match": seen}).status_code == 200
    changed = admin_client.put(path, {"first_name": "Max"}, JSON, headers={"If-Match": seen})
    assert changed.status_code == 200


def test_an_answer_with_a_secret_has_a_tag_of_its_own_from_which_changes_can_be_made(
    cast, admin_client, rest
):
    ada = rest(cast.acme_admin)
    body = {"email_address": "nia@acme.example", "org_id": cast.acme.id}
    user = admin_client.post("/admin/users", body, JSON)
    key = ada.post("/api/keys", {"all_apis": True}, JSON)
    renewed = ada.put(f"/api/users/{cast.acme_member.id}/actions/key/reset")
    for made, client, path, body in (
        (user, admin_client, f"/admin/users/{user.json()['Meta']['id']}", {"first_name": "Nia"}),
        (key, ada, f"/api/keys/{key.json()['key_hash']}", {"all_apis": True, "alias": "x"}),
        (renewed, ada, f"/api/users/{cast.acme_member.id}", {"first_name": "Max"}),
    ):
        tag = made.headers["ETag"]
        assert tag.endswith('-once"')
        assert client.get(path, headers={"If-None-Match": tag}).status_code == 200
        assert client.put(path, body, JSON, headers={"If-Match": tag}).status_code == 200


def test_the_tag_that_a_change_answers_is_that_of_the_object_then(cast, there, admin_client):
    for kind in ("organisation", "user as admin", "user", "api", "key", "policy"):
        read, _, client = there[kind]
        pattern = next(each for each, (_, of, _) in CHANGING.items() if of == kind)
        method = CHANGING[pattern][0].split()[0]
        answered = send(pattern, method, there).headers["ETag"]
        assert answered == client.get(read).headers["ETag"]
    made = admin_client.post("/admin/organisations", {"owner_name": "Initech"}, JSON)
    assert made.headers["ETag"] == '"1"'


def test_an_import_names_what_is_there_or_that_nothing_is(admin_client, db):
    path, body = "/admin/organisations/import", {"id": "5e9d9544a1dcd60001d0ed20", "owner_name": "A"}
    asked = [
        ({"If-Match": "*"}, 412),
        ({"If-None-Match": "*"}, 200),
        ({"If-None-Match": "*"}, 412),
        ({"If-Match": "*"}, 200),
    ]
    assert [admin_client.post(path, body, JSON, headers=sent).status_code for sent, _ in asked] == [
        status for _, status in asked
    ]


def test_a_change_between_reading_and_the_lock_is_412_for_every_kind_of_object(cast, there, monkeypatch):
    """The number compared first is that of a row read before the lock; here it is old by then."""
    row = User.everyone.get(pk=cast.acme_member.pk)
    accounts.change_user(User.everyone.get(pk=row.pk), last_name="Faster")
    monkeypatch.setattr("orgs.people.rest._find", lambda request, user: row)
    answer = send("api/users/<str:user>", "PUT", there, **{"If-Match": '"1"'})
    assert (answer.status_code, answer.json()["Message"]) == (412, STALE)


def test_a_change_of_nothing_but_the_password_is_412_as_well(cast, there, monkeypatch):
    row = User.everyone.get(pk=cast.acme_member.pk)
    accounts.change_user(User.everyone.get(pk=row.pk), last_name="Faster")
    monkeypatch.setattr("orgs.organisations.rest._user", lambda user_id: row)
    client = Client(headers={"admin-auth": settings.ADMIN_SECRET})
    sent, path = {"password": make.PASSWORD + " too"}, f"/admin/users/{row.pk}"
    answer = client.put(path, json.dumps(sent), JSON, headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.json()["Message"]) == (412, STALE)
    both = json.dumps(sent | {"first_name": "Both"})
    row.refresh_from_db()
    assert client.put(path, both, JSON, headers={"If-Match": '"2"'}).status_code == 200
    assert User.everyone.get(pk=row.pk).check_password(sent["password"])
