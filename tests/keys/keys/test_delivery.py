import hashlib
import json
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import redis as redis_package
from django.conf import settings
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, transaction
from django.utils import timezone

from apis.gateways import delivery as gateways
from apis.gateways import outbox, telling
from apis.models import Outbox
from apis.publishing import publish
from keys.keys import delivery, lifecycle
from keys.keys.session import Right
from keys.models import Key
from keys.rotation import counters
from orgs import scope
from tests import concurrency
from tests.keys import build
from tests.keys.build import inside
from tests.keys.recorded import NODE_SECRET, RECORDED


@pytest.fixture
def listener(redis):
    """What gateways hear: the messages published since the last call."""
    with redis.pubsub(ignore_subscribe_messages=True) as subscription:
        subscription.subscribe("tyk.cluster.notifications")
        yield lambda: [json.loads(message) for message in concurrency.told(subscription)]


def signed(*cache_keys):
    payload = ",".join(cache_keys)
    text = f"KeySpaceUpdateNotification{payload}{settings.NODE_SECRET}"
    return {
        "command": "KeySpaceUpdateNotification",
        "payload": payload,
        "signature": hashlib.sha256(text.encode()).hexdigest(),
        "algorithm": 5,
    }


@pytest.mark.parametrize("recorded", RECORDED["notifications"], ids=lambda recorded: recorded["payload"])
def test_a_notice_is_what_a_gateway_itself_publishes_once_for_each_node_secret(
    redis, listener, settings, recorded
):
    settings.NODE_SECRET, settings.NODE_SECRET_FORMER = "another", NODE_SECRET
    telling.forget_sessions(redis, [recorded["payload"]])
    present, former = listener()
    assert (present["payload"], former) == (recorded["payload"], recorded)


def test_redis_holds_the_session_we_say_and_gateways_are_told_by_cache_key(cast, redis, listener):
    orders = build.api(cast.acme)
    made, text = build.key(
        cast.acme,
        orders,
        alias="Partner",
        owner="Ann",
        expires_at=datetime(2030, 1, 1, tzinfo=UTC),
        rate=5,
        per=1,
        quota_max=100,
        quota_renewal_rate=3600,
        tags=["gold"],
        meta_data={"tier": "gold"},
    )
    build.deliver(redis)
    assert redis.keys() == [f"apikey-{hashlib.sha256(text.encode()).hexdigest()}".encode()]
    assert build.stored(redis, made) == {
        "org_id": cast.acme.id,
        "alias": "Partner",
        "access_rights": {
            orders.api_id: {"api_name": "Orders", "api_id": orders.api_id, "versions": ["Default"]}
        },
        "rate": 5,
        "per": 1,
        "quota_max": 100,
        "quota_renews": pytest.approx(time.time() + 3600, abs=60),
        "quota_remaining": 100,
        "quota_renewal_rate": 3600,
        "expires": 1893456000,
        "is_inactive": False,
        "tags": ["gold"],
        "meta_data": {"tier": "gold"},
        "date_created": made.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "last_updated": str(int(made.updated_at.timestamp())),
    }
    assert redis.ttl(f"apikey-{made.token_hash}") == -1
    assert listener() == [signed(made.cache_key, made.short_cache_key)]
    assert (build.waiting(cast.acme), build.again(made).is_delivered) == ([], True)


def test_versions_are_spelled_out_by_the_names_gateways_compare(cast, redis):
    versions = {"1": {"name": "v1"}, "v2": {"name": "v2"}}
    data = {"not_versioned": False, "default_version": "v1", "versions": versions}
    orders = build.api(cast.acme, version_data=data)
    made, _ = build.key(cast.acme, orders)
    build.deliver(redis)
    assert build.stored(redis, made)["access_rights"][orders.api_id]["versions"] == ["v1", "v2"]


def test_a_suspended_key_is_inactive_and_a_resumed_one_is_not(cast, redis, listener):
    orders = build.api(cast.acme)
    made, _ = build.key(cast.acme, orders)
    inside(cast.acme, lifecycle.set_suspended, made, True)
    build.deliver(redis)
    assert build.stored(redis, made)["is_inactive"] is True
    inside(cast.acme, lifecycle.set_suspended, made, False)
    build.deliver(redis)
    assert build.stored(redis, made)["is_inactive"] is False
    assert listener() == [signed(made.cache_key, made.short_cache_key)] * 3


def test_a_revoked_key_is_deleted_whatever_the_order_of_messages(cast, redis, listener):
    orders = build.api(cast.acme)
    made, _ = build.key(cast.acme, orders)
    build.deliver(redis)
    inside(cast.acme, lifecycle.revoke, made)
    build.deliver(redis)
    assert redis.keys() == []
    with scope.org(cast.acme.id):
        delivery.deliver(list(Outbox.objects.filter(kind="key")), redis)
    assert redis.keys() == []
    assert listener() == [signed(made.cache_key, made.short_cache_key)] * 3


@pytest.mark.parametrize("end", [lifecycle.revoke, lambda key: lifecycle.set_suspended(key, True)])
def test_the_quota_that_a_key_has_on_one_api_is_written_with_its_period_and_spent_when_the_key_ends(
    cast, redis, end
):
    orders, returns = build.api(cast.acme), build.api(cast.acme, "Returns")
    limit = {"quota_max": 5, "quota_renewal_rate": 3600}
    spec = lifecycle.KeySpec(rights=(Right(orders.api_id, (), {"limit": limit}), Right(returns.api_id)))
    with scope.org(cast.acme.id), transaction.atomic():
        made, _ = lifecycle.create(cast.acme.id, spec, created_by="test")
    build.deliver(redis)
    written = json.loads(redis.get(f"apikey-{made.token_hash}"))["access_rights"][orders.api_id]["limit"]
    assert written.pop("quota_renews") == pytest.approx(time.time() + 3600, abs=60)
    assert written == limit | {"quota_remaining": 5}
    counter = f"quota-{orders.api_id}-{made.token_hash}"
    redis.set(counter, 3, ex=100)
    inside(cast.acme, end, made)
    build.deliver(redis)
    assert [int(redis.get(counter)), redis.exists(f"quota-{returns.api_id}-{made.token_hash}")] == [
        counters.SPENT,
        0,
    ]
    again = build.again(made)
    if again.revoked_at is None:
        inside(cast.acme, lifecycle.set_suspended, again, False)
        build.deliver(redis)
        assert redis.get(counter) is None


@pytest.mark.parametrize("end", [lifecycle.revoke, lambda key: lifecycle.set_suspended(key, True)])
def test_the_quota_of_a_key_that_ended_is_spent_for_gateways_that_write_its_session_back(cast, redis, end):
    """Those of 5.14 do so after every counted request, also after one that was under way then."""
    made, _ = build.key(cast.acme, build.api(cast.acme), quota_max=5, quota_renewal_rate=60)
    build.deliver(redis)
    stale = redis.get(f"apikey-{made.token_hash}")
    redis.set(f"quota-{made.token_hash}", 2, ex=60)
    inside(cast.acme, end, made)
    for _ in range(3):
        build.deliver(redis)
        assert redis.incr(f"quota-{made.token_hash}") == counters.SPENT + 1
        assert redis.ttl(f"quota-{made.token_hash}") == counters.SPENT_FOR
        assert redis.get(f"apikey-{made.token_hash}") != stale
        redis.set(f"apikey-{made.token_hash}", stale)
        redis.delete(f"quota-{made.token_hash}")
        with scope.org(cast.acme.id):
            # As long as the session comes back, the key is looked at again.
            assert Outbox.objects.filter(kind="key-check", done_at=None).update(due_at=timezone.now()) >= 1


def test_a_resumed_key_begins_its_quota_anew(cast, redis):
    made, _ = build.key(cast.acme, build.api(cast.acme), quota_max=5, quota_renewal_rate=60)
    inside(cast.acme, lifecycle.set_suspended, made, True)
    build.deliver(redis)
    redis.incr(f"quota-{made.token_hash}")
    inside(cast.acme, lifecycle.set_suspended, made, False)
    build.deliver(redis)
    session = build.stored(redis, made)
    assert (session["is_inactive"], session["quota_remaining"]) == (False, 5)
    assert redis.get(f"quota-{made.token_hash}") is None


def test_a_message_about_a_key_that_is_not_there_does_nothing(cast, redis):
    with scope.org(cast.acme.id):
        assert delivery.deliver([Outbox(org_id=cast.acme.id, kind="key", subject="f" * 24)], redis) == {}
    assert redis.keys() == []


def test_delivery_keeps_the_quota_period_a_gateway_has_begun(cast, redis):
    orders = build.api(cast.acme)
    made, _ = build.key(cast.acme, orders, quota_max=5, quota_renewal_rate=3600)
    build.deliver(redis)
    name = f"apikey-{made.token_hash}"
    redis.set(
        name, json.dumps(build.stored(redis, made) | {"quota_renews": 4000000000, "quota_remaining": 3})
    )
    redis.set(f"quota-{made.token_hash}", 2)
    spec = lifecycle.KeySpec(
        alias="renamed", rights=(Right(orders.api_id),), quota_max=5, quota_renewal_rate=3600
    )
    inside(cast.acme, lifecycle.change, made, spec)
    build.deliver(redis)
    session = build.stored(redis, made)
    assert (session["alias"], session["quota_renews"], session["quota_remaining"]) == (
        "renamed",
        4000000000,
        3,
    )
    assert redis.get(f"quota-{made.token_hash}") == b"2"
    inside(cast.acme, lifecycle.change, made, spec, reset_quota=True)
    build.deliver(redis)
    session = build.stored(redis, made)
    assert session["quota_renews"] == pytest.approx(time.time() + 3600, abs=60)
    assert session["quota_remaining"] == 5
    assert redis.get(f"quota-{made.token_hash}") is None


def test_a_key_for_all_apis_follows_them_and_names_none_of_a_strangers(cast, redis):
    build.api(cast.globex)
    made, _ = build.key(cast.acme)
    build.deliver(redis)
    assert build.stored(redis, made) is None
    assert build.is_delivered(made)
    orders = build.api(cast.acme, "Orders")
    assert not build.is_delivered(made)
    build.deliver(redis)
    assert build.is_delivered(made)
    assert list(build.stored(redis, made)["access_rights"]) == [orders.api_id]
    returns = build.api(cast.acme, "Returns")
    build.deliver(redis)
    assert sorted(build.stored(redis, made)["access_rights"]) == sorted([orders.api_id, returns.api_id])
    for api in (orders, returns):
        inside(cast.acme, publish.delete, api, author=None)
        build.deliver(redis)
    assert redis.keys() == []


def test_a_key_whose_last_api_is_deleted_is_withdrawn_and_never_written_empty(cast, redis, listener):
    orders = build.api(cast.acme)
    made, _ = build.key(cast.acme, orders)
    build.deliver(redis)
    assert build.stored(redis, made)["access_rights"] != {}
    inside(cast.acme, publish.delete, orders, author=None)
    build.deliver(redis)
    assert redis.keys() == []
    assert listener() == [signed(made.cache_key, made.short_cache_key)] * 2
    assert build.again(made).state() == "active"


def test_without_redis_a_key_is_saved_shown_as_not_delivered_and_sent_later(cast, redis):
    orders = build.api(cast.acme)
    made, _ = build.key(cast.acme, orders)
    away = redis_package.Redis(host="127.0.0.1", port=1, socket_connect_timeout=1)
    build.deliver(away)
    with scope.org(cast.acme.id):
        row = Outbox.objects.get(kind="key")
    assert (row.attempts, row.done_at, build.again(made).is_delivered) == (1, None, False)
    with scope.org(cast.acme.id), transaction.atomic():
        Outbox.objects.update(due_at=row.created_at)
    build.deliver(redis)
    assert (build.again(made).is_delivered, build.stored(redis, made)["org_id"]) == (True, cast.acme.id)


class Meanwhile:
    """Redis, through which something happens just before the `number`-th time that sessions are written."""

    def __init__(self, redis, number, happens):
        self.redis, self.left, self.happens = redis, number, happens

    def mget(self, names):
        found = self.redis.mget(names)
        self.left -= 1
        if self.left == 0:
            self.happens()
        return found

    def pipeline(self, transaction):
        return self.redis.pipeline(transaction=transaction)


@contextmanager
def held(made):
    """Somebody else has the key's row locked."""
    has, release = threading.Event(), threading.Event()

    def change():
        with scope.org(made.org_id), transaction.atomic():
            Key.objects.select_for_update().get(id=made.id)
            has.set()
            release.wait(60)
        connections.close_all()

    other = threading.Thread(target=change)
    other.start()
    has.wait(60)
    yield
    release.set()
    other.join()


def test_a_key_that_is_being_changed_is_not_waited_for_and_tried_later(committed, cast, redis):
    made, _ = build.key(cast.acme, build.api(cast.acme))
    other, _ = build.key(cast.acme, build.api(cast.acme, "Returns"))
    with scope.org(cast.acme.id):
        Outbox.objects.filter(kind="reload").delete()  # after a second they are due, and go first
    with held(made):
        gateways.deliver(redis)
    assert (build.again(made).is_delivered, build.again(other).is_delivered) == (False, True)
    with scope.org(cast.acme.id):
        row = Outbox.objects.get(kind="key", subject=made.id)
        assert (row.attempts, row.last_error) == (1, "the key is being changed")
        Outbox.objects.update(due_at=row.created_at)
    build.deliver(redis)
    assert build.again(made).is_delivered


def test_of_two_workers_the_newest_state_stands_although_the_slower_one_writes_last(committed, cast, redis):
    """Worker A reads state 1, B reads and writes state 2, A writes state 1."""
    made, _ = build.key(cast.acme, build.api(cast.acme))

    def b_is_quicker():
        inside(cast.acme, lifecycle.set_suspended, made, True)
        with scope.org(cast.acme.id):
            assert delivery.write({made.id: cast.acme.id}, redis) == set()

    with scope.org(cast.acme.id):
        assert delivery.write({made.id: cast.acme.id}, Meanwhile(redis, 1, b_is_quicker)) == set()
    assert build.stored(redis, made)["is_inactive"] is True
    assert build.again(made).delivered_number == 2


def test_an_api_that_goes_while_its_key_is_delivered_is_not_in_its_session(committed, cast, redis):
    """No row of the key changes by that."""
    orders, returns = build.api(cast.acme, "Orders"), build.api(cast.acme, "Returns")
    made, _ = build.key(cast.acme, orders, returns)
    every, _ = build.key(cast.acme)
    going = Meanwhile(redis, 1, lambda: inside(cast.acme, publish.delete, orders, author=None))
    with scope.org(cast.acme.id):
        assert delivery.write({made.id: cast.acme.id, every.id: cast.acme.id}, going) == set()
    assert [list(build.stored(redis, key)["access_rights"]) for key in (made, every)] == [
        [returns.api_id]
    ] * 2


def test_a_key_revoked_while_it_is_delivered_has_no_session_afterwards(committed, cast, redis):
    made, _ = build.key(cast.acme, build.api(cast.acme))
    revoking = Meanwhile(redis, 1, lambda: inside(cast.acme, lifecycle.revoke, made))
    with scope.org(cast.acme.id):
        assert delivery.write({made.id: cast.acme.id}, revoking) == set()
    assert redis.keys() == []
    assert build.again(made).is_delivered


def test_a_key_that_changes_all_the_while_is_left_for_later(committed, cast, redis, monkeypatch):
    made, _ = build.key(cast.acme, build.api(cast.acme))
    states = iter([True, False, True, False])

    class Changing(Meanwhile):
        def mget(self, names):
            self.left = 1
            return super().mget(names)

    flapping = Changing(redis, 1, lambda: inside(cast.acme, lifecycle.set_suspended, made, next(states)))
    with scope.org(cast.acme.id):
        rows = [Outbox(org_id=cast.acme.id, kind="key", subject=made.id)]
        assert delivery.deliver(rows, flapping) == {rows[0].id: "the key is being changed"}
    assert not build.again(made).is_delivered


def test_a_quota_begins_anew_once_though_a_change_meanwhile_has_its_key_written_again(committed, cast, redis):
    made, _ = build.key(cast.acme, build.api(cast.acme), quota_max=5, quota_renewal_rate=3600)
    counted = f"quota-{made.token_hash}"
    spec = lifecycle.KeySpec(alias="renamed", all_apis=True, quota_max=5, quota_renewal_rate=3600)
    steps = iter([lambda: inside(cast.acme, lifecycle.change, made, spec), lambda: redis.set(counted, 7)])

    class Changing(Meanwhile):
        def mget(self, names):
            self.left, self.happens = 1, next(steps)
            return super().mget(names)

    with scope.org(cast.acme.id):
        rows = [Outbox(org_id=cast.acme.id, kind="key", subject=made.id, payload={"reset_quota": True})]
        assert delivery.deliver(rows, Changing(redis, 1, None)) == {}
    assert (next(steps, None), redis.get(counted)) == (None, b"7")


def test_what_is_said_of_all_keys_is_not_looked_at_once_more(cast, redis):
    made, _ = build.key(cast.acme)
    with scope.org(cast.acme.id):
        Outbox.objects.all().delete()
    build.api(cast.acme)
    build.deliver(redis)
    with scope.org(cast.acme.id):
        about_keys = Outbox.objects.exclude(kind="reload")
        assert list(about_keys.values_list("kind", "payload")) == [
            ("key-again", {"subjects": {made.id: None}})
        ]
    assert build.is_delivered(made)


def test_what_is_looked_at_once_more_is_each_organisations_own(cast, redis):
    made = [build.key(org)[0] for org in (cast.acme, cast.globex)]
    for key in made:
        with scope.org(key.org_id), transaction.atomic():
            lifecycle.revoke(key)
    with scope.every_org():
        Outbox.objects.exclude(kind="key-removed").delete()
    assert gateways.deliver(redis) is True
    with scope.every_org():
        looks = Outbox.objects.filter(kind="key-check").values_list("org_id", "subject")
        assert sorted(looks) == sorted((key.org_id, key.id) for key in made)


def test_a_worker_that_dies_between_writing_and_looking_is_replaced_when_its_claim_runs_out(
    committed, cast, redis, monkeypatch
):
    made, _ = build.key(cast.acme, build.api(cast.acme))

    class Died(BaseException):
        pass

    def dies(keys, written):
        raise Died

    note = delivery._note
    monkeypatch.setattr(delivery, "_note", dies)
    suspending = Meanwhile(redis, 1, lambda: inside(cast.acme, lifecycle.set_suspended, made, True))
    with pytest.raises(Died):
        gateways.deliver(suspending)
    monkeypatch.setattr(delivery, "_note", note)
    build.deliver(redis)  # the message of the change
    redis.set(f"apikey-{made.token_hash}", json.dumps(build.stored(redis, made) | {"is_inactive": False}))
    with scope.org(cast.acme.id):
        claimed = Outbox.objects.get(kind="key", done_at=None)
        assert claimed.claimed_until - timezone.now() <= outbox.LEASE
        Outbox.objects.update(claimed_until=timezone.now())
    build.deliver(redis)
    assert build.stored(redis, made)["is_inactive"] is True


def test_what_a_gateway_writes_over_a_change_in_the_seconds_after_it_is_put_right(cast, redis):
    """Whatever else there is to sweep: by a message of its own."""
    made, _ = build.key(cast.acme, build.api(cast.acme), quota_max=5, quota_renewal_rate=3600)
    build.deliver(redis)
    stale = redis.get(f"apikey-{made.token_hash}")
    inside(cast.acme, lifecycle.revoke, made)
    build.deliver(redis)
    redis.set(f"apikey-{made.token_hash}", stale)
    build.deliver(redis)
    assert redis.get(f"apikey-{made.token_hash}") == stale
    with scope.org(cast.acme.id):
        waits = [row.due_at - row.created_at for row in Outbox.objects.filter(kind="key-check", done_at=None)]
        assert [round(wait.total_seconds()) for wait in waits] == [15, 15]
        Outbox.objects.update(due_at=timezone.now())
    build.deliver(redis)
    assert redis.keys() == [f"quota-{made.token_hash}".encode()]


def test_a_batch_of_keys_costs_the_same_queries_as_one_and_one_exchange_with_redis(
    cast, redis, django_assert_num_queries
):
    orders = build.api(cast.acme)
    made = [build.key(cast.acme, orders)[0] for _ in range(30)]
    for number in (1, 30):
        orgs = {key.id: cast.acme.id for key in made[:number]}
        before = redis.info("commandstats")
        # keys, policies, rights, quotas; savepoint, lock, policies, rights, note, release
        with scope.org(cast.acme.id), django_assert_num_queries(10):
            assert delivery.write(orgs, redis) == set()
        calls = {name: redis.info("commandstats")[f"cmdstat_{name}"]["calls"] for name in ("mget", "exec")}
        assert calls == {
            name: before.get(f"cmdstat_{name}", {"calls": 0})["calls"] + 1 for name in ("mget", "exec")
        }


def test_apis_come_and_go_while_their_keys_are_delivered_and_nothing_waits_in_a_circle(
    committed, cast, redis
):
    made = [build.key(cast.acme, alias=f"key {number}")[0] for number in range(20)]
    failures, done = [], threading.Event()

    def work():
        try:
            while not done.is_set():
                build.deliver(redis)
        except Exception as error:
            failures.append(error)
        connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    try:
        for number in range(10):
            orders = build.api(cast.acme, f"Orders {number}")
            inside(cast.acme, publish.delete, orders, author=None)
        last = build.api(cast.acme, "Last")
    finally:
        done.set()
        for worker in workers:
            worker.join()
    build.sweep(redis)
    assert failures == []
    assert [list(build.stored(redis, each)["access_rights"]) for each in made] == [[last.api_id]] * 20


def test_gateways_that_do_not_hash_keys_are_refused_loudly(cast, redis, settings):
    settings.GATEWAY_HASH_KEYS = False
    made, _ = build.key(cast.acme, build.api(cast.acme))
    with scope.org(cast.acme.id), pytest.raises(ImproperlyConfigured):
        delivery.write({made.id: cast.acme.id}, redis)
    assert redis.keys() == []
    assert [error.id for error in run_checks() if error.id.startswith("keys")] == ["keys.E001"]


def test_gateways_that_hash_keys_pass_the_check():
    assert [error.id for error in run_checks() if error.id.startswith("keys")] == []
