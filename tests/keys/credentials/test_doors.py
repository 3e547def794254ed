"""Every way to make or change a key with a credential, against everything of another organisation or of nobody."""

import json

import pytest
from django.test import Client

from keys.models import Key, KeyPolicy, KeyRight
from tests.keys import build
from tests.keys.keys.test_rest import only_key, rows
from tests.keys.policies import build as policies

JSON = "application/json"
PASSWORD = {"basic_auth_data": {"password": "long enough"}}
SIGNED = {"hmac_enabled": True, "hmac_string": "s"}
BY_JWT = {"jwt_data": {"secret": "s"}}
# Making one, by name: the address and what the body has besides.
MAKING = {
    "an id": ("/api/keys/of-my-own-choice-1", {}),
    "a user by his path": ("/api/apis/keys/basic/jonas", PASSWORD),
    "a user as a key of that id": ("/api/keys/jonas@acme.example", PASSWORD),
    "HMAC": ("/api/keys", SIGNED),
    "JWT": ("/api/keys", BY_JWT),
}
WAYS = {
    "an id": {"way": "id", "key_id": "of-my-own-choice-1"},
    "a user by his path": {"way": "basic", "user_name": "jonas"},
    "HMAC": {"way": "hmac"},
    "JWT": {"way": "jwt"},
}


@pytest.fixture
def acme(cast, rest) -> Client:
    return rest(cast.acme_admin)


@pytest.fixture
def foreign(cast):
    """What a key must not be given: rights, and policies."""
    own = build.api(cast.acme, "Own", api_id="own-api", use_basic_auth=True)
    other = build.api(cast.globex, "Other", use_basic_auth=True)
    gold = policies.policy(cast.globex, other)
    right = {own.api_id: {}}
    wrong = [
        {"access_rights": {other.api_id: {}}},
        {"access_rights": right | {other.api_id: {}}},
        {"access_rights": {other.id: {}}},
        {"access_rights": {"unknown": {}}},
        {"access_rights": {"OWN-API": {}}},
        {"access_rights": {own.api_id: {"api_id": other.api_id}}},
        {"access_rights": {}},
        {"access_rights": None},
        {},
        {"apply_policies": [gold.id]},
        {"apply_policies": [gold.policy_id], "access_rights": right},
        {"apply_policy_id": gold.id},
        {"apply_policies": ["unknown"]},
        {"apply_policies": [gold.id.upper()]},
        {"access_rights": right, "meta_data": {"policies": [gold.id]}},
        {"access_rights": right, "rsa_certificate_id": f"{cast.globex.id}{'a' * 64}"},
        {"access_rights": right, "certificate": f"{cast.globex.id}{'a' * 64}"},
    ]
    return own, wrong


@pytest.mark.parametrize("door", MAKING)
def test_no_key_is_made_with_anything_foreign(acme, foreign, redis, door):
    path, members = MAKING[door]
    _, wrong = foreign
    answers = [acme.post(path, json.dumps(each | members), content_type=JSON).status_code for each in wrong]
    build.deliver(redis)
    assert (answers, rows(Key, KeyRight, KeyPolicy)) == ([400] * len(wrong), [0, 0, 0])
    assert redis.keys("apikey-*") == []


@pytest.mark.parametrize("door", MAKING)
def test_no_key_is_changed_to_anything_foreign(cast, acme, foreign, redis, door):
    path, members = MAKING[door]
    own, wrong = foreign
    acme.post(path, json.dumps({"access_rights": {own.api_id: {}}} | members), content_type=JSON)
    made = only_key(cast.acme)
    build.deliver(redis)
    before = redis.get(f"apikey-{made.token_hash}")
    for each in wrong:
        for name in (made.token_hash, path.rpartition("/")[2] if "keys/" in path else made.token_hash):
            answer = acme.put(f"/api/keys/{name}", json.dumps(each | members), content_type=JSON)
            assert answer.status_code == 400, each
    build.deliver(redis)
    assert (build.again(made).change_number, redis.get(f"apikey-{made.token_hash}")) == (1, before)


@pytest.mark.parametrize("door", WAYS)
def test_no_page_makes_a_key_with_anything_foreign(cast, client_for, foreign, redis, door):
    client = client_for(cast.acme_admin)
    _, wrong = foreign
    for each in wrong:
        rights = list((each.get("access_rights") or {}).keys() - {"own-api"})
        sent = {"access_rights": rights, "apply_policies": each.get("apply_policies", [])}
        if any(sent.values()):
            assert client.post("/o/acme/keys/new/", sent | WAYS[door]).status_code == 400, sent
    build.deliver(redis)
    assert (rows(Key), redis.keys("apikey-*")) == ([0], [])
