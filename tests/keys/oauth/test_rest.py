"""`/api/apis/oauth/…` on the wire."""

import json
import time

import pytest

from keys.models import OAuthClient
from keys.oauth import lifecycle
from orgs import scope
from orgs.http.rest import STALE
from orgs.models import AuditEntry, User
from tests.keys import build as keys
from tests.keys.build import deliver
from tests.keys.oauth import build
from tests.keys.policies.build import policy

JSON = "application/json"


@pytest.fixture
def protected(cast):
    return build.api(cast.acme)


@pytest.fixture
def gold(cast, protected):
    return policy(cast.acme, protected, id="gold-plan")


@pytest.fixture
def theirs(cast):
    """An API of the other organisation, and a client of it."""
    api = build.api(cast.globex, "Theirs")
    made = policy(cast.globex, api, name="Their gold")
    return api, made, build.client(cast.globex, api, made, client_id="theirs")[0]


@pytest.fixture
def ada(cast, rest):
    return rest(cast.acme_admin)


@pytest.fixture
def reader(cast, rest):
    User.everyone.filter(pk=cast.acme_member.pk).update(permissions={"oauth": "read"})
    return rest(User.everyone.get(pk=cast.acme_member.pk))


def path(api, *more):
    return "/".join(("/api/apis/oauth", getattr(api, "api_id", api), *more))


def body(policy, **members):
    return {"redirect_uri": build.URI, "policy_id": policy.policy_id, **members}


def said(answer):
    """The status and message of an error."""
    assert (list(answer.json()), answer.json()["Status"]) == (["Status", "Message", "Meta"], "Error")
    return answer.status_code, answer.json()["Message"]


def stored():
    with scope.every_org():
        return OAuthClient.objects.count(), AuditEntry.objects.filter(kind="oauth-client").count()


def test_a_client_is_made_read_changed_and_deleted(cast, ada, protected, gold):
    sent = {"client_id": "shop", "secret": "s3cret", "description": "Shop", "meta_data": {"a": 1}}
    made = ada.post(path(protected), body(gold, **sent), JSON)
    shown = {
        "client_id": "shop",
        "redirect_uri": build.URI,
        "api_id": protected.api_id,
        "policy_id": "gold-plan",
        "secret": "s3cret",
        "meta_data": {"a": 1},
        "description": "Shop",
    }
    assert (made.status_code, made.json(), list(made.json())) == (200, shown, list(shown))
    assert ada.get(path(protected)).json() == {"apps": [shown], "pages": 1}
    read = ada.get(path(protected, "shop"))
    assert (read.json(), ada.get(path(protected.id, "shop")).json()) == (shown, shown)
    tag = read.headers["ETag"]
    assert ada.get(path(protected, "shop"), headers={"If-None-Match": tag}).status_code == 304
    changed = ada.put(path(protected, "shop"), {"description": "Kiosk"}, JSON, headers={"If-Match": tag})
    assert changed.json() == shown | {"description": "Kiosk"}
    stale = ada.put(path(protected, "shop"), {"description": "x"}, JSON, headers={"If-Match": tag})
    assert said(stale) == (412, STALE)
    assert said(ada.delete(path(protected, "shop"), headers={"If-Match": tag})) == (412, STALE)
    gone = ada.delete(path(protected, "shop"))
    assert gone.content == b'{"Status":"OK","Message":"OAuth client deleted successfully.","Meta":null}'
    assert said(ada.get(path(protected, "shop"))) == (404, "OAuth client not found")
    assert ada.get(path(protected)).json() == {"apps": [], "pages": 1}


def test_clients_come_in_pages_and_all_at_once(cast, ada, protected, gold):
    for number in range(11):
        build.client(cast.acme, protected, gold, client_id=f"c{number}")
    first, second, every = (ada.get(path(protected) + f"?p={p}").json() for p in (1, 2, -1))
    assert (len(first["apps"]), first["pages"], len(second["apps"]), len(every["apps"])) == (10, 2, 1, 11)


def test_the_secret_is_for_those_who_may_write_and_for_whoever_makes_it(cast, ada, reader, protected, gold):
    build.client(cast.acme, protected, gold, client_id="shop", secret="s3cret")
    assert ada.get(path(protected, "shop")).json()["secret"] == "s3cret"
    assert reader.get(path(protected, "shop")).json()["secret"] == ""
    assert b"s3cret" not in reader.get(path(protected)).content
    assert reader.post(path(protected), body(gold), JSON).status_code == 403
    assert reader.post(path("shop", "revoke_all"), {}, JSON).status_code == 403


def test_whatever_a_client_may_not_be_is_refused_in_words_and_not_stored(cast, ada, protected, gold, theirs):
    their_api, their_policy, _ = theirs
    plain = keys.api(cast.acme, "Plain")
    build.client(cast.acme, protected, gold, client_id="shop")
    before = stored()
    no_policy = "policy_id: There is no policy {!r} in this organisation."
    for api, sent, answer in (
        ("nowhere", body(gold), (404, "API not found")),
        (their_api, body(gold), (404, "API not found")),
        (plain, body(gold), (400, f"api_id: The API {plain.api_id!r} does not use OAuth 2.0.")),
        (protected, body(their_policy), (400, no_policy.format(their_policy.id))),
        (protected, {"redirect_uri": build.URI, "policy_id": "0" * 24}, (400, no_policy.format("0" * 24))),
        (
            protected,
            {"redirect_uri": build.URI},
            (400, "policy_id: Is needed: it says what the tokens open."),
        ),
        (
            protected,
            {"policy_id": gold.id},
            (400, "redirect_uri: Is needed: gateways give no token to a client without."),
        ),
        (protected, body(gold, secret=5), (400, "secret: Must be a string.")),
        (
            protected,
            body(gold, api_id=their_api.api_id),
            (400, "api_id: must be the API of the path, or left out"),
        ),
        (
            protected,
            body(gold, meta_data=[]),
            (400, "meta_data: Must be an object: gateways end the request of a token otherwise."),
        ),
        (
            protected,
            body(gold, client_id="shop"),
            (409, "client_id: This API has a client of this ID already."),
        ),
    ):
        assert said(ada.post(path(api), sent, JSON)) == answer
    for name in ("policies", "rate_limit_pattern"):
        status, message = said(ada.post(path(protected), body(gold, meta_data={name: ["x"]}), JSON))
        assert (status, message.partition(":")[0]) == (400, f"meta_data.{name}")
    for policy_id in (their_policy.id, "0" * 24):
        assert said(ada.put(path(protected, "shop"), {"policy_id": policy_id}, JSON)) == (
            400,
            no_policy.format(policy_id),
        )
    for api_id in (their_api.api_id, plain.api_id, 5):
        refused = said(ada.put(path(protected, "shop"), {"api_id": api_id}, JSON))
        assert refused == (400, "api_id: must be the API of the path, or left out")
    assert stored() == before
    for api_id in (protected.api_id, protected.id, "", None):
        assert ada.put(path(protected, "shop"), {"api_id": api_id}, JSON).status_code == 200


def test_a_strangers_client_is_like_one_that_is_not_there(cast, ada, protected, gold, theirs):
    their_api, _, their_client = theirs
    for send, answer in (
        (lambda: ada.get(path(their_api)), (404, "API not found")),
        (lambda: ada.get(path(their_api, "theirs")), (404, "API not found")),
        (lambda: ada.put(path(their_api, "theirs"), {"description": "x"}, JSON), (404, "API not found")),
        (lambda: ada.delete(path(their_api, "theirs")), (404, "API not found")),
        (lambda: ada.get(path(protected, "theirs")), (404, "OAuth client not found")),
        (lambda: ada.get(path(their_api, "theirs", "tokens")), (404, "API not found")),
        (lambda: ada.post(path("theirs", "revoke"), {"token": "x"}, JSON), (404, "OAuth client not found")),
        (lambda: ada.post(path("theirs", "revoke_all"), {}, JSON), (404, "OAuth client not found")),
    ):
        assert said(send()) == answer
    assert build.now(their_client).change_number == 1


def test_tokens_are_listed_by_their_hashes_and_revoked(cast, ada, protected, gold, redis):
    made, _ = build.client(cast.acme, protected, gold, client_id="shop", secret="s3cret")
    hashes = {
        token: build.give(redis, made, token, f"r {token}") for token in ("one", "two", "three", "four")
    }
    listed = ada.get(path(protected, "shop", "tokens")).json()
    assert {each["code"] for each in listed} == set(hashes.values())
    assert {type(each["expires"]) for each in listed} == {int}
    assert said(ada.post(path("shop", "revoke"), {}, JSON)) == (400, "token: must be the token, or its hash")
    ada.post(path("shop", "revoke"), {"token": hashes["one"], "token_type_hint": "access_token"}, JSON)
    ada.post(path("shop", "revoke"), "token=two", "application/x-www-form-urlencoded")
    deliver(redis)
    listed = ada.get(path(protected, "shop", "tokens")).json()
    assert {each["code"] for each in listed} == {hashes["three"], hashes["four"]}
    wrong = ada.post(path("shop", "revoke_all"), {"client_secret": "wrong"}, JSON)
    assert said(wrong) == (400, "client_secret: is not the secret of this client")
    done = ada.post(path("shop", "revoke_all"), {"client_secret": "s3cret"}, JSON)
    assert done.json() == {"Status": "OK", "Message": "tokens revoked successfully", "Meta": None}
    deliver(redis)
    assert ada.get(path(protected, "shop", "tokens")).json() == []


def test_tokens_come_in_pages_of_a_hundred_in_the_shape_of_gateways(cast, ada, protected, gold, redis):
    build.client(cast.acme, protected, gold, client_id="shop")
    tokens = f"oauth-data.{protected.api_id}.oauth-client-tokens.shop"
    address = path(protected, "shop", "tokens")
    none = {"Pagination": {"page_num": 1, "page_total": 0, "page_size": 100}, "Tokens": []}
    assert ada.get(address + "?page=1").content == json.dumps(none, separators=(",", ":")).encode()
    soon = int(time.time()) + 1_000
    redis.zadd(tokens, {f"{number:016x}": soon + number for number in range(201)})
    redis.zadd(tokens, {f"lapsed {number}": 5 for number in range(100)})
    for asked, number, first, size in (
        ("1", 1, 0, 100),
        ("2", 2, 100, 100),
        ("3", 3, 200, 1),
        ("4", 4, 0, 0),
        ("999999999", 999_999_999, 0, 0),
        ("0", 1, 0, 100),
        ("-5", 1, 0, 100),
    ):
        assert ada.get(f"{address}?page={asked}").json() == {
            "Pagination": {"page_num": number, "page_total": 3, "page_size": 100},
            "Tokens": [
                {"code": f"{each:016x}", "expires": soon + each} for each in range(first, first + size)
            ],
        }
    assert len(ada.get(address).json()) == len(ada.get(address + "?page=").json()) == 201
    for hostile in ("x", "1e3", "1.5", "%E0%A5%A7", "1%0A", "9" * 10, "9" * 5_000, "--1", "[]"):
        assert said(ada.get(f"{address}?page={hostile}")) == (400, "page: must be a whole number")


def test_without_redis_the_tokens_are_not_known(rest, cast, theirs, settings, admin_client):
    api, gus = theirs[0], rest(cast.globex_admin)
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    away = (503, "The gateways' Redis, which holds the tokens, does not answer")
    for query in ("", "?page=1"):
        assert said(gus.get(path(api, "theirs", "tokens") + query)) == away
    assert said(admin_client.delete("/admin/oauth/tokens?scope=lapsed")) == away


def test_lapsed_tokens_of_everybody_are_purged_by_the_admin_api(cast, theirs, admin_client, redis):
    made = theirs[2]
    build.give(redis, made, "lapsed", expires=-5)
    assert said(admin_client.delete("/admin/oauth/tokens")) == (400, "scope: must be lapsed")
    done = admin_client.delete("/admin/oauth/tokens?scope=lapsed")
    assert done.json() == {"Status": "OK", "Message": "lapsed tokens purged successfully", "Meta": None}
    assert redis.exists(f"oauth-data.{made.served_api_id}.oauth-client-tokens.theirs") == 0


def test_a_super_user_reaches_clients_of_every_organisation(cast, rest, theirs):
    api, made, _ = theirs
    sue = rest(cast.super_user)
    answer = sue.post(path(api), body(made, client_id="by-sue"), JSON)
    assert (answer.status_code, answer.json()["client_id"]) == (200, "by-sue")
    with scope.org(cast.globex.id):
        assert OAuthClient.objects.get(client_id="by-sue").created_by == cast.super_user.email


def test_a_policy_that_clients_have_is_not_deleted_by_rest(cast, ada, protected, gold):
    made, _ = build.client(cast.acme, protected, gold, client_id="shop")
    refused = said(ada.delete(f"/api/portal/policies/{gold.id}"))
    assert refused == (409, "1 OAuth client has this policy. Give them another, or delete them, first.")
    with scope.org(cast.acme.id):
        lifecycle.delete(made)
    assert ada.delete(f"/api/portal/policies/{gold.id}").status_code == 200
