"""The demonstration's records reach Redis once each, however often their process is ended."""

import json
import socket
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import redis as redis_library

from apis.gateways import redis_client
from dashboard.analytics.ingest import claim
from dashboard.demonstration import push
from dashboard.demonstration.traffic import HOUR, Traffic
from tests.dashboard.demonstration.test_traffic import TENANTS

END = datetime(2026, 11, 25, 14, 25, tzinfo=UTC)
LAST_HOUR = datetime(2026, 11, 25, 14, tzinfo=UTC)


@pytest.fixture(scope="module")
def traffic() -> Traffic:
    return Traffic(TENANTS, seed=7)


@pytest.fixture(scope="module")
def of_four_weeks(traffic) -> Counter:
    return Counter(
        record for back in range(1, 28 * 24 + 1) for _, record in traffic.hour(LAST_HOUR - HOUR * back)
    )


class Ended(Exception):
    """The process ends here."""


def drain(redis) -> list[bytes]:
    with redis.pipeline(transaction=True) as pipeline:
        pipeline.lrange(push.LIST, 0, -1)
        pipeline.delete(push.LIST)
        return pipeline.execute()[0]


def push_until_waiting(redis, traffic) -> push.State:
    """Push until the worker, who does nothing here, would have to be waited for."""

    def end():
        raise Ended

    state = push.begin(redis, traffic, END)
    with pytest.raises(Ended):
        push.push_history(redis, traffic, state, wait=end)
    return state


def test_all_records_of_four_weeks_are_pushed_once_though_the_process_ends_again_and_again(
    redis, traffic, of_four_weeks
):
    drained = []

    def end():
        drained.extend(drain(redis))
        raise Ended

    ends = 0
    while True:
        state = push.begin(redis, traffic, END)
        try:
            push.push_history(redis, traffic, state, wait=end)
            break
        except Ended:
            ends += 1
    drained.extend(drain(redis))
    assert ends >= 8
    assert Counter(drained) == of_four_weeks
    assert push.begin(redis, traffic, END).complete


def test_the_worker_is_waited_for_whether_records_lie_in_the_list_or_in_a_claim(redis, traffic):
    waits = []

    def take():
        waits.append(push.waiting(redis))
        if len(waits) % 2:
            claim.claim_lists(redis)
        else:
            for name, of in claim.claims(redis).items():
                redis.delete(name)
                redis.srem(f"{{{of}}}:claims", name)

    push.push_history(redis, traffic, push.begin(redis, traffic, END), wait=take)
    assert len(waits) > 10
    assert {push.MOST_WAITING < waiting <= push.MOST_WAITING + push.CHUNK for waiting in waits} == {True}


def test_the_latest_day_comes_first(redis, traffic):
    push_until_waiting(redis, traffic)
    pushed = drain(redis)
    latest = [
        record
        for hour in range(24)
        for _, record in traffic.hour(LAST_HOUR - timedelta(days=1) + HOUR * hour)
    ]
    assert pushed[: len(latest)] == latest


def test_what_is_due_follows_in_time_without_gap_or_double_also_over_a_pause(redis, traffic):
    state = push.begin(redis, traffic, END)
    now = END
    while now < END + timedelta(minutes=3):
        push.push_present(redis, traffic, state, now, wait=Ended)
        now += timedelta(seconds=1)
    later = END + timedelta(hours=30)
    state = push.begin(redis, traffic, later)
    push.push_present(redis, traffic, state, later, wait=Ended)
    expected = [
        record
        for hour in range(32)
        for moment, record in traffic.hour(LAST_HOUR + HOUR * hour)
        if moment <= later.timestamp()
    ]
    assert drain(redis) == expected


def test_after_more_than_four_weeks_only_the_last_four_are_made_up_for(redis, traffic):
    state = push.begin(redis, traffic, END)
    later = LAST_HOUR + timedelta(days=60)
    drained = []
    push.push_present(redis, traffic, state, later, wait=lambda: drained.extend(drain(redis)))
    drained.extend(drain(redis))
    expected = sum(traffic.volume(later - HOUR * back) for back in range(1, 28 * 24 + 1))
    assert len(drained) == expected


def test_progress_counts_pushed_records_of_the_four_weeks(redis, traffic):
    assert push.progress() is None
    total = push_until_waiting(redis, traffic).total
    assert push.progress() == {"pushed": 22_000, "total": total}
    stored = json.loads(redis.get(push.STATE))
    assert {name: stored[name] for name in ("pushed", "total")} == push.progress()


def test_progress_is_unknown_while_redis_is_away(settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert push.progress() is None


def test_no_page_waits_for_a_redis_that_does_not_answer(settings, monkeypatch):
    monkeypatch.setattr(redis_client, "HASTE", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.REDIS_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        begun = time.monotonic()
        assert push.progress() is None
    assert time.monotonic() - begun < 10  # as long as work waits that is not for a page


def test_records_and_progress_are_written_together_or_not_at_all(redis, traffic):
    state = push.begin(redis, traffic, END)
    redis.set(push.LIST, "not a list")
    with pytest.raises(redis_library.ResponseError):
        push.push_present(redis, traffic, state, END, wait=Ended)
    assert state.live_to == LAST_HOUR.timestamp()
