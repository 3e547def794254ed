"""Sessions on their way to the gateways' Redis: how soon a new key is there while many are made, what a round of the
sweep costs, and whether Redis ends equal to the store however often the worker is killed.

The worker is a process of its own, as it is in use; the sweep is measured in this one, without its rests.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

from django.conf import settings
from django.db import transaction
from redis import Redis

from apis.gateways import names, outbox
from apis.gateways.redis_client import client
from apis.models import ApiDefinition
from dashboard.benchmarks import keys as key_benchmark
from dashboard.benchmarks import measure
from dashboard.engines.processes import dies_with_parent
from keys.keys import lifecycle, repair
from keys.keys.delivery import CHECK
from keys.keys.session import Right
from keys.keyspace import refill
from keys.models import Key, Sweep
from orgs import scope
from orgs.models import Organisation

PER_SECOND, SECONDS = 50, 20
SWEPT = 100_000
ALTERED = 100  # every so many-th
PATIENCE = 90.0  # seconds until all is delivered; a claim of a killed worker lasts 20


def run(most: int = SWEPT) -> dict[str, object]:
    """One line of figures. most: how many keys are swept."""
    with client() as redis:
        return {
            "machine": measure.machine(),
            "what": "keys: from their making to their session in Redis, by a worker of its own; a round of the sweep",
            "delivery": _delivery(redis),
            "sweep": _sweep(redis, most),
        }


@contextmanager
def worker() -> Iterator[subprocess.Popen]:
    """The worker as a process, which finds the engines in the environment."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "worker"],
        cwd=settings.BASE_DIR,
        env=os.environ | {"LOG_LEVEL": "CRITICAL", "FEED_CHECK_URL": ""},
        preexec_fn=dies_with_parent(signal.SIGTERM),  # noqa: PLW1509
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def _organisation(name: str) -> tuple[Organisation, ApiDefinition]:
    org = Organisation.everyone.create(owner_name=name, slug=name, max_keys=1_000_000)
    with scope.org(org.id):
        return org, key_benchmark.api(org, 0)


def _made(org: Organisation, api: ApiDefinition, alias: str) -> Key:
    spec = lifecycle.KeySpec(alias=alias, rights=(Right(api.api_id),), quota_max=100, quota_renewal_rate=3600)
    with scope.org(org.id), transaction.atomic():
        return lifecycle.create(org.id, spec, created_by="bench")[0]


def _delivery(redis: Redis) -> dict[str, object]:
    org, api = _organisation("delivery")
    with worker():
        _await(redis, [_made(org, api, "first")])
        time.sleep(3)  # it has more to begin with
        taken = _delivered(redis, org, api)
    cuts = quantiles(taken, n=100)
    figures = {"median": median(taken), "p95": cuts[94], "p99": cuts[98], "most": max(taken)}
    return {"keys": len(taken), "a second": PER_SECOND} | {
        f"{name}, ms": round(1000 * value, 1) for name, value in figures.items()
    }


def _await(redis: Redis, keys: list[Key]) -> None:
    end = time.monotonic() + PATIENCE
    while redis.exists(*(names.session(key.token_hash) for key in keys)) < len(keys):
        if time.monotonic() > end:
            raise TimeoutError("sessions that are never delivered")
        time.sleep(0.05)


def _delivered(redis: Redis, org: Organisation, api: ApiDefinition) -> list[float]:
    """The seconds from each commit to the session, looked for every few milliseconds."""
    begun, waiting, taken = time.monotonic(), {}, []
    for number in range(PER_SECOND * SECONDS):
        due = begun + number / PER_SECOND
        while time.monotonic() < due:
            taken += _arrived(redis, waiting)
            time.sleep(0.003)
        waiting[names.session(_made(org, api, f"caller {number}").token_hash)] = time.monotonic()
        taken += _arrived(redis, waiting)
    while waiting:
        taken += _arrived(redis, waiting)
        time.sleep(0.003)
    return taken


def _arrived(redis: Redis, waiting: dict[str, float]) -> list[float]:
    looked = list(waiting)
    there = redis.mget(looked) if looked else []
    now = time.monotonic()
    return [now - waiting.pop(name) for name, text in zip(looked, there, strict=True) if text is not None]


def _sweep(redis: Redis, most: int) -> dict[str, object]:
    org = key_benchmark.organisation(most)
    figures: dict[str, object] = {"keys": most}
    figures["filled from nothing"] = _round(redis)
    altered = [names.session(key.token_hash) for key in _every(org)][::ALTERED]
    text = f'{{"org_id":"{org.id}","access_rights":{{}}}}'
    redis.mset(dict.fromkeys(altered, text))
    figures["altered"] = len(altered)
    figures["with these"] = _round(redis)
    figures["with none"] = _round(redis)
    return figures


def _every(org: Organisation) -> list[Key]:
    with scope.org(org.id):
        return list(Key.objects.only("org_id", "token_hash").order_by("id"))


def _round(redis: Redis) -> dict[str, float]:
    """A round without rests: seconds by the clock and of this process, what it put right, and the memory it took on top
    of what was there (Linux)."""
    with scope.every_org():
        refill.begin()
    before = _peak(reset=True)
    begun, worked = time.perf_counter(), time.process_time()
    while refill.step(redis):
        pass
    took, worked = time.perf_counter() - begun, time.process_time() - worked
    sweep = Sweep.objects.get(id=repair.REFILL)
    return {
        "s": round(took, 1),
        "processor s": round(worked, 1),
        "at the sweep's pace, min": round(worked * repair.ENGINES / repair.SHARE / 60, 1),
        "put right": sweep.rewritten + sweep.removed,
        "MB more": round(_peak() - before, 1),
    }


def _peak(*, reset: bool = False) -> float:
    """The most megabytes that this process had since the last reset."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def kills(times: int, *, seed: int = 7, each: int = 20, hurry: bool = False) -> dict[str, object]:
    """Kill a worker so many times while it delivers, sweeps and fills Redis; then let one finish. Answers in how many
    sessions Redis and the store differ then: none.

    each: keys made, and as many changed, before each kill. hurry: claims of the killed run out at once.
    """
    chance = random.Random(seed)  # noqa: S311
    org, api = _organisation("killed")
    with client() as redis:
        for number in range(times):
            _change(org, api, chance, each)
            if number % 5 == 2:
                _bulk(org, chance, each)
            if number % 5 == 4:
                redis.flushall()
            _tamper(redis, org, chance, each)
            with worker() as process:
                _await_progress(process)
                time.sleep(chance.random() * 0.4)
                process.kill()
            if hurry:
                _let_claims_run_out()
        left = _left()
        with worker():
            _await_end(redis)
        differing, more = _differences(redis)
    with scope.every_org():
        keys = Key.objects.count()
    return {
        "kills": times,
        "keys": keys,
        "undelivered at the last": left,
        "differing": differing,
        "too many": more,
    }


def _change(org: Organisation, api: ApiDefinition, chance: random.Random, each: int) -> None:
    for _ in range(each):
        _made(org, api, "caller")
    with scope.org(org.id), transaction.atomic():
        living = list(Key.objects.filter(revoked_at=None).order_by("id"))
        for key in chance.sample(living, each):
            lifecycle.set_suspended(key, not key.suspended)
        for key in chance.sample(living, each // 4):
            lifecycle.revoke(key)


def _bulk(org: Organisation, chance: random.Random, each: int) -> None:
    """An API comes, and all that open everything are told of it."""
    with scope.org(org.id), transaction.atomic():
        living = list(Key.objects.filter(revoked_at=None).values_list("id", flat=True).order_by("id"))
        Key.objects.filter(id__in=chance.sample(living, each)).update(all_apis=True)
        key_benchmark.api(org, ApiDefinition.objects.count())


def _tamper(redis: Redis, org: Organisation, chance: random.Random, each: int) -> None:
    """Empty some sessions, and delete others."""
    stored = sorted(redis.scan_iter(match=names.session("*"), count=1000))
    for name in chance.sample(stored, min(len(stored), each)):
        if chance.random() < 0.5:
            redis.delete(name)
        else:
            redis.set(name, f'{{"org_id":"{org.id}","access_rights":{{}}}}')


def _left() -> int:
    """Messages that wait, but for those that only look again."""
    with scope.every_org():
        return outbox.waiting().exclude(kind=CHECK).count()


def _let_claims_run_out() -> None:
    with scope.every_org():
        outbox.waiting().update(claimed_until=None)


def _await_progress(process: subprocess.Popen) -> None:
    """Until it has begun to deliver."""
    before, end = _left(), time.monotonic() + PATIENCE
    while _left() >= before and time.monotonic() < end and process.poll() is None:
        time.sleep(0.02)


def _await_end(redis: Redis) -> None:
    """Until nothing is left to be delivered, and what others did is undone."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and (_left() or any(_differences(redis))):
        time.sleep(0.5)


def _differences(redis: Redis) -> tuple[int, int]:
    """Keys whose session is not what it should be, and sessions of no key."""
    with scope.every_org():
        keys = list(Key.objects.all())
        wrong = sum(len(repair.wrong(keys[at : at + 500], redis)) for at in range(0, len(keys), 500))
    stored = {name.decode() for name in redis.scan_iter(match=names.session("*"), count=1000)}
    return wrong, len(stored - {names.session(key.token_hash) for key in keys})
