import json

from apis.models import Outbox
from keys.adoption import lifecycle
from keys.adoption.ending import ENDED_CHECK
from orgs import scope
from orgs.models import AuditEntry
from tests.keys import build
from tests.keys.adoption.build import NAME, find, found, write


def test_an_ended_session_goes_and_goes_again_if_a_gateway_writes_it_back(cast, redis):
    write(redis, cast.acme, build.api(cast.acme), name="9" * 16)
    stale = redis.get(f"apikey-{'9' * 16}")
    find(redis)
    build.inside(cast.acme, lifecycle.end, found(cast.acme, "9" * 16))
    with redis.pubsub(ignore_subscribe_messages=True) as subscription:
        subscription.subscribe("tyk.cluster.notifications")
        subscription.get_message(timeout=60)
        build.deliver(redis)
        message = json.loads(subscription.get_message(timeout=60)["data"])
    assert (message["payload"], redis.exists(f"apikey-{'9' * 16}")) == ("9" * 16, 0)
    redis.set(f"apikey-{'9' * 16}", stale)
    with scope.every_org():
        assert (
            Outbox.objects.filter(kind=ENDED_CHECK, done_at=None).update(due_at="2026-01-01T00:00:00Z") == 1
        )
    build.deliver(redis)
    assert redis.exists(f"apikey-{'9' * 16}") == 0
    assert find(redis) == {}
    with scope.org(cast.acme.id):
        entry = AuditEntry.objects.get(kind="session")
    assert (entry.action, entry.object_id, entry.label) == ("session.ended", "9" * 16, "partner")


def test_nothing_is_said_of_one_that_is_gone(cast, redis):
    write(redis, cast.acme, build.api(cast.acme))
    find(redis)
    build.inside(cast.acme, lifecycle.end, found(cast.acme, NAME))
    redis.flushall()
    build.deliver(redis)
    assert redis.keys() == []
