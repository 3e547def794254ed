"""What is said of how far the ingest is."""

from datetime import timedelta

import pytest

from dashboard.analytics.ingest import claim, drain, progress
from dashboard.analytics.models import (
    IngestState,
    Record,
)
from orgs import scope
from tests.analytics.arrivals import clock_at, drained, organisations
from tests.analytics.ingest.test_drain import NOW, SECONDS, entry


def test_a_redis_more_than_half_full_is_an_alarm(committed, redis):
    used = redis.info("memory")["used_memory"]
    redis.config_set("maxmemory", used * 3)
    drained(redis, NOW)
    assert IngestState.objects.get().alarms == {}
    redis.config_set("maxmemory", int(used * 1.5))
    try:
        drained(redis, NOW)
        assert sorted(IngestState.objects.get().alarms) == ["memory"]
    finally:
        redis.config_set("maxmemory", 0)
    # It stays for ten minutes after it was last seen.
    drained(redis, NOW + timedelta(minutes=9))
    assert sorted(IngestState.objects.get().alarms) == ["memory"]
    drained(redis, NOW + timedelta(minutes=10))
    assert IngestState.objects.get().alarms == {}


def test_what_waits_and_since_when_is_said_between_two_transactions(committed, redis, monkeypatch):
    organisations("UTC", "UTC")
    monkeypatch.setattr(drain, "CHUNKS", 1)
    monkeypatch.setattr(claim, "CHUNK", 2)
    redis.rpush(claim.LIST, *(entry(TimeStamp=[SECONDS - 40 + n, 0]) for n in range(5)))
    assert drain.tick(redis, clock_at(NOW)) is True
    state = IngestState.objects.get()
    assert (state.waiting, state.up_to) == (1, NOW - timedelta(seconds=36))
    drained(redis, NOW)
    state = IngestState.objects.get()
    assert (state.waiting, state.up_to, state.alarms) == (0, NOW - progress.FLUSH, {})
    # What comes late takes back nothing of that.
    monkeypatch.setattr(progress, "BACKLOG", 1)
    redis.rpush(claim.LIST, *(entry(TimeStamp=[SECONDS - 40 + n, 0]) for n in range(5)))
    assert drain.tick(redis, clock_at(NOW)) is True
    state = IngestState.objects.get()
    assert (state.waiting, state.up_to) == (1, NOW - progress.FLUSH)
    assert state.alarms["backlog"]["text"] == "1 records wait to be stored."
    # A clock that was ahead does.
    with scope.every_org():
        IngestState.objects.update(up_to=NOW + timedelta(hours=1))
    drained(redis, NOW)
    assert IngestState.objects.get().up_to == NOW - progress.FLUSH
    # Since when one waits that has no time, as a gateway's clock may have none, is not said.
    with scope.every_org():
        IngestState.objects.update(up_to=None)
    redis.rpush(claim.LIST, *[entry()] * 4, entry(TimeStamp=[-62_135_596_800, 0]))
    assert drain.tick(redis, clock_at(NOW)) is True
    state = IngestState.objects.get()
    assert (state.waiting, state.up_to) == (1, NOW - progress.FLUSH)


def test_what_a_look_took_before_redis_went_away_and_lost_most_of_it_is_counted(
    committed, redis, monkeypatch
):
    organisations("UTC", "UTC")
    monkeypatch.setattr(drain, "CHUNKS", 1)
    monkeypatch.setattr(claim, "CHUNK", 2)
    redis.rpush(claim.LIST, *[entry()] * 6)

    def gone(*_: object) -> bool:
        raise ConnectionError

    with monkeypatch.context() as away, pytest.raises(ConnectionError):
        away.setattr(drain, "_store_waiting", gone)
        drain.tick(redis, clock_at(NOW))
    [claimed] = claim.claims(redis)
    redis.ltrim(claimed, 0, 0)
    drained(redis, NOW)
    state = IngestState.objects.get()
    assert state.counters == {"taken": 6, "lost": 5}
    assert state.alarms["lost"]["text"] == "So far Redis has lost 5 records which gateways had pushed."
    with scope.every_org():
        assert Record.objects.count() == 1


def test_something_else_under_a_lists_name_is_an_alarm_and_holds_up_no_other_list(committed, redis):
    organisations("UTC", "UTC")
    redis.set(claim.LIST, "not a list")
    redis.rpush(f"{claim.LIST}_4", entry())
    drained(redis, NOW)
    with scope.every_org():
        assert Record.objects.count() == 1
    assert (
        IngestState.objects.get().alarms["unreadable"]["text"]
        == f"Redis holds something else than a list under {claim.LIST}."
    )
