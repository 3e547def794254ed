import json

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apis.models import ApiDefinition
from apis.publishing import publish
from keys.keys import lifecycle
from orgs import scope
from tests.keys import build


@pytest.fixture
def delivered(cast, redis):
    """A key of acme for one API, delivered, with a quota period begun."""
    orders = build.api(cast.acme)
    build.api(cast.globex)
    made, _ = build.key(cast.acme, orders, quota_max=5, quota_renewal_rate=3600)
    build.deliver(redis)
    rewrite(redis, made, quota_renews=4000000000, quota_remaining=3)
    return made


def rewrite(redis, made, **members):
    redis.set(f"apikey-{made.token_hash}", json.dumps(build.stored(redis, made) | members))


def opened(redis, made):
    session = build.stored(redis, made)
    return session and {name: value for name, value in session.items() if not name.startswith("quota_re")}


def test_what_is_right_is_left_alone(cast, redis, delivered):
    before = redis.get(f"apikey-{delivered.token_hash}")
    assert build.sweep(redis) == (1, 0, 0)
    assert redis.get(f"apikey-{delivered.token_hash}") == before


def test_what_redis_lost_comes_back(cast, redis, delivered):
    before = opened(redis, delivered)
    redis.flushall()
    assert build.sweep(redis) == (1, 1, 0)
    assert opened(redis, delivered) == before
    assert build.sweep(redis) == (1, 0, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"access_rights": {}},
        {"access_rights": None},
        {"is_inactive": True},
        {"rate": 10_000},
        {"expires": 1},
        {"org_id": "f" * 24},
        {"apply_policies": ["f" * 24]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_a_gateway_changed_is_put_right_and_its_quota_period_goes_on(cast, redis, delivered, change):
    before = build.stored(redis, delivered)
    rewrite(redis, delivered, **change)
    assert build.sweep(redis) == (1, 1, 0)
    assert build.stored(redis, delivered) == before


@pytest.mark.parametrize("garbage", [b"", b"{", b"[]", b'{"org_id":"a","org_id":"b"}'])
def test_garbage_is_put_right(cast, redis, delivered, garbage):
    before = opened(redis, delivered)
    redis.set(f"apikey-{delivered.token_hash}", garbage)
    assert build.sweep(redis) == (1, 1, 0)
    assert opened(redis, delivered) == before


def test_a_session_written_back_after_the_revocation_is_deleted_and_gateways_are_told(cast, redis, delivered):
    stale = redis.get(f"apikey-{delivered.token_hash}")
    with scope.org(cast.acme.id), transaction.atomic():
        lifecycle.revoke(delivered)
    build.deliver(redis)
    redis.set(f"apikey-{delivered.token_hash}", stale)
    with redis.pubsub(ignore_subscribe_messages=True) as subscription:
        subscription.subscribe("tyk.cluster.notifications")
        subscription.get_message(timeout=1)
        assert build.sweep(redis) == (1, 0, 1)
        message = json.loads(subscription.get_message(timeout=1)["data"])
    assert (message["command"], message["payload"]) == ("KeySpaceUpdateNotification", delivered.cache_key)
    assert redis.keys() == []
    assert build.sweep(redis) == (1, 0, 0)


def test_every_organisation_is_swept_in_chunks_of_any_size(cast, redis):
    for org in (cast.acme, cast.globex):
        orders = build.api(org)
        for _ in range(3):
            build.key(org, orders)
    assert build.sweep(redis, chunk=2) == (6, 6, 0)
    assert len(redis.keys("apikey-*")) == 6
    assert build.sweep(redis, chunk=100) == (6, 0, 0)


def test_a_renamed_api_reaches_the_sessions_that_name_it(cast, redis, delivered):
    with scope.org(cast.acme.id), transaction.atomic():
        orders = ApiDefinition.objects.get()
        publish.change(orders, orders.definition | {"name": "Orders, renamed"}, author=None)
    assert build.sweep(redis) == (1, 1, 0)
    assert build.stored(redis, delivered)["access_rights"][orders.api_id]["api_name"] == "Orders, renamed"


def test_a_swept_key_counts_as_delivered(cast, redis):
    made, _ = build.key(cast.acme, build.api(cast.acme))
    assert not build.again(made).is_delivered
    build.sweep(redis)
    assert build.again(made).is_delivered


def test_a_sweep_costs_the_same_queries_for_one_key_and_for_three(cast, redis, delivered):
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            build.sweep(redis)
        counts.append(len([query for query in queries if query["sql"].startswith("SELECT")]))
        for _ in range(2):
            build.key(cast.acme, alias="more")
        build.deliver(redis)
    # One more where a key is for all APIs.
    assert counts == [5, 6]
