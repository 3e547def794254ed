"""OAuth clients in the gateways' Redis, the end of their tokens, and the sweep."""

import json

import pytest

from apis.gateways import outbox
from apis.models import Outbox
from apis.publishing import publish
from keys.keys.token import cache_key, hashed
from keys.oauth import delivery, lifecycle, repair, tokens
from orgs import scope
from tests.keys.build import deliver
from tests.keys.oauth import build
from tests.keys.policies.build import policy


@pytest.fixture
def protected(cast):
    return build.api(cast.acme)


@pytest.fixture
def gold(cast, protected):
    return policy(cast.acme, protected)


@pytest.fixture
def shop(cast, protected, gold, redis):
    made, _ = build.client(
        cast.acme, protected, gold, client_id="shop", secret="s3cret", meta_data={"a": "b"}
    )
    deliver(redis)
    return build.now(made)


def inside(org, verb, *arguments, **named):
    with scope.org(org.id):
        return verb(*arguments, **named)


def places(cast, api, redis):
    """The client, the list and the set of the clients of an API."""
    start = f"oauth-data.{api.api_id}.oauth-client"
    text = redis.get(f"{start}id.shop")
    return (
        text and json.loads(text),
        redis.lrange(f"{start}-index.{cast.acme.id}", 0, -1),
        redis.smembers(f"{start}set.oauth-clientid."),
    )


def facts(client, **changed):
    return {
        "id": "shop",
        "secret": "s3cret",
        "redirecturi": build.URI,
        "meta_data": {"a": "b"},
        "policyid": client.policy_id,
        "description": "",
        **changed,
    }


NOTHING = (None, [], set())


def test_a_client_lies_where_gateways_look_for_it(cast, protected, shop, redis):
    found, index, members = places(cast, protected, redis)
    assert (found, index) == (facts(shop), [b"oauth-clientid.shop"])
    assert [json.loads(member) for member in members] == [facts(shop)]
    assert shop.is_delivered
    inside(cast.acme, lifecycle.change, shop, {"description": "Shop", "meta_data": {}, "secret": "other"})
    deliver(redis)
    found, index, members = places(cast, protected, redis)
    changed = facts(shop, description="Shop", secret="other")
    del changed["meta_data"]
    assert (found, index) == (changed, [b"oauth-clientid.shop"])
    assert [json.loads(member) for member in members] == [changed]


def test_a_suspended_client_is_not_there_and_keeps_its_tokens(cast, protected, shop, redis):
    build.give(redis, shop)
    before = build.left(redis)
    inside(cast.acme, lifecycle.set_suspended, shop, True)
    deliver(redis)
    assert places(cast, protected, redis) == NOTHING
    inside(cast.acme, lifecycle.set_suspended, shop, False)
    deliver(redis)
    assert build.left(redis) == before


def test_a_deleted_client_takes_its_tokens_along_and_nobody_elses(cast, protected, gold, shop, redis):
    other, _ = build.client(cast.acme, protected, gold, client_id="other")
    deliver(redis)
    build.give(redis, other, "theirs", "their refresh")
    kept = [name for name in build.left(redis) if not name.endswith(".shop")]
    for token, function in (("one", "murmur64"), ("two", "legacy"), ("three", "sha256")):
        build.give(redis, shop, token, f"refresh {token}", function=function)
    # A refresh token outlives its token; a code has not become one yet.
    prefix = f"oauth-data.{protected.api_id}."
    redis.set(f"{prefix}oauth-refresh.late", json.dumps({"Client": {"id": "shop"}, "RefreshToken": "late"}))
    redis.set(f"{prefix}oauth-authorize.code", json.dumps({"Client": {"id": "shop"}, "Code": "code"}))
    with redis.pubsub(ignore_subscribe_messages=True) as heard:
        heard.subscribe("tyk.cluster.notifications")
        heard.get_message(timeout=60)
        inside(cast.acme, lifecycle.delete, shop)
        deliver(redis)
        payload = json.loads(heard.get_message(timeout=60)["data"])["payload"]
    assert {cache_key(token) for token in ("one", "two", "three")} <= set(payload.split(","))
    assert build.left(redis) == kept


def test_a_token_that_was_given_while_its_client_went_ends_a_little_later(cast, shop, redis):
    inside(cast.acme, lifecycle.delete, shop)
    deliver(redis)
    build.give(redis, shop, policy="p")
    with scope.every_org():
        [later] = Outbox.objects.filter(kind="oauth-client-check")
        delivery.check([later], redis)
    assert build.left(redis) == []


def test_another_policy_ends_the_tokens_of_the_former_one(cast, protected, shop, redis):
    silver = policy(cast.acme, protected, name="Silver")
    former = shop.policy_id
    build.give(redis, shop, "before", "refresh before")
    inside(cast.acme, lifecycle.change, shop, {"policy_id": silver.id})
    deliver(redis)
    build.give(redis, shop, "late", "refresh late", policy=former)
    now = build.give(redis, shop, "after", "refresh after", policy=silver.id)
    # A code of before, with a session in it, that was traded after.
    session = json.dumps({"oauth_client_id": "shop", "apply_policies": [former]})
    build.give(redis, shop, "code", "refresh code", policy=silver.id, user_data=session)
    # A session of a user, who has no client: the policy of the client says what the token opens.
    session = json.dumps({"apply_policies": [silver.id]})
    build.give(redis, shop, "user", "refresh user", policy=former, user_data=session)
    with scope.every_org():
        delivery.check(list(Outbox.objects.filter(kind="oauth-client-check")), redis)
        assert tokens.listed(delivery.place_of(shop), redis)[0][0] == now
    sessions = [name for name in build.left(redis) if name.startswith("apikey-")]
    refreshing = [name for name in build.left(redis) if ".oauth-refresh." in name]
    assert sessions == [f"apikey-{now}"]
    assert refreshing == [f"oauth-data.{protected.api_id}.oauth-refresh.refresh after"]


@pytest.mark.parametrize(
    "user_data",
    ["{", "[]", "5", 5, {}, '{"oauth_client_id": "shop"}', '{"oauth_client_id": 1, "apply_policies": []}'],
)
def test_what_is_no_session_beside_a_token_keeps_it_from_no_end(cast, shop, redis, user_data):
    build.give(redis, shop, user_data=user_data)
    inside(cast.acme, lifecycle.delete, shop)
    deliver(redis)
    assert build.left(redis) == []


def test_one_token_ends_by_its_hash_or_itself_or_its_refresh_token(cast, shop, redis):
    hashes = [build.give(redis, shop, f"t{n}", f"r{n}") for n in range(4)]
    inside(cast.acme, lifecycle.end_tokens, shop, hashes=[hashes[0]])
    inside(cast.acme, lifecycle.end_tokens, shop, hashes=tokens.hashes("t1"), refresh=tokens.digest("t1"))
    inside(cast.acme, lifecycle.end_tokens, shop, hashes=tokens.hashes("r2"), refresh=tokens.digest("r2"))
    deliver(redis)
    left = build.left(redis)
    assert [name for name in left if name.startswith("apikey-")] == sorted(
        f"apikey-{hash}" for hash in hashes[2:]
    )
    assert [name.rpartition(".")[2] for name in left if ".oauth-refresh." in name] == ["r3"]


def test_all_of_redis_is_gone_through_for_no_token_that_is_known_and_once_for_refresh_tokens(
    cast, shop, redis
):
    def scans():
        return redis.info("commandstats").get("cmdstat_scan", {}).get("calls", 0)

    for n in range(4):
        build.give(redis, shop, f"t{n}", f"r{n}")
    redis.config_resetstat()
    for token in ("t0", "t1"):
        inside(
            cast.acme, lifecycle.end_tokens, shop, hashes=tokens.hashes(token), refresh=tokens.digest(token)
        )
    deliver(redis)
    with scope.every_org():
        assert (scans(), Outbox.objects.filter(kind="oauth-client-check").exists()) == (0, False)
    for token in ("r2", "r3"):
        inside(
            cast.acme, lifecycle.end_tokens, shop, hashes=tokens.hashes(token), refresh=tokens.digest(token)
        )
    deliver(redis)
    assert (scans(), [name for name in build.left(redis) if ".oauth-refresh." in name]) == (1, [])


def test_a_session_that_is_not_the_clients_is_not_ended_by_its_hash(cast, shop, redis):
    redis.set(f"apikey-{hashed('stranger', 'sha256')}", "{}")
    inside(cast.acme, lifecycle.end_tokens, shop, hashes=[hashed("stranger", "sha256")])
    deliver(redis)
    assert redis.exists(f"apikey-{hashed('stranger', 'sha256')}")


def test_all_tokens_end_and_the_client_stays(cast, protected, shop, redis):
    build.give(redis, shop)
    inside(cast.acme, lifecycle.end_tokens, shop)
    deliver(redis)
    assert [
        name for name in build.left(redis) if "token" in name or "refresh" in name or "apikey" in name
    ] == []
    assert places(cast, protected, redis)[0] == facts(shop)


def test_nobody_is_told_of_a_message_what_a_refresh_token_is(cast, shop):
    inside(cast.acme, lifecycle.end_tokens, shop, refresh=tokens.digest("very secret"))
    with scope.every_org():
        assert "very secret" not in str(list(Outbox.objects.values("payload")))


def test_the_sweep_puts_back_what_was_lost_or_altered_and_takes_out_what_came_back(
    cast, protected, gold, shop, redis
):
    altered = f"oauth-data.{protected.api_id}.oauth-clientid.shop"
    for damage in (
        lambda: redis.delete(altered),
        lambda: redis.set(altered, json.dumps(facts(shop, policyid="0" * 24))),
        lambda: redis.set(altered, "no JSON"),
        redis.flushall,
    ):
        damage()
        repair.step(redis)
        assert places(cast, protected, redis)[0] == facts(shop)
    before = redis.get(altered)
    redis.set(altered, json.dumps(facts(shop), indent=1))
    repair.step(redis)
    assert redis.get(altered) != before  # the same with other blanks is left alone
    inside(cast.acme, lifecycle.delete, shop)
    deliver(redis)
    redis.set(altered, before)
    repair.step(redis)
    assert places(cast, protected, redis) == NOTHING


def test_a_successor_under_the_same_id_is_not_taken_for_the_deleted_one(cast, protected, gold, shop, redis):
    build.give(redis, shop)
    inside(cast.acme, lifecycle.delete, shop)
    build.client(cast.acme, protected, gold, client_id="shop", secret="new")
    deliver(redis)
    repair.step(redis)
    assert places(cast, protected, redis)[0]["secret"] == "new"
    # Nor does it inherit the tokens.
    assert [name for name in build.left(redis) if "apikey" in name or "refresh" in name] == []


def test_a_secret_that_does_not_open_leaves_all_others_alone(cast, protected, shop, redis, settings):
    settings.SEALING_KEY = "lost " * 10
    redis.flushall()
    repair.step(redis)
    with scope.org(cast.acme.id):
        outbox.add(delivery.CHANGED, shop.id, org_id=cast.acme.id)
        made, _ = lifecycle.create(
            cast.acme.id,
            protected.api_id,
            {"redirect_uri": build.URI, "policy_id": shop.policy_id},
            created_by="",
        )
    deliver(redis)
    assert places(cast, protected, redis)[1] == [f"oauth-clientid.{made.client_id}".encode()]
    assert build.now(made).is_delivered


def test_an_api_that_gets_another_id_takes_its_clients_along(cast, protected, shop, redis):
    with scope.org(cast.acme.id):
        publish.change(protected, protected.definition | {"api_id": "renamed"}, author=None)
    deliver(redis)
    assert places(cast, protected, redis) == NOTHING


def test_lapsed_tokens_are_forgotten(cast, shop, redis):
    lapsed = build.give(redis, shop, "lapsed", expires=-5)
    going_on = build.give(redis, shop, "going on")
    place = delivery.place_of(shop)
    assert [hash for hash, _ in tokens.listed(place, redis)] == [going_on]
    assert redis.zscore(place.tokens, lapsed) is not None
    tokens.forget_lapsed([place], redis)
    assert redis.zrange(place.tokens, 0, -1) == [going_on.encode()]
