import json
import time

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from redis import Redis

from keys.keys import lifecycle, repair
from keys.keyspace import events, own_writes, refill
from keys.models import Sweep
from orgs import scope
from tests.keys import build


@pytest.fixture
def watch(redis, monkeypatch):
    """One that has subscribed; Redis is as it was in the end."""
    monkeypatch.setattr(events, "LONGEST", 0.05)
    monkeypatch.setattr(events, "GATHER", 0.05)
    own_writes._written.clear()
    made = events.Watch()
    yield made
    made.close()
    redis.config_set("notify-keyspace-events", "")


@pytest.fixture
def made(cast, redis, watch):
    """A key of acme, delivered; what that wrote has been heard of."""
    made, _ = build.key(cast.acme, build.api(cast.acme), quota_max=5, quota_renewal_rate=3600)
    build.deliver(redis)
    turn(watch, redis)
    return made


def turn(watch, redis, times=2):
    for _ in range(times):
        watch.step(redis)


def empty(redis, name):
    redis.set(name, json.dumps(json.loads(redis.get(name)) | {"access_rights": {}}))


TAMPERED = {
    "emptied": empty,
    "another's": lambda redis, name: redis.set(name, '{"org_id":"f","access_rights":{"x":{}}}'),
    "deleted": lambda redis, name: redis.delete(name),
    "expired": lambda redis, name: redis.pexpire(name, 1) and time.sleep(0.02) and redis.get(name),
    "renamed": lambda redis, name: redis.rename(name, "elsewhere"),
    "another type": lambda redis, name: redis.delete(name) and redis.setrange(name, 3, "x"),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_what_somebody_does_to_a_session_is_undone_without_the_sweep(redis, watch, made, how):
    before = build.stored(redis, made)
    TAMPERED[how](redis, f"apikey-{made.token_hash}")
    turn(watch, redis)
    after = build.stored(redis, made)
    assert {**after, "quota_renews": 0} == {**before, "quota_renews": 0}


def test_a_revoked_key_that_somebody_writes_back_goes_again(cast, redis, watch, made):
    stale = redis.get(f"apikey-{made.token_hash}")
    build.inside(cast.acme, lifecycle.revoke, made)
    build.deliver(redis)
    turn(watch, redis)
    redis.set(f"apikey-{made.token_hash}", stale)
    turn(watch, redis)
    assert build.stored(redis, made) is None


def test_a_session_that_is_written_all_the_time_is_looked_at_once_a_while(redis, watch, made, monkeypatch):
    looks = []
    monkeypatch.setattr(repair, "look", lambda names, redis: looks.append(list(names)) or set())
    for _ in range(5):
        empty(redis, f"apikey-{made.token_hash}")
        turn(watch, redis, 1)
    assert looks == [[f"apikey-{made.token_hash}"]]
    monkeypatch.setattr(events, "REST", 0.0)
    turn(watch, redis)
    assert len(looks) == 2


def test_what_the_worker_writes_itself_costs_no_query(cast, redis, watch, made):
    build.inside(cast.acme, lifecycle.set_suspended, made, True)
    build.deliver(redis)
    with CaptureQueriesContext(connection) as queries:
        turn(watch, redis)
    assert [query["sql"] for query in queries if "keys_key" in query["sql"]] == []


@pytest.mark.parametrize(
    ("flags", "needed"),
    [("", "K$gxe"), ("Ex", "ExK$ge"), ("AKE", "AKE"), ("A", "AK"), ("Kgx$e", "Kgx$e"), ("El", "ElK$gxe")],
)
def test_what_redis_is_to_tell_is_added_to_what_others_had_it_tell(flags, needed):
    assert events.with_needed(flags) == needed


def test_the_setting_of_others_stays(redis, watch):
    redis.config_set("notify-keyspace-events", "Elx")
    watch._subscribe(redis)
    assert set(redis.config_get("notify-keyspace-events")["notify-keyspace-events"]) == set("ElxK$ge")


@pytest.fixture
def managed(redis):
    """A client that may not change settings of Redis."""
    redis.acl_setuser(
        "managed", enabled=True, nopass=True, commands=["+@all", "-config"], keys="*", channels="*"
    )
    where = redis.get_connection_kwargs()
    with Redis(host=where["host"], port=where["port"], username="managed", password="any") as client:
        yield client
    redis.acl_deluser("managed")


def test_a_redis_that_may_not_be_configured_is_named_and_the_sweep_remains(
    cast, redis, managed, monkeypatch, client_for
):
    with scope.every_org():
        repair.step(redis)
    watch = events.Watch()
    monkeypatch.setattr(events, "BEAT", 0.01)
    monkeypatch.setattr(events, "LONGEST", 0.05)
    turn(watch, managed, events.UNHEARD + 2)
    assert Sweep.objects.get(id=repair.SWEEP).unheard.startswith("NoPermissionError")
    for address, person in (
        (f"/o/{cast.acme.slug}/nodes/", cast.acme_admin),
        (reverse("fleet"), cast.super_user),
    ):
        assert b"notify-keyspace-events" in client_for(person).get(address).content
    redis.config_set("notify-keyspace-events", "KA")  # by whoever runs it
    turn(watch, managed, 3)
    watch.close()
    redis.config_set("notify-keyspace-events", "")
    assert refill.state().unheard is False


def test_a_setting_that_is_lost_is_set_again(cast, redis, watch, made, monkeypatch):
    redis.config_set("notify-keyspace-events", "")
    monkeypatch.setattr(events, "BEAT", 0.01)
    monkeypatch.setattr(events, "AGAIN", 0.0)
    watch._next_beat = watch._next_asking = 0.0
    turn(watch, redis, events.UNHEARD + 2)
    empty(redis, f"apikey-{made.token_hash}")
    turn(watch, redis)
    assert build.stored(redis, made)["access_rights"] != {}


def test_a_key_that_is_locked_meanwhile_is_left_to_its_change(cast, redis, watch, made):
    with scope.org(cast.acme.id), transaction.atomic():
        lifecycle.set_suspended(made, True)
        redis.delete(f"apikey-{made.token_hash}")
        turn(watch, redis)
    assert build.stored(redis, made)["is_inactive"] is True
