"""Every way to write a key, a policy, or an OAuth client, against every name of what the organisation does not have:
another organisation's, nobody's, and its own in other letters. Nothing is stored, nothing comes into Redis, and the
answers to a stranger's and to an unknown one are the same."""

from types import SimpleNamespace

import pytest

from keys.adoption import checking
from keys.models import (
    FoundSession,
    Key,
    KeyPolicy,
    KeyRight,
    OAuthClient,
    Policy,
    PolicyRevision,
    PolicyRight,
)
from orgs import scope
from tests.keys import build
from tests.keys.adoption import build as sessions
from tests.keys.oauth import build as oauth
from tests.keys.policies import build as policies

JSON = "application/json"
STORED = (Key, KeyRight, KeyPolicy, Policy, PolicyRight, PolicyRevision, OAuthClient, FoundSession)


@pytest.fixture
def world(cast, client_for, rest, admin_client, redis):
    """What acme has and may be named; what globex has and may not; and who asks, all with every right."""
    own = oauth.api(cast.acme, "Own", api_id="own-api", use_basic_auth=True)
    other = oauth.api(cast.globex, "Other", api_id="other-api", use_basic_auth=True)
    gold = policies.policy(cast.acme, own, id="own-plan")
    their = policies.policy(cast.globex, other, id="their-plan")
    key, _ = build.key(cast.acme, own)
    by_policy, _ = build.key(cast.acme, policies=(gold.id,))
    shop, _ = oauth.client(cast.acme, own, gold, client_id="shop")
    oauth.client(cast.globex, other, their, client_id="theirs")
    build.key(cast.globex, other)
    build.deliver(redis)
    return SimpleNamespace(
        org=cast.acme,
        rest=rest(cast.acme_admin),
        page=client_for(cast.acme_admin),
        admin=admin_client,
        redis=redis,
        own=own,
        gold=gold,
        key=key,
        by_policy=by_policy,
        shop=shop,
        foreign={
            "api": {
                "stranger's": "other-api",
                "stranger's row": other.id,
                "unknown": "nobody",
                "own in capitals": "OWN-API",
            },
            "policy": {
                "stranger's": "their-plan",
                "stranger's row": their.id,
                "unknown": "f" * 24,
                "own in capitals": "OWN-PLAN",
            },
        },
    )


def sent(client, method, path, body):
    return getattr(client, method)(path, body, content_type=JSON)


def key_body(api, **members):
    return {"access_rights": {api: {"api_id": api}}, **members}


def among_own(world, api, **members):
    return {"access_rights": {"own-api": {}, api: {}}, **members}


def plan(world, api, **members):
    right = {"api_id": api, "api_name": "", "versions": ["Default"]}
    return {"name": "New", "active": True, "rate": 1, "per": 1, "access_rights": {api: right}, **members}


def typed(**fields):
    return {"alias": "new", "name": "New", "state": "active", "rate": "10", "per": "60", **fields}


PASSWORD = {"basic_auth_data": {"password": "long enough"}}
OWN_ID = "/api/keys/of-my-own-choice-1"
TO_CLIENT = {"redirect_uri": oauth.URI, "client_id": "new"}
# Each answers what it answered to the name of an API.
API_DOORS = {
    "key": lambda w, api: sent(w.rest, "post", "/api/keys", key_body(api)),
    "key, among own": lambda w, api: sent(w.rest, "post", "/api/keys", among_own(w, api)),
    "key, inside a right": lambda w, api: sent(
        w.rest, "post", "/api/keys", {"access_rights": {"own-api": {"api_id": api}}}
    ),
    "key, beside a policy": lambda w, api: sent(
        w.rest, "post", "/api/keys", key_body(api, apply_policies=["own-plan"])
    ),
    "key of an id": lambda w, api: sent(w.rest, "post", OWN_ID, key_body(api)),
    "user": lambda w, api: sent(w.rest, "post", "/api/apis/keys/basic/jonas", key_body(api, **PASSWORD)),
    "HMAC": lambda w, api: sent(w.rest, "post", "/api/keys", key_body(api, hmac_enabled=True)),
    "JWT": lambda w, api: sent(w.rest, "post", "/api/keys", key_body(api, jwt_data={"secret": "s"})),
    "preview": lambda w, api: sent(w.rest, "post", "/api/keys/preview", key_body(api)),
    "key changed": lambda w, api: sent(w.rest, "put", f"/api/keys/{w.key.token_hash}", among_own(w, api)),
    "key of an API changed": lambda w, api: sent(
        w.rest, "put", f"/api/apis/own-api/keys/{w.key.token_hash}", among_own(w, api)
    ),
    "key, page": lambda w, api: w.page.post(
        "/o/acme/keys/new/", typed(way="token", access_rights=["own-api", api])
    ),
    "key changed, page": lambda w, api: w.page.post(
        f"/o/acme/keys/{w.key.id}/edit/", typed(access_rights=["own-api", api])
    ),
    "policy": lambda w, api: sent(w.rest, "post", "/api/portal/policies", plan(w, api)),
    "policy, short address": lambda w, api: sent(w.rest, "post", "/api/policies", plan(w, api)),
    "policy changed": lambda w, api: sent(w.rest, "put", f"/api/portal/policies/{w.gold.id}", plan(w, api)),
    "policy, page": lambda w, api: w.page.post(
        "/o/acme/policies/new/", typed(access_rights=["own-api", api])
    ),
    "policy changed, page": lambda w, api: w.page.post(
        f"/o/acme/policies/{w.gold.id}/edit/", typed(access_rights=[api], started_from=1)
    ),
    "policies brought": lambda w, api: sent(
        w.admin,
        "post",
        "/admin/policies/import",
        {"Data": [plan(w, "own-api", org_id=w.org.id), plan(w, api, name="B", org_id=w.org.id)]},
    ),
    "client": lambda w, api: sent(
        w.rest, "post", f"/api/apis/oauth/{api}", {**TO_CLIENT, "policy_id": "own-plan"}
    ),
    "client, page": lambda w, api: w.page.post(
        "/o/acme/oauth/new/", {**TO_CLIENT, "api_id": api, "policy_id": w.gold.id}
    ),
}
POLICY_DOORS = {
    "key": lambda w, id: sent(w.rest, "post", "/api/keys", {"apply_policies": [id]}),
    "key, the old member": lambda w, id: sent(w.rest, "post", "/api/keys", {"apply_policy_id": id}),
    "key, beside an own one": lambda w, id: sent(
        w.rest, "post", "/api/keys", {"apply_policies": ["own-plan", id]}
    ),
    "key, beside rights": lambda w, id: sent(
        w.rest, "post", "/api/keys", key_body("own-api", apply_policies=[id])
    ),
    "key, in its metadata": lambda w, id: sent(
        w.rest, "post", "/api/keys", key_body("own-api", meta_data={"policies": [id]})
    ),
    "key of an id": lambda w, id: sent(w.rest, "post", OWN_ID, {"apply_policies": [id]}),
    "user": lambda w, id: sent(
        w.rest, "post", "/api/apis/keys/basic/jonas", {"apply_policies": [id], **PASSWORD}
    ),
    "preview": lambda w, id: sent(w.rest, "post", "/api/keys/preview", {"apply_policies": [id]}),
    "key changed": lambda w, id: sent(
        w.rest, "put", f"/api/keys/{w.by_policy.token_hash}", {"apply_policies": ["own-plan", id]}
    ),
    "key, page": lambda w, id: w.page.post("/o/acme/keys/new/", typed(way="token", apply_policies=[id])),
    "key changed, page": lambda w, id: w.page.post(
        f"/o/acme/keys/{w.by_policy.id}/edit/", typed(apply_policies=[w.gold.id, id])
    ),
    "many keys": lambda w, id: w.page.post(
        "/o/acme/keys/actions/",
        {"do-action": "policy", "do-which": "filter", "do-policy": id, "do-confirmed": "yes", "do-seen": 2},
    ),
    "client": lambda w, id: sent(w.rest, "post", "/api/apis/oauth/own-api", {**TO_CLIENT, "policy_id": id}),
    "client changed": lambda w, id: sent(
        w.rest, "put", "/api/apis/oauth/own-api/shop", {"redirect_uri": oauth.URI, "policy_id": id}
    ),
    "client, page": lambda w, id: w.page.post(
        "/o/acme/oauth/new/", {**TO_CLIENT, "api_id": "own-api", "policy_id": id}
    ),
    "client changed, page": lambda w, id: w.page.post(
        f"/o/acme/oauth/{w.shop.id}/edit/", {"redirect_uri": oauth.URI, "policy_id": id}
    ),
}
DOORS = {"api": API_DOORS, "policy": POLICY_DOORS}
# Where the name is in the address, it is not there.
MISSING = {"client": {"api": 404}}


def state(world):
    """All rows and all of Redis, and the faults of its sessions."""
    build.deliver(world.redis)
    with scope.every_org():
        rows = [model.objects.count() for model in STORED]
        changed = [Key.objects.get(id=key.id).change_number for key in (world.key, world.by_policy)]
        changed += [
            Policy.objects.get(id=world.gold.id).revision,
            OAuthClient.objects.get(id=world.shop.id).policy_id,
        ]
    held = {name: world.redis.get(name) for name in world.redis.keys("apikey-*")}
    faults = {name: what for batch in checking.batches(world.redis) for name, what in batch.items() if what}
    return rows, changed, held, sorted(world.redis.keys("oauth-*")), faults


@pytest.mark.parametrize("kind", DOORS)
def test_nothing_is_written_through_any_door_that_names_what_is_not_the_organisations(world, kind):
    before = state(world)
    assert (len(before[2]), before[4]) == (3, {})
    answers, words = {}, {}
    for door, asked in DOORS[kind].items():
        for label, value in world.foreign[kind].items():
            answer = asked(world, value)
            answers[door, label] = answer.status_code
            words[door, label] = answer.content.decode().replace(value, "…")
        assert state(world) == before, door
    expected = {(door, label): MISSING.get(door, {}).get(kind, 400) for door, label in answers}
    assert answers == expected
    told = {
        door: words[door, "stranger's"] for door in DOORS[kind] if "page" not in door and door != "many keys"
    }
    assert told == {door: words[door, "unknown"] for door in told}


def test_a_session_that_others_made_is_taken_over_with_nothing_that_is_not_the_organisations(world):
    """What is named beside own APIs is cut off; what names nothing else cannot be taken over at all, and what has no
    rights, which opens everything, becomes one for the organisation's own APIs."""
    hashes = iter(range(10**63, 10**64))
    for label, value in world.foreign["api"].items():
        sessions.write(world.redis, world.org, value, name=str(next(hashes)), alias=f"only {label}")
        sessions.write(world.redis, world.org, "own-api", value, name=str(next(hashes)), alias=f"cut {label}")
    for label, value in world.foreign["policy"].items():
        named = {"apply_policies": [value]}
        sessions.write(world.redis, world.org, name=str(next(hashes)), alias=f"only policy {label}", **named)
    sessions.write(world.redis, world.org, name=str(next(hashes)), alias="no rights")
    sessions.find(world.redis)
    with scope.org(world.org.id):
        found = list(FoundSession.objects.all())
    assert len(found) == 13
    world.page.post("/o/acme/keys/elsewhere/adoption/")
    assert state(world)[0][0] == 3, "with the others at once"
    for each in found:
        address = f"/o/acme/keys/elsewhere/{each.id}/"
        seen = world.page.get(address).context["seen"]
        world.page.post(f"{address}adoption/", {"seen": seen, "cut": "on"})
    build.deliver(world.redis)
    with scope.org(world.org.id):
        taken = Key.objects.exclude(id__in=[world.key.id, world.by_policy.id])
        wanted = [*(f"cut {label}" for label in world.foreign["api"]), "no rights"]
        assert sorted(key.alias for key in taken) == sorted(wanted)
    assert [list(build.stored(world.redis, key)["access_rights"]) for key in taken] == [["own-api"]] * 5
