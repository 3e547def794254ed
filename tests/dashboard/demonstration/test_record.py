"""The demonstration's traffic takes the way of real traffic, and all of it arrives."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime

import msgpack
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from dashboard.analytics.ingest import drain
from dashboard.analytics.models import DeadLetter, Record
from dashboard.demonstration import push, seed
from dashboard.demonstration.record import NO_KEY
from dashboard.demonstration.traffic import HOUR
from orgs import scope

MANAGE = settings.BASE_DIR / "manage.py"


def pushed_facts(entries) -> Counter:
    records = map(msgpack.unpackb, entries)
    return Counter(
        (r["OrgID"], r["APIID"], r["ResponseCode"], "" if r["APIKey"] == NO_KEY else r["APIKey"])
        for r in records
    )


def test_every_record_is_stored_and_none_becomes_a_dead_letter(committed, redis, tmp_path):
    traffic = seed.traffic(seed.seed(tmp_path))
    now = timezone.now()
    state = push.begin(redis, traffic, now)
    for begins, ends in ((28 * 24, 27 * 24), (30, 0)):
        state.live_to = (now - HOUR * begins).timestamp()
        push.push_present(redis, traffic, state, now - HOUR * ends, wait=None)
    entries = redis.lrange(push.LIST, 0, -1)
    while drain.tick(redis):
        pass
    with scope.every_org(), transaction.atomic():
        stored = Counter(Record.objects.values_list("org_id", "api_id", "status", "key"))
        dead = list(DeadLetter.objects.values_list("reason", "detail"))
    assert len(entries) > 10_000
    assert dead == []
    assert stored == pushed_facts(entries)
    assert push.waiting(redis) == 0


def test_the_command_pushes_each_record_once_though_it_is_killed_and_goes_on_with_the_present(
    committed, redis, tmp_path
):
    demonstration = seed.seed(tmp_path)
    traffic = seed.traffic(demonstration)
    last_hour = datetime.fromisoformat(demonstration["traffic"]["end"]).replace(
        minute=0, second=0, microsecond=0
    )
    # The latest days come first: all but the four oldest are done when it begins.
    oldest = [last_hour + HOUR * number for number in range(-28 * 24, -24 * 24)]
    state = push.begin(redis, traffic, last_hour)
    done = state.total - sum(map(traffic.volume, oldest))
    redis.set(push.STATE, json.dumps(asdict(state) | {"pushed": done}))
    drained = []

    def pushed() -> int:
        return (push.progress() or {"pushed": 0})["pushed"]

    def drain_until(happened):
        deadline = time.monotonic() + 300
        while not happened():
            assert time.monotonic() < deadline
            with redis.pipeline(transaction=True) as pipeline:
                pipeline.lrange(push.LIST, 0, -1)
                pipeline.delete(push.LIST)
                drained.extend(pipeline.execute()[0])
            time.sleep(0.01)  # for the command

    @contextmanager
    def command():
        process = subprocess.Popen(
            [sys.executable, MANAGE, "demotraffic"], env=os.environ | {"GATEHOUSE_VAR": str(tmp_path)}
        )
        yield
        process.kill()
        process.wait()

    for part in range(1, 4):
        with command():
            drain_until(lambda part=part: pushed() > done + part * 6_000)
        assert pushed() < push.progress()["total"]
    with command():
        drain_until(lambda: push.begin(redis, None, None).live_to > timezone.now().timestamp() - 2)
    drain_until(lambda: redis.llen(push.LIST) == 0)

    state = push.begin(redis, traffic, timezone.now())
    hours = [*oldest, last_hour, last_hour + HOUR]
    expected = [record for hour in hours for moment, record in traffic.hour(hour) if moment <= state.live_to]
    assert Counter(drained) == Counter(expected)
