"""What a right says besides its versions: all that gateways of both versions decode, and no more."""

import json
import time
from pathlib import Path

import pytest

from keys.keys.parameters import KEPT, SessionError, rights_from
from keys.keys.session import (
    GATEWAY_MEMBERS,
    Api,
    Limits,
    Right,
    encoded,
    parsed,
    same,
    session,
    with_quota_state,
)
from keys.models import Key
from keys.sessions.rights import LARGEST, MEMBERS, worded
from orgs import scope
from orgs.models import AuditEntry
from tests.keys import build
from tests.keys.keys.test_session import CREATED
from tests.keys.recorded import API_A, ORG_A

LIMIT = {
    "rate": 5,
    "per": 60,
    "throttle_interval": 0.5,
    "throttle_retry_limit": 3,
    "max_query_depth": 4,
    "quota_max": 7,
    "quota_renewal_rate": 3600,
    "smoothing": {"enabled": True, "threshold": 3, "trigger": 0.8, "step": 2, "delay": 30},
}
SLOW = {"rate": 1, "per": 10, "smoothing": {"enabled": True, "step": 1}}
WHOLE = {
    "limit": LIMIT,
    "allowed_urls": [{"url": "^/x/orders$", "methods": ["GET", "POST"]}],
    "restricted_types": [{"name": "Query", "fields": ["secret"]}],
    "allowed_types": [{"name": "Query", "fields": ["*"]}],
    "field_access_rights": [{"type_name": "Query", "field_name": "a", "limits": {"max_query_depth": 2}}],
    "disable_introspection": True,
    "endpoints": [{"path": "/orders", "methods": [{"name": "GET", "limit": SLOW}]}],
    "json_rpc_methods": [{"name": "tools/call", "limit": SLOW}],
    "json_rpc_methods_access_rights": {"allowed": ["tools/.*"], "blocked": ["admin"]},
    "mcp_primitives": [{"type": "tool", "name": "search", "limit": SLOW}],
    "mcp_access_rights": {"tools": {"allowed": ["search"]}, "prompts": {"blocked": ["x"]}},
}


def right(entry, **more) -> Right:
    return rights_from({API_A: entry, **more}, [API_A, *more])[0]


def made(members):
    return session(
        org_id=ORG_A,
        apis=[Api(API_A, "A")],
        rights=[Right(API_A, (), members)],
        limits=Limits(),
        created_at=CREATED,
        updated_at=CREATED,
    )


def test_every_member_that_gateways_decode_is_kept_and_given_to_them():
    assert WHOLE.keys() == MEMBERS.keys()
    assert right(WHOLE) == Right(API_A, (), WHOLE)
    entry = {"api_id": API_A, "api_name": "A", "versions": ["Default"]}
    assert made(WHOLE)["access_rights"] == {API_A: entry | WHOLE}


def test_what_gateways_write_themselves_and_what_they_do_not_know_is_not_kept():
    written = {"quota_renews": 9, "quota_remaining": 2, "set_by": "x"}
    entry = {
        **WHOLE,
        "limit": LIMIT | written,
        "allowance_scope": API_A,
        "colour": "red",
        "api_name": "other",
    }
    assert right(entry) == Right(API_A, (), WHOLE)


@pytest.mark.parametrize(
    ("entry", "members"),
    [
        ({"limit": None, "allowed_urls": None, "disable_introspection": False}, {}),
        ({"limit": dict.fromkeys(LIMIT, 0) | {"smoothing": None}}, {}),
        # An API without limits of its own has those of the key, and one with -1 has none.
        ({"limit": {"rate": -1, "per": 0}}, {"limit": {"rate": -1}}),
        # Without a method, nothing is allowed.
        ({"allowed_urls": [{"url": "", "methods": None}]}, {"allowed_urls": [{}]}),
        ({"allowed_urls": []}, {}),
        ({"json_rpc_methods_access_rights": {"allowed": [], "blocked": []}}, {}),
    ],
)
def test_a_member_says_as_much_as_gateways_read_in_it(entry, members):
    assert right(entry).members == members


def test_what_rights_say_is_not_longer_than_gateways_should_read_with_each_request():
    paths = [{"url": "x" * 98, "methods": ["GET"]}] * 700
    assert right({"allowed_urls": paths}).members["allowed_urls"] == paths
    with pytest.raises(SessionError) as caught:
        right({"allowed_urls": paths}, other={"allowed_urls": paths})
    assert (caught.value.field, caught.value.message) == (
        "access_rights",
        f"Must not be longer than {LARGEST:,} characters.",
    )


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        ({"allowance_scope": API_A, "limit": LIMIT | {"quota_renews": 9, "quota_remaining": 2}}, True),
        ({"restricted_types": None, "limit": LIMIT}, True),
        ({"allowance_scope": "other"}, False),
        ({"limit": LIMIT | {"rate": 6}}, False),
        ({"limit": LIMIT | {"rate": 0}}, False),
        ({"limit": {"rate": -1}}, False),
        ({"limit": {}}, False),
        ({"allowed_urls": []}, False),
        ({"allowed_urls": [{"url": "^/x/orders$", "methods": ["GET", "POST", "PUT"]}]}, False),
        ({"endpoints": None}, False),
        ({"disable_introspection": False}, False),
    ],
)
def test_a_session_whose_rights_say_something_else_is_not_the_same(change, is_same):
    members = {name: WHOLE[name] for name in ("limit", "allowed_urls", "endpoints", "disable_introspection")}
    ours = made(members)
    stored = ours | {"access_rights": {API_A: ours["access_rights"][API_A] | change}}
    assert same(ours, parsed(encoded(stored))) is is_same


def test_an_unlimited_api_in_redis_is_not_the_same_as_one_with_the_limits_of_the_key():
    ours = made({})
    entry = ours["access_rights"][API_A]
    assert not same(ours, ours | {"access_rights": {API_A: entry | {"limit": {"rate": -1}}}})
    assert same(ours, ours | {"access_rights": {API_A: entry | {"limit": {"rate": 0, "smoothing": None}}}})


NOW = 1795600000


@pytest.mark.parametrize(
    ("stored", "period"),
    [
        (None, {"quota_renews": NOW + 3600, "quota_remaining": 7}),
        ({"limit": "x"}, {"quota_renews": NOW + 3600, "quota_remaining": 7}),
        (
            {"limit": {"quota_max": 7, "quota_renews": NOW + 9, "quota_remaining": 2}},
            {"quota_renews": NOW + 9, "quota_remaining": 2},
        ),
        (
            {"limit": {"quota_max": 6, "quota_renews": NOW, "quota_remaining": 2}},
            {"quota_renews": NOW + 3600, "quota_remaining": 7},
        ),
    ],
)
def test_the_quota_of_an_api_has_a_period_and_one_that_has_begun_goes_on(stored, period):
    ours = made({"limit": LIMIT})
    written = with_quota_state(ours, {"access_rights": {API_A: stored}}, NOW)["access_rights"][API_A]
    assert written == ours["access_rights"][API_A] | {"limit": LIMIT | period}


def test_rights_are_said_for_people():
    assert worded(
        {name: WHOLE[name] for name in ("limit", "allowed_urls", "endpoints", "allowed_types")}
    ) == [
        (
            "Limits",
            "rate 5 requests in 60 s; quota 7 requests, renewed after 1 hour; throttling over the rate they are tried"
            " again after 0.5 s, 3 times at most; depth 4 levels",
        ),
        ("Only", "GET, POST ^/x/orders$"),
        ("Limit, not on 3.0", "GET /orders: 1 request in 10 s"),
        ("allowed_types", '[{"name":"Query","fields":["*"]}]'),
    ]


@pytest.fixture
def acme(cast, rest):
    return rest(cast.acme_admin)


def sent(client, method, path, body):
    return getattr(client, method)(path, json.dumps(body), content_type="application/json")


def test_rest_gives_back_what_it_was_given_and_a_page_that_does_not_ask_for_it_leaves_it(
    cast, acme, client_for, redis
):
    orders = build.api(cast.acme)
    answer = sent(acme, "post", "/api/keys", {"access_rights": {orders.api_id: WHOLE}, "alias": "x"})
    token_hash = answer.json()["key_hash"]
    place = f"/api/keys/{token_hash}"

    def read():
        return acme.get(place).json()["data"]["access_rights"][orders.api_id]

    entry = {"api_id": orders.api_id, "api_name": "Orders", "versions": ["Default"], **WHOLE}
    assert (answer.status_code, read()) == (200, entry)
    data = acme.get(place).json()["data"]
    assert sent(acme, "put", place, data).status_code == 200
    page = client_for(cast.acme_admin)
    with scope.org(cast.acme.id):
        key = Key.objects.get(token_hash=token_hash)
    form = {"alias": "renamed", "access_rights": orders.api_id, "seen": key.change_number}
    assert page.post(f"/o/acme/keys/{key.id}/edit/", form).status_code == 302
    assert (build.again(key).alias, read()) == ("renamed", entry)
    said = page.get(f"/o/acme/keys/{key.id}/").context["said"][orders.api_id]
    assert said[:3] == worded(WHOLE)[:3]
    build.deliver(redis)
    written = json.loads(redis.get(f"apikey-{token_hash}"))["access_rights"][orders.api_id]
    assert same({"access_rights": {orders.api_id: entry}}, {"access_rights": {orders.api_id: written}})
    assert sent(acme, "put", place, data | {"access_rights": {orders.api_id: {}}}).status_code == 200
    assert read() == {name: entry[name] for name in ("api_id", "api_name", "versions")}
    with scope.org(cast.acme.id):
        changes = AuditEntry.objects.filter(action="key.changed").latest("at").changes
    assert changes["apis"] == [
        {orders.api_id: {"versions": ["Default"], **WHOLE}},
        {orders.api_id: []},
    ]


def test_the_preview_says_what_gateways_make_of_it(cast, acme):
    orders, returns = build.api(cast.acme), build.api(cast.acme, "Returns")
    body = {"access_rights": {orders.api_id: WHOLE, returns.api_id: {}}, "rate": 9, "per": 1}
    made = sent(acme, "post", "/api/keys/preview", body).json()["access_rights"]
    entry = {"api_id": orders.api_id, "api_name": "Orders", "versions": ["Default"], **WHOLE}
    assert made == {
        orders.api_id: entry | {"allowance_scope": orders.api_id},
        returns.api_id: {"api_id": returns.api_id, "api_name": "Returns", "versions": ["Default"]},
    }


def test_a_key_ends_after_the_lifetime_that_its_session_is_given(cast, acme, client_for, redis):
    orders = build.api(cast.acme)
    body = {"access_rights": {orders.api_id: {}}, "session_lifetime": 60}
    made = sent(acme, "post", "/api/keys", body).json()
    place, ends = f"/api/keys/{made['key_hash']}", pytest.approx(time.time() + 60, abs=20)
    assert (made["data"]["session_lifetime"], made["data"]["expires"]) == (60, ends)
    build.deliver(redis)
    stored = json.loads(redis.get(f"apikey-{made['key_hash']}"))
    assert ("session_lifetime" in stored, stored["expires"], redis.ttl(f"apikey-{made['key_hash']}")) == (
        False,
        made["data"]["expires"],
        -1,
    )

    def changed(**members):
        data = sent(acme, "put", place, acme.get(place).json()["data"] | members).json()["data"]
        return data["session_lifetime"], data["expires"]

    assert changed(alias="x", expires=0) == (60, made["data"]["expires"])
    later = int(time.time()) + 9_000
    assert changed(expires=later) == (60, later)
    assert changed(session_lifetime=600) == (600, pytest.approx(time.time() + 600, abs=20))
    assert changed(session_lifetime=2**62) == (2**62, pytest.approx(time.time() + 600, abs=20))
    with scope.org(cast.acme.id):
        key = Key.objects.get(token_hash=made["key_hash"])
    form = {"access_rights": orders.api_id, "seen": key.change_number, "expires": ""}
    assert client_for(cast.acme_admin).post(f"/o/acme/keys/{key.id}/edit/", form).status_code == 302
    assert build.again(key).session_extra == {}
    assert build.again(key).expires_at is None


NAMES = json.loads((Path(__file__).parents[1] / "data" / "session_members.json").read_text())
# What has a place of its own: with rights and policies, credentials, OAuth clients, certificates.
ELSEWHERE = {"access_rights", "apply_policies", "apply_policy_id", "org_id", "is_inactive", "expires"}
CREDENTIALS = {
    "basic_auth_data",
    "jwt_data",
    "hmac_string",
    "certificate",
    "rsa_certificate_id",
    "oauth_client_id",
}
CREDENTIALS |= {"oauth_keys", "mtls_static_certificate_bindings"}
SAMPLES = {"string": "x", "bool": True, "int": 3, "int64": 3, "float64": 0.5}
ODD = {"hmac_enabled": False, "enable_http_signature_validation": False, "session_lifetime": 9_000}


@pytest.mark.parametrize("version", NAMES)
def test_every_member_that_a_version_decodes_is_kept_or_is_the_gateways_own(cast, acme, version):
    names = NAMES[version]
    assert set(names["right"]) - MEMBERS.keys() == {"api_id", "api_name", "versions", "allowance_scope"}
    assert set(names["limit"]) - MEMBERS["limit"].keys() == {"quota_renews", "quota_remaining"}
    kept = set(names["session"]) - ELSEWHERE - CREDENTIALS - GATEWAY_MEMBERS
    plain = {"alias": "x", "tags": ["t"], "meta_data": {"a": 1}, "quota_max": 5, "quota_renewal_rate": 60}
    nested = {"monitor": {"trigger_limits": [80]}, "smoothing": LIMIT["smoothing"]}
    given = (
        {name: SAMPLES.get(str(KEPT.get(name))) for name in kept}
        | plain
        | nested
        | {"rate": 2, "per": 1}
        | ODD
    )
    given = {name: given[name] for name in kept}
    assert None not in given.values()
    orders = build.api(cast.acme)
    answer = sent(acme, "post", "/api/keys", given | {"access_rights": {orders.api_id: {}}})
    read = acme.get(f"/api/keys/{answer.json()['key_hash']}").json()["data"]
    assert {name: read[name] for name in kept} == given
    assert set(NAMES["3.0.12"]["session"]) - read.keys() == {"quota_renews", "quota_remaining"}
