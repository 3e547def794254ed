"""Drain processes killed, and connections cut, at any moment: nothing lost, nothing doubled."""

import os
import random
import signal
import threading
import time
import warnings
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime

import msgpack
import pytest
import redis as redis_package
from django.conf import settings
from django.db import connections, transaction

from dashboard.analytics.dimensions import Grain
from dashboard.analytics.ingest import caps, claim, drain, partitions, progress, rollup
from dashboard.analytics.models import Batch, DeadLetter, IngestState, Record, Rollup
from orgs import scope
from tests.analytics import recordings
from tests.analytics.arrivals import drained, organisations

KILLS = 50
PUSHED_AT_ONCE = 400
POISON = 24


def drain_until_killed() -> None:
    """What the worker does, in a process of its own."""
    with redis_package.Redis.from_url(settings.REDIS_URL) as client:
        while True:
            try:
                more = drain.tick(client)
            except Exception:
                for connection in connections.all():
                    connection.close()
                more = False
            if not more:
                time.sleep(0.005)


_alive: set[int] = set()


@pytest.fixture(autouse=True)
def nobody_drains_on():
    """A test that fails half way must not leave processes which drain for ever."""
    yield
    for child in list(_alive):
        kill(child)


def forked(dies_after: tuple[object, str] | None = None) -> int:
    """The id of a new drain process, which kills itself after that function; started within milliseconds."""
    connections.close_all()
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # other threads of this process do not matter to it
        child = os.fork()
    if child:
        _alive.add(child)
        return child
    try:
        if dies_after:
            break_after(*dies_after)
        drain_until_killed()
    finally:
        os._exit(1)


def break_after(owner: object, name: str) -> None:
    function = getattr(owner, name)

    def last(*arguments, **options):
        function(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, last)


def kill(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    ended(child)


def ended(child: int) -> None:
    """Wait for a process that was or is being killed."""
    _alive.discard(child)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def cut_connections() -> None:
    """All of the application's but this one, which its role may end."""
    with closing(connections.create_connection("default")) as connection, connection.cursor() as cursor:
        cursor.execute(
            """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND usename = session_user AND pid <> pg_backend_pid()"""
        )


def entry(number: int) -> bytes:
    return msgpack.packb(
        {
            "OrgID": (recordings.ORG_A, recordings.ORG_B)[number % 2],
            "APIID": f"api-{number % 3}",
            "TimeStamp": [int(time.time()), 0],
            "ResponseCode": (200, 404, 500)[number % 3],
            "RequestTime": number % 500,
            "Method": "GET",
            "Path": f"/r/{number % 7}",
            "APIKey": f"{number % 11:016x}",
            "Alias": str(number),
        }
    )


def test_fifty_kills_and_cut_connections_during_a_drain_lose_and_double_nothing(
    committed, redis, monkeypatch
):
    kill_and_count(redis, monkeypatch)


def kill_and_count(redis, monkeypatch) -> None:
    # So that each process stores several chunks side by side.
    monkeypatch.setattr(claim, "CHUNK", 150)
    organisations("Europe/Berlin", "Asia/Kathmandu")
    source = random.Random(2)  # noqa: S311
    children = [forked(), forked()]
    pushed = at_work = 0
    for number in range(KILLS):
        entries = [entry(pushed + at) for at in range(PUSHED_AT_ONCE)]
        pushed += PUSHED_AT_ONCE
        if number < POISON:
            entries.insert(source.randrange(PUSHED_AT_ONCE), b"\xc1 poison")
        redis.rpush(claim.LISTS[source.randrange(3)], *entries)
        time.sleep(source.uniform(0.005, 0.08))
        if number % 8 == 7:
            cut_connections()
        kill(children.pop(0))
        at_work += bool(redis.keys("*"))
        children.append(forked())
    assert at_work > KILLS // 2
    deadline = time.monotonic() + 300
    while redis.keys("*") and time.monotonic() < deadline:
        time.sleep(0.05)
    for child in children:
        kill(child)
    assert redis.keys("*") == []
    with scope.every_org():
        stored = Counter(int(alias) for alias in Record.objects.values_list("alias", flat=True))
        assert stored == Counter(range(pushed))
        assert Counter(DeadLetter.objects.values_list("reason", flat=True)) == {"undecodable": POISON}
        books = Counter()
        for batch in Batch.objects.all():
            books.update(entries=batch.n, rejected=batch.rejected, waiting=not batch.done)
        assert books == {"entries": pushed + POISON, "rejected": POISON, "waiting": 0}
        for grain in Grain:
            for dimension in (0, 1) if grain in "mhd" else (3, 6, 7):
                assert (
                    sum(
                        Rollup.objects.filter(grain=grain, dimension=dimension).values_list("hits", flat=True)
                    )
                    == pushed
                )
    assert pushed == KILLS * PUSHED_AT_ONCE


@pytest.mark.parametrize(
    ("owner", "name", "stored"),
    [
        (claim, "claim_lists", 0),
        (claim, "register", 0),
        (claim, "take", 0),
        (partitions, "ensure", 0),
        (caps, "endpoints", 0),
        (rollup, "add", 0),
        (progress, "count", 0),
        (drain, "store_next", 250),
        (redis_package.Redis, "unlink", 250),
        (redis_package.Redis, "srem", 250),
        (claim, "release", 250),
        (progress, "note", 250),
    ],
    ids=lambda value: getattr(value, "__name__", value) if not isinstance(value, int) else "",
)
def test_a_process_that_dies_after_any_step_leaves_the_rest_to_the_next(
    committed, redis, owner, name, stored
):
    organisations("UTC", "UTC")
    redis.rpush(claim.LIST, *(entry(number) for number in range(250)), b"\xc1 poison")
    ended(forked((owner, name)))
    with scope.every_org():
        assert Record.objects.count() == stored
    drained(redis, datetime.now(UTC))
    with scope.every_org():
        aliases = Record.objects.values_list("alias", flat=True)
        assert Counter(map(int, aliases)) == Counter(range(250))
        assert sum(Rollup.objects.filter(grain=Grain.DAY, dimension=1).values_list("hits", flat=True)) == 250
        assert DeadLetter.objects.count() == 1
    counters = IngestState.objects.get().counters
    # Of what a worker took that was killed before it could say so, this one does not know.
    assert 0 <= counters.pop("taken", 0) <= 251
    assert counters == {"undecodable": 1}
    assert redis.keys("*") == []


def test_two_that_take_at_once_share_five_chunks_and_a_third_finds_none(committed, redis, monkeypatch):
    monkeypatch.setattr(claim, "CHUNK", 2)
    redis.rpush(claim.LIST, *(entry(number) for number in range(10)))
    shares = []

    def take() -> None:
        with scope.every_org(), transaction.atomic():
            shares.append([chunk.pos for chunk in claim.take(5, [])])
            if len(shares) < 3:
                thread = threading.Thread(target=take)
                thread.start()
                thread.join()
        if threading.current_thread() is not threading.main_thread():
            connections.close_all()

    with scope.every_org(), transaction.atomic():
        claim.claim_lists(redis)
        claim.register(redis, claim.claims(redis), datetime.now(UTC))
    take()
    assert shares == [[0, 2, 4], [6, 8], []]
