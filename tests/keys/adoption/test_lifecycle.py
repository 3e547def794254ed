import json
from dataclasses import replace

import pytest
from redis import ResponseError

from keys.adoption import lifecycle
from keys.keys import lifecycle as key_lifecycle
from keys.keys import token as tokens
from keys.keys.parameters import SessionError
from keys.models import FoundSession, Key
from keys.rotation.counters import FORGOTTEN_AFTER, UNCOUNTABLE
from orgs import scope
from tests.keys import build
from tests.keys.adoption.build import NAME, find, found, write
from tests.keys.policies import build as policies


def adopt(redis, org, name=NAME, **named):
    return build.inside(org, lifecycle.adopt, found(org, name), redis, created_by="test", **named)


def test_a_session_goes_on_as_a_key_with_its_limits_its_policies_and_its_quota_period(cast, redis):
    orders = build.api(cast.acme)
    gold = policies.policy(cast.acme, orders)
    limits = {
        "rate": 7,
        "per": 3,
        "quota_max": 50,
        "quota_renewal_rate": 3600,
        "tags": ["a"],
        "expires": 4000000000,
    }
    write(
        redis,
        cast.acme,
        orders,
        **limits,
        quota_remaining=12,
        quota_renews=4000000000,
        meta_data={"team": "x"},
    )
    write(redis, cast.acme, orders, name="9" * 16, apply_policies=[gold.id], is_inactive=True)
    find(redis)
    made, by_policy = adopt(redis, cast.acme), adopt(redis, cast.acme, "9" * 16)
    build.deliver(redis)
    stored = build.stored(redis, made)
    assert stored | limits == stored
    assert (stored["quota_remaining"], stored["quota_renews"], stored["meta_data"]) == (
        12,
        4000000000,
        {"team": "x"},
    )
    assert (list(stored["access_rights"]), stored["alias"]) == ([orders.api_id], "partner")
    assert (made.token_hash, made.cache_key, by_policy.cache_key) == (NAME, "", "9" * 16)
    assert build.again(by_policy).suspended is True
    with scope.org(cast.acme.id):
        assert FoundSession.objects.count() == 0
        assert key_lifecycle.policies_of([by_policy])[by_policy.id][0].id == gold.id
    assert build.actions(cast.acme) == [("key.adopted", made.id), ("key.adopted", by_policy.id)]
    assert find(redis) == {}


def test_what_is_cut_down_is_refused_until_gateways_have_forgotten_what_it_opened(cast, redis):
    """One of 5.14 writes its copy back as often as it counts a request by it, and reads it again later."""
    orders, theirs = build.api(cast.acme), build.api(cast.globex, "Theirs")
    limits = {"quota_max": 50, "quota_renewal_rate": 3600}
    write(redis, cast.acme, orders, theirs, **limits)
    own = {"api_id": theirs.api_id, "versions": ["Default"], "limit": limits}
    rights = {orders.api_id: {"api_id": orders.api_id, "versions": ["Default"]}, theirs.api_id: own}
    write(redis, cast.acme, name="8" * 64, access_rights=rights, quota_max=-1)
    write(redis, cast.acme, orders, name="7" * 64, **limits)
    write(redis, cast.acme, orders, theirs, name="9" * 16, **limits)
    find(redis)
    counter, other = f"quota-{NAME}", f"quota-{theirs.api_id}-{'8' * 64}"
    names = (counter, other, f"quota-{'8' * 64}", f"quota-{'7' * 64}", f"quota-{'9' * 16}")
    cut, *_ = [adopt(redis, cast.acme, name, cut=True) for name in (NAME, "8" * 64, "7" * 64, "9" * 16)]
    copy = redis.get(f"apikey-{NAME}")
    build.deliver(redis)
    for _ in range(2):
        assert list(build.stored(redis, cut)["access_rights"]) == [orders.api_id]
        assert [redis.exists(name) for name in names] == [1, 1, 0, 0, 0]
        assert (int(redis.get(counter)), redis.ttl(counter)) == (UNCOUNTABLE, FORGOTTEN_AFTER)
        with pytest.raises(ResponseError, match="overflow"):
            redis.incr(counter)
        redis.set(f"apikey-{NAME}", copy)
        redis.delete(counter)
        build.sweep(redis)
    redis.delete(counter)
    with scope.org(cast.acme.id):
        renamed = replace(key_lifecycle.spec_of(build.again(cut)), alias="renamed")
    build.inside(cast.acme, key_lifecycle.change, build.again(cut), renamed)
    build.deliver(redis)
    assert redis.exists(counter) == 0


def test_a_revoked_one_is_out_of_redis_and_never_found_again(cast, redis):
    write(redis, cast.acme, build.api(cast.acme))
    find(redis)
    made = adopt(redis, cast.acme)
    stale = redis.get(f"apikey-{NAME}")
    build.inside(cast.acme, key_lifecycle.revoke, made)
    build.deliver(redis)
    assert redis.exists(f"apikey-{NAME}") == 0
    redis.set(f"apikey-{NAME}", stale)
    assert find(redis) == {}
    assert build.sweep(redis) == (1, 0, 1)


CUTS = {
    "foreign API": lambda orders, strange, gold: ((orders, strange), {}),
    "empty rights": lambda orders, strange, gold: ((), {}),
    "null rights": lambda orders, strange, gold: ((), {"access_rights": None}),
    "foreign policy": lambda orders, strange, gold: ((), {"apply_policies": [gold.id, "f" * 24]}),
    "metadata": lambda orders, strange, gold: ((orders,), {"meta_data": {"policies": ["f" * 24]}}),
}


@pytest.mark.parametrize("case", CUTS)
def test_what_opens_too_much_is_taken_over_only_cut_down_and_only_when_that_is_meant(cast, redis, case):
    orders, strange = build.api(cast.acme), build.api(cast.globex)
    gold = policies.policy(cast.acme, orders)
    apis, members = CUTS[case](orders, strange, gold)
    write(redis, cast.acme, *apis, **members)
    before = redis.get(f"apikey-{NAME}")
    find(redis)
    with pytest.raises(lifecycle.NotAdoptable):
        adopt(redis, cast.acme)
    with scope.org(cast.acme.id):
        assert Key.objects.count() == 0
    assert redis.get(f"apikey-{NAME}") == before
    made = adopt(redis, cast.acme, cut=True)
    build.deliver(redis)
    stored = build.stored(redis, made)
    assert stored["access_rights"]
    assert strange.api_id not in json.dumps(stored)
    assert "f" * 24 not in json.dumps(stored)


REFUSED = {
    "oauth": {"oauth_client_id": "client"},
    "jwt": {"meta_data": {"TykJWTSessionID": "x"}},
    "nothing of its own": {"access_rights": {"f" * 32: {"api_id": "f" * 32}}},
    "foreign policy alone": {"apply_policies": ["f" * 24]},
    "not a number": {"rate": "fast"},
    "too long a name": {"alias": "x" * 300},
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_key_or_cannot_be_kept_is_never_taken_over(cast, redis, case):
    write(redis, cast.acme, build.api(cast.acme), **REFUSED[case])
    find(redis)
    with pytest.raises(lifecycle.NotAdoptable):
        adopt(redis, cast.acme, cut=True)
    with scope.org(cast.acme.id):
        assert Key.objects.count() == 0


def test_what_changed_since_it_was_looked_at_is_not_taken_over(cast, redis):
    orders, other = build.api(cast.acme), build.api(cast.acme, "Other")
    write(redis, cast.acme, orders)
    find(redis)
    with scope.org(cast.acme.id):
        seen = lifecycle.digest(*lifecycle.seen_now(found(cast.acme), redis))
    write(redis, cast.acme, orders, other)
    with pytest.raises(lifecycle.Changed):
        adopt(redis, cast.acme, seen=seen)
    write(redis, cast.acme, orders, quota_remaining=3, last_check=9)
    assert adopt(redis, cast.acme, seen=seen).token_hash == NAME


def test_one_that_became_anothers_meanwhile_is_neither_taken_over_nor_ended(cast, redis):
    write(redis, cast.acme, build.api(cast.acme))
    find(redis)
    write(redis, cast.globex, build.api(cast.globex))
    with pytest.raises(lifecycle.Gone):
        adopt(redis, cast.acme, cut=True)
    build.inside(cast.acme, lifecycle.end, found(cast.acme))
    build.deliver(redis)
    assert redis.exists(f"apikey-{NAME}") == 1


def test_one_that_is_a_strangers_key_by_now_is_not_taken_over(cast, redis):
    write(redis, cast.acme, build.api(cast.acme))
    find(redis)
    theirs, _ = build.key(cast.globex, build.api(cast.globex))
    build.inside(cast.globex, lambda: Key.objects.filter(id=theirs.id).update(token_hash=NAME))
    with pytest.raises(lifecycle.Gone):
        adopt(redis, cast.acme)


def test_one_that_is_a_key_by_now_is_not_taken_over_twice(cast, redis):
    write(redis, cast.acme, build.api(cast.acme))
    find(redis)
    row = found(cast.acme)
    adopt(redis, cast.acme)
    with pytest.raises(lifecycle.Gone):
        build.inside(cast.acme, lifecycle.adopt, row, redis, created_by="test")
    build.inside(cast.acme, lifecycle.end, row)
    build.deliver(redis)
    assert redis.exists(f"apikey-{NAME}") == 1


@pytest.mark.parametrize("function", tokens.FUNCTIONS)
def test_a_client_that_has_the_token_finds_the_key_under_any_hash_and_its_end_reaches_gateways_at_once(
    cast, redis, rest, function
):
    token = tokens.token_of(cast.acme.id, "9" * 32, function)
    write(redis, cast.acme, build.api(cast.acme), name=tokens.hashed(token, function))
    find(redis)
    client = rest(cast.acme_admin)
    assert client.get(f"/api/keys/{token}").status_code == 404
    made = adopt(redis, cast.acme, tokens.hashed(token, function))
    answer = client.get(f"/api/keys/{token}")
    assert (answer.status_code, answer.json()["key_hash"]) == (200, made.token_hash)
    assert client.get(f"/api/keys/{made.token_hash}").status_code == 200
    with redis.pubsub(ignore_subscribe_messages=True) as subscription:
        subscription.subscribe("tyk.cluster.notifications")
        subscription.get_message(timeout=60)
        assert client.delete(f"/api/keys/{token}").status_code == 200
        build.deliver(redis)
        message = json.loads(subscription.get_message(timeout=60)["data"])
    assert message["payload"].partition(",")[0] == tokens.cache_key(token)


def test_a_user_keeps_the_hash_of_his_password_and_opens_only_what_asks_for_it(cast, redis):
    basic = build.api(cast.acme, "Basic", use_basic_auth=True)
    password = {"password": "$2a$10$" + "a" * 53, "hash_type": "bcrypt"}
    write(redis, cast.acme, basic, basic_auth_data=password)
    write(redis, cast.acme, build.api(cast.acme), name="d" * 64, basic_auth_data=password)
    find(redis)
    made = adopt(redis, cast.acme)
    build.deliver(redis)
    assert (made.credential, build.stored(redis, made)["basic_auth_data"]) == ("basic", password)
    with pytest.raises(SessionError):
        adopt(redis, cast.acme, "d" * 64)


@pytest.mark.parametrize(
    ("members", "credential"),
    [
        ({"jwt_data": {"secret": "s"}}, "jwt"),
        ({"hmac_enabled": True, "hmac_string": "s"}, "hmac"),
        ({}, "token"),
    ],
)
def test_secrets_go_on_and_are_sealed(cast, redis, members, credential):
    write(redis, cast.acme, build.api(cast.acme), **members)
    find(redis)
    made = adopt(redis, cast.acme)
    build.deliver(redis)
    stored = build.stored(redis, made)
    assert (made.credential, stored | members == stored) == (credential, True)
