import json
import threading

import pytest
import redis as redis_package
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from redis.backoff import NoBackoff
from redis.retry import Retry

from apis.definitions.rules.targets import NOWHERE
from apis.models import ApiDefinition
from apis.publishing import publish
from dashboard.worker import Step, run
from keys.keys import lifecycle, repair
from keys.keys.delivery import AGAIN
from keys.keys.session import Right
from keys.models import Key, Sweep
from keys.policies import lifecycle as policy_lifecycle
from keys.policies.effect.effective import effective
from keys.rotation.counters import SPENT
from orgs import scope
from tests.keys import build
from tests.keys.policies import build as policies


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
        subscription.get_message(timeout=60)
        assert build.sweep(redis) == (1, 0, 1)
        message = json.loads(subscription.get_message(timeout=60)["data"])
    names = f"{delivered.cache_key},{delivered.short_cache_key}"
    assert (message["command"], message["payload"]) == ("KeySpaceUpdateNotification", names)
    assert redis.keys() == [f"quota-{delivered.token_hash}".encode()]
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
    assert counts == [6, 7]


def many(org, number):
    orders = build.api(org)
    return [build.key(org, orders)[0] for _ in range(number)]


def test_a_step_looks_at_one_chunk_and_the_next_goes_on_where_it_ended_whoever_takes_it(cast, redis):
    """Nothing but the database remembers how far it is."""
    made = sorted([*many(cast.acme, 3), *many(cast.globex, 3)], key=lambda key: (key.org_id, key.id))
    stored = []
    for _ in range(4):
        repair.step(redis, chunk=2)
        stored.append([build.stored(redis, key) is not None for key in made].count(True))
        sweep = Sweep.objects.get()
        assert sweep.after_id in {"", *(key.id for key in made)}
    assert stored == [2, 4, 6, 6]
    assert (sweep.after_id, sweep.checked, sweep.rewritten) == ("", 6, 6)
    assert sweep.finished_at >= sweep.started_at


def test_a_step_that_meets_no_redis_looks_at_the_same_keys_again(cast, redis):
    made = many(cast.acme, 3)
    repair.step(redis, chunk=2)
    before = Sweep.objects.get().after_id
    with pytest.raises(redis_package.ConnectionError):
        repair.step(redis_package.Redis(port=1, retry=Retry(NoBackoff(), 0)), chunk=2)
    assert Sweep.objects.get().after_id == before
    repair.step(redis, chunk=2)
    assert None not in [build.stored(redis, key) for key in made]


def test_a_round_of_few_keys_begins_every_half_minute_and_one_of_many_goes_on_after_a_rest(cast, redis):
    many(cast.acme, 3)
    assert 0 <= repair.step(redis, chunk=2) < 10
    assert 0 <= repair.step(redis, chunk=2) <= 30
    Sweep.objects.update(after_id="")
    assert 25 < repair.step(redis) <= 30


@pytest.mark.parametrize(
    ("worked", "took", "rest"), [(0.05, 0.05, 1.15), (0.05, 0.4, 0.8), (0.05, 3.0, 0.0), (0.0, 0.0, 0.0)]
)
def test_after_some_work_there_is_so_much_rest_that_it_was_a_twentieth(worked, took, rest):
    assert repair.pause(worked, took) == pytest.approx(rest)


def test_a_sweep_ends_between_two_chunks_when_the_worker_is_told_to_stop(committed, cast, redis):
    made = many(cast.acme, 3)
    stop = threading.Event()

    def chunk(client):
        stop.set()
        return repair.step(client, chunk=1)

    run([Step("key repair", 30, chunk)], redis, stop)
    connections.close_all()
    assert [build.stored(redis, key) is not None for key in made].count(True) == 1


def test_a_key_that_is_being_changed_is_left_to_its_change(committed, cast, redis):
    [made] = many(cast.acme, 1)
    with scope.org(cast.acme.id), transaction.atomic():
        Key.objects.select_for_update().get(id=made.id)
        thread = threading.Thread(target=lambda: (repair.step(redis), connections.close_all()))
        thread.start()
        thread.join(60)
        assert not thread.is_alive()
    assert not build.again(made).is_delivered


def with_policies(org, *given, apis=(), **spec):
    spec = lifecycle.KeySpec(
        policies=tuple(each.id for each in given), rights=tuple(Right(each.api_id) for each in apis), **spec
    )
    return build.inside(org, lifecycle.create, org.id, spec, created_by="test")[0]


def gateway(redis, made, generation):
    """What a stock gateway makes of the key's session in Redis and the policies it pulls; None without a session."""
    session = build.stored(redis, made)
    held = {policy["id"] or policy["_id"]: policy for policy in policies.served()}
    return session and effective(session, held, generation, api_org=made.org_id)


def opens(redis, made, generation):
    """The APIs that gateways open to a key."""
    outcome = gateway(redis, made, generation)
    return set() if outcome is None or outcome.session is None else outcome.session["access_rights"].keys()


def sessions(redis):
    return [json.loads(redis.get(name)) for name in redis.keys("apikey-*")]


@pytest.mark.parametrize("generation", ["3.0", "5"])
def test_what_gateways_write_back_of_a_key_with_policies_stays_and_what_nobody_offered_is_undone(
    cast, redis, generation
):
    orders, strange = build.api(cast.acme), build.api(cast.globex)
    gold = policies.policy(cast.acme, orders, quota_max=9, quota_renewal_rate=3600, tags=["gold"])
    made = with_policies(cast.acme, gold)
    build.deliver(redis)
    assert build.sweep(redis) == (1, 0, 0)
    rewrite(redis, made, **gateway(redis, made, generation).session | {"quota_renews": 4000000000})
    written = build.stored(redis, made)
    assert (written["rate"], written["tags"]) == (10, ["gold"])
    assert build.sweep(redis) == (1, 0, 0)
    assert build.stored(redis, made) == written
    for change in (
        {"access_rights": {strange.api_id: {}}},
        {"access_rights": {}},
        {"apply_policies": ["f" * 24]},
        {"apply_policies": []},
        {"org_id": cast.globex.id},
        {"is_inactive": True},
        {"rate": -1},
    ):
        rewrite(redis, made, **written | change)
        assert build.sweep(redis) == (1, 1, 0), change
        found = build.stored(redis, made)
        assert found | change != found, change
        assert build.sweep(redis) == (1, 0, 0), change


def test_a_key_that_is_written_anew_keeps_the_quota_period_of_its_policy(cast, redis):
    orders = build.api(cast.acme)
    gold = policies.policy(cast.acme, orders, quota_max=9, quota_renewal_rate=3600)
    made = with_policies(cast.acme, gold)
    build.deliver(redis)
    merged = gateway(redis, made, "5").session
    merged["access_rights"][orders.api_id]["limit"] |= {"quota_renews": 4000000000, "quota_remaining": 3}
    rewrite(redis, made, **merged)
    build.inside(cast.acme, lifecycle.change, made, lifecycle.KeySpec(alias="x", policies=(gold.id,)))
    build.deliver(redis)
    for generation in ("3.0", "5"):
        limit = gateway(redis, made, generation).session["access_rights"][orders.api_id]["limit"]
        assert (limit["quota_max"], limit["quota_renews"]) == (9, 4000000000)
    assert build.sweep(redis) == (1, 0, 0)


def _delete_policy(cast, orders, gold):
    policy_lifecycle.delete(gold, author=None)


def _delete_api(cast, orders, gold):
    publish.delete(ApiDefinition.objects.get(id=orders.id), author=None)


def _limits_only(cast, orders, gold):
    document = policies.document("Gold", orders, partitions={"quota": True})
    policy_lifecycle.change(gold, document, author=None)


def _no_rights(cast, orders, gold):
    policy_lifecycle.change(gold, policies.document("Gold"), author=None)


@pytest.mark.parametrize("written_back", [None, "3.0", "5"])
@pytest.mark.parametrize("end", [_delete_policy, _delete_api, _limits_only, _no_rights])
@pytest.mark.parametrize("own", ["none", "other"])
def test_a_key_whose_policies_open_nothing_any_more_opens_nothing(cast, redis, end, written_back, own):
    """However its policies ended, and whatever gateways wrote back: in the final state no session is without rights,
    and none opens what it must not, of any organisation."""
    orders, other = build.api(cast.acme), build.api(cast.acme, "Other")
    strange = build.api(cast.globex)
    gold = policies.policy(cast.acme, orders, quota_max=5, quota_renewal_rate=60)
    slow = policies.policy(cast.acme, name="Slow", rate=1, per=1)
    theirs = with_policies(cast.globex, policies.policy(cast.globex, strange))
    apis = [other] if own == "other" else []
    made = [with_policies(cast.acme, gold, apis=apis), with_policies(cast.acme, slow, gold, apis=apis)]
    build.deliver(redis)
    assert [opens(redis, each, "5") - {NOWHERE} for each in (*made, theirs)] == [
        {orders.api_id},
        {orders.api_id},
        {strange.api_id},
    ]
    if written_back:
        for each in made:
            rewrite(redis, each, **gateway(redis, each, written_back).session)
    build.inside(cast.acme, end, cast, orders, gold)
    build.deliver(redis)
    build.sweep(redis)
    assert build.sweep(redis)[1:] == (0, 0)
    # Without any policy a key has its own rights again.
    left = {other.api_id} if own == "other" and end is _delete_policy else set()
    for generation in ("3.0", "5"):
        assert opens(redis, made[0], generation) - {NOWHERE} == left
        assert opens(redis, made[1], generation) - {NOWHERE} == set()
        assert opens(redis, theirs, generation) == {strange.api_id}
    for session in sessions(redis):
        owned = {
            api.api_id
            for org in (cast.acme, cast.globex)
            if org.id == session["org_id"]
            for api in build.apis_of(org)
        }
        assert session["access_rights"]
        assert session["access_rights"].keys() <= owned | {NOWHERE}


def test_a_policy_that_only_limits_from_now_on_closes_older_gateways_too_without_the_sweep(cast, redis):
    """Those of 3.0 go by the rights in a session where no policy grants any, and have written some into it."""
    orders = build.api(cast.acme)
    gold = policies.policy(cast.acme, orders)
    made, ended = with_policies(cast.acme, gold), with_policies(cast.acme, gold)
    build.inside(cast.acme, lifecycle.revoke, ended)
    build.deliver(redis)
    rewrite(redis, made, **gateway(redis, made, "3.0").session)
    build.inside(cast.acme, _limits_only, cast, orders, gold)
    assert opens(redis, made, "3.0") == {orders.api_id}
    assert build.waiting(cast.acme) == [(AGAIN, made.id)]
    build.deliver(redis)
    assert [opens(redis, made, generation) - {NOWHERE} for generation in ("3.0", "5")] == [set(), set()]


def test_a_suspended_key_with_policies_is_refused_and_its_quotas_are_spent_until_it_works_again(cast, redis):
    orders = build.api(cast.acme)
    gold = policies.policy(cast.acme, orders, quota_max=9, quota_renewal_rate=3600)
    made = with_policies(cast.acme, gold)
    build.deliver(redis)
    counters = [f"quota-{made.token_hash}", f"quota-{gold.id}-{made.token_hash}"]
    merged = gateway(redis, made, "5").session
    build.inside(cast.acme, lifecycle.set_suspended, made, True)
    build.deliver(redis)
    rewrite(redis, made, **merged)
    assert build.sweep(redis) == (1, 1, 0)
    for generation in ("3.0", "5"):
        assert gateway(redis, made, generation).session["is_inactive"] is True
    assert [int(redis.get(name)) for name in counters] == [SPENT, SPENT]
    build.inside(cast.acme, lifecycle.set_suspended, made, False)
    build.deliver(redis)
    assert (opens(redis, made, "5"), redis.exists(*counters)) == ({orders.api_id}, 0)
    build.inside(cast.acme, lifecycle.revoke, made)
    build.deliver(redis)
    assert (build.stored(redis, made), int(redis.get(counters[0]))) == (None, SPENT)


def test_a_policy_edit_writes_no_key(cast, redis):
    orders, returns = build.api(cast.acme), build.api(cast.acme, "Returns")
    gold = policies.policy(cast.acme, orders)
    made = with_policies(cast.acme, gold)
    build.deliver(redis)
    before = build.stored(redis, made)
    document = policies.document("Gold", returns, rate=1)
    build.inside(cast.acme, policy_lifecycle.change, gold, document, author=None)
    assert build.waiting(cast.acme) == []
    assert build.sweep(redis) == (1, 0, 0)
    assert (build.stored(redis, made), opens(redis, made, "3.0")) == (before, {returns.api_id})


def test_metadata_that_gateways_would_take_for_policies_is_never_delivered(cast, redis):
    """As it may have been stored before it was refused."""
    orders, strange = build.api(cast.acme), build.api(cast.globex)
    made, _ = build.key(cast.acme, orders)
    planted = {
        "policies": [{"id": "x", "org_id": cast.globex.id, "access_rights": {strange.api_id: {}}}],
        "a": 1,
    }
    with scope.org(cast.acme.id):
        Key.objects.update(meta_data=planted)
    build.deliver(redis)
    assert build.stored(redis, made)["meta_data"] == {"a": 1}
    rewrite(redis, made, meta_data=planted)
    assert build.sweep(redis) == (1, 1, 0)
    assert build.stored(redis, made)["meta_data"] == {"a": 1}


def test_many_keys_with_policies_are_swept_in_as_many_queries_as_one(cast, redis):
    orders = build.api(cast.acme)
    gold, slow = policies.policy(cast.acme, orders), policies.policy(cast.acme, name="Slow")
    counts = []
    for more in (1, 6):
        made = [with_policies(cast.acme, gold, slow) for _ in range(more)]
        build.deliver(redis)
        for each in made:
            rewrite(redis, each, **gateway(redis, each, "5").session)
        with CaptureQueriesContext(connection) as queries:
            assert build.sweep(redis)[1] == 0
        counts.append(len([query for query in queries if query["sql"].startswith("SELECT")]))
    assert counts == [8, 8]
