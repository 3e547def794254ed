"""What is wrong with a record, a list or a server, and where it ends up."""

import gc
import hashlib
import random
from datetime import UTC, datetime, timedelta
from io import StringIO

import msgpack
import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import InterfaceError, connection, connections, transaction
from redis import ConnectionError, ResponseError

from dashboard.analytics import clock
from dashboard.analytics.dimensions import Dimension, Grain
from dashboard.analytics.ingest import claim, drain
from dashboard.analytics.ingest.entries import clean, decode
from dashboard.analytics.models import (
    Batch,
    DeadLetter,
    IngestState,
    Record,
    Rollup,
)
from orgs import scope
from tests.analytics import recordings
from tests.analytics.arrivals import clock_at, drained, organisations

NOW = datetime(2026, 11, 25, 14, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())


def entry(**members) -> bytes:
    return msgpack.packb(
        {
            "OrgID": recordings.ORG_A,
            "APIID": "api-one",
            "Method": "GET",
            "Path": "/a",
            "ResponseCode": 200,
            "TimeStamp": [SECONDS - 5, 0],
        }
        | members
    )


def line(number: int, **changes) -> clean.Line:
    cleaned = clean.clean(decode.decode(entry()), number, NOW, hashed_keys=True)
    return clean.line_of(cleaned._replace(**changes))


def every_text() -> str:
    """Every value of every analytics table as text, binary columns in hexadecimal."""
    found = []
    with scope.every_org(), connection.cursor() as cursor:
        for table in ("record", "rollup", "endpoint", "batch", "dead_letter", "ingest_state"):
            cursor.execute(f"SELECT t::text FROM {table} t")
            found += [text for (text,) in cursor.fetchall()]
    return "\n".join(found)


@pytest.fixture(autouse=True)
def nothing_stuck():
    drain._stuck.clear()
    drain._aside.clear()
    yield
    drain._stuck.clear()
    drain._aside.clear()


def test_odd_content_is_stored_clean(committed, redis):
    organisations("UTC", "UTC")
    redis.rpush(
        claim.LIST,
        entry(
            Path="/nul\x00here", UserAgent="tab\there\nline\\end", Tags=['q"uote', "back\\slash", "{a,b}", ""]
        ),
        entry(Path="/bad??").replace(b"??", b"\xff\xfe"),
        entry(ContentLength=(1 << 64) - 1, RequestTime=(1 << 63), ResponseCode=70_000),
        entry(TimeStamp=[SECONDS + 3600, 0]),
        entry(TimeStamp=[31_000_000_000 * 365 * 86_400, 0]),
        entry(Path="/" + "x" * 100_000, APIID="a" * 5_000, Alias="z" * 5_000, Method="M" * 500),
        entry(IPAddress="not an address", Geo={"Country": {"ISOCode": "xx"}}, APIKey="\x00"),
    )
    drained(redis, NOW)
    with scope.every_org():
        stored = list(Record.objects.order_by("id"))
        assert DeadLetter.objects.count() == 0
    assert [record.path[:9] for record in stored] == [
        "/nul\ufffdhere",
        "/bad\ufffd\ufffd",
        "/a",
        "/a",
        "/a",
        "/xxxxxxxx",
        "/a",
    ]
    assert (stored[0].user_agent, stored[0].tags) == (
        "tab\there\nline\\end",
        ['q"uote', "back\\slash", "{a,b}", ""],
    )
    assert (stored[2].size, stored[2].latency, stored[2].status) == ((1 << 63) - 1, (1 << 31) - 1, 32_767)
    assert [(record.ts, record.sent_at) for record in stored[3:5]] == [
        (NOW, NOW + timedelta(hours=1)),
        (NOW, clock.LATEST),
    ]
    assert (len(stored[5].path), len(stored[5].api_id), len(stored[5].endpoint)) == (2000, 200, 200)
    assert (stored[6].ip, stored[6].country, stored[6].key) == (None, "", hashlib.sha256(b"\0").hexdigest())


@pytest.mark.parametrize("hashed", [True, False])
def test_raw_tokens_reach_no_table(committed, redis, settings, hashed):
    settings.GATEWAY_HASH_KEYS = hashed
    organisations("UTC", "UTC")
    source = random.Random(3)  # noqa: S311
    tokens = [f"{recordings.ORG_A}{source.getrandbits(128):032x}" for _ in range(40)]
    planted = [{"APIKey": token, "Tags": ["edge", f"key-{token}"], "RawRequest": token} for token in tokens]
    redis.rpush(
        claim.LIST,
        *(entry(**members) for members in planted[:10]),
        *(entry(OrgID="5e9d9544a1dcd60001d0ffff", **members) for members in planted[10:20]),
        *(entry(TimeStamp=[5, 0], **members) for members in planted[20:30]),
        *(entry(ResponseCode=members["APIKey"], **members) for members in planted[30:40]),
    )
    drained(redis, NOW)
    stored = every_text()
    hashes = [hashlib.sha256(token.encode()).hexdigest() for token in tokens]
    assert [digest in stored for digest in hashes[:10]] == [True] * 10
    for token in tokens:
        assert token not in stored
        assert token.encode().hex() not in stored
    with scope.every_org():
        assert DeadLetter.objects.count() == 30
        assert DeadLetter.objects.filter(reason="undecodable", payload=None).count() == 10


def test_a_batch_of_rubbish_is_left_in_redis_and_holds_up_nobody_else(committed, redis):
    organisations("UTC", "UTC")
    # What is stuck is stored as of now, when what is older than is kept would be refused.
    now = datetime.now(UTC).replace(microsecond=0)
    stamp = {"TimeStamp": [int(now.timestamp()), 0]}
    redis.rpush(claim.LIST, *([entry(**stamp)] * 300), *([b"noise"] * 101))
    claim_time = clock_at(now)
    drain.tick(redis, claim_time)
    redis.rpush(claim.LIST, entry(**stamp), entry(**stamp))
    drained(redis, now)
    with scope.every_org():
        assert Record.objects.count() == 2
        assert DeadLetter.objects.count() == 0
        [stuck] = Batch.objects.filter(done=False)
    assert drain._stuck == {stuck.no: "101 of 401 entries cannot be decoded"}
    state = IngestState.objects.get()
    assert (sorted(state.alarms), state.waiting) == (["stuck"], 401)
    [name] = claim.claims(redis)
    assert redis.llen(name) == 401
    status = StringIO()
    call_command("analytics", "status", stdout=status, skip_checks=True)
    assert f"batch {stuck.no}: 401 records received {now}" in status.getvalue().splitlines()
    call_command("analytics", "retry", batch=stuck.no, stdout=StringIO(), skip_checks=True)
    drained(redis, now)
    with scope.every_org():
        assert (Record.objects.count(), DeadLetter.objects.count()) == (302, 101)
    assert drain._stuck == {}
    assert redis.keys("*") == []
    with pytest.raises(CommandError, match=f"No batch {stuck.no} is waiting"):
        call_command("analytics", "retry", batch=stuck.no, stdout=StringIO(), skip_checks=True)


def test_records_that_redis_lost_are_counted_and_hold_up_nothing(committed, redis):
    organisations("UTC", "UTC")
    redis.rpush(claim.LIST, entry(), entry(), entry())
    with scope.every_org(), transaction.atomic():
        claim.claim_lists(redis)
        claim.register(redis, claim.claims(redis), NOW)
    redis.flushall()
    redis.rpush(claim.LIST, entry())
    drained(redis, NOW)
    with scope.every_org():
        assert Record.objects.count() == 1
        assert Batch.objects.filter(done=False).count() == 0
    state = IngestState.objects.get()
    assert (state.counters, state.waiting) == ({"lost": 3, "taken": 1}, 0)
    assert state.alarms["lost"]["text"] == "So far Redis has lost 3 records which gateways had pushed."


def test_an_application_cannot_read_a_partition_around_the_policies(committed, redis):
    organisations("UTC", "UTC")
    redis.rpush(claim.LIST, entry())
    drained(redis, NOW)
    for entered in (scope.org(recordings.ORG_A), scope.every_org(), scope.nobody()):
        with entered, pytest.raises(Exception, match="permission denied"), transaction.atomic():
            connection.cursor().execute("SELECT * FROM record_20261125")


def in_the_way(statement: str) -> None:
    """As the owner of the tables: a table of a partition's name that is none."""
    with scope.nobody(), connections["owner"].cursor() as cursor:
        cursor.execute(statement)


def test_a_batch_that_cannot_be_stored_holds_up_no_other_and_is_stored_once_it_can(
    committed, redis, monkeypatch
):
    organisations("UTC", "UTC")
    in_the_way("CREATE TABLE record_20261114 (none_of_ours int)")
    for age in (0, 11, 0, 0):
        redis.rpush(claim.LIST, *[entry(TimeStamp=[SECONDS - 5 - age * 86_400, 0])] * 3)
        drained(redis, NOW)
    with scope.every_org():
        assert Record.objects.count() == 9
        [late] = Batch.objects.filter(done=False)
    state = IngestState.objects.get()
    assert state.alarms["aside"]["text"] == (
        "1 batches cannot be stored for now and are tried again; the others go on. "
        f"Batch {late.no}: IntegrityError 23514"
    )
    assert state.waiting == 3
    in_the_way("DROP TABLE record_20261114")
    drained(redis, NOW)
    with scope.every_org():
        assert Record.objects.count() == 9
    monkeypatch.setattr(drain._aside[late.no], "due", 0)
    drained(redis, NOW)
    with scope.every_org():
        assert Record.objects.count() == 12
        assert Rollup.objects.filter(grain=Grain.DAY, dimension=Dimension.TOTAL).count() == 2
    assert (drain._aside, redis.keys("*")) == ({}, [])


def test_of_five_batches_at_once_only_the_one_that_fails_is_set_aside(committed, redis, monkeypatch):
    monkeypatch.setattr(claim, "CHUNK", 2)
    organisations("UTC", "UTC")
    in_the_way("CREATE TABLE record_20261114 (none_of_ours int)")
    for age in (0, 0, 11, 0, 0):
        redis.rpush(claim.LIST, *[entry(TimeStamp=[SECONDS - 5 - age * 86_400, 0])] * 2)
    drained(redis, NOW)
    with scope.every_org():
        assert (Record.objects.count(), Batch.objects.filter(done=False).count()) == (8, 1)
    assert [aside.pause for aside in drain._aside.values()] == [drain.FIRST_PAUSE]
    [aside] = drain._aside.values()
    monkeypatch.setattr(aside, "due", 0)
    drained(redis, NOW)
    assert [aside.pause for aside in drain._aside.values()] == [2 * drain.FIRST_PAUSE]


def test_the_collector_rests_while_a_chunk_is_in_hand_and_works_again_whatever_happens():
    with pytest.raises(ValueError, match="a record"), drain._collector_off():
        with drain._collector_off():
            pass
        assert not gc.isenabled()
        raise ValueError("a record")
    assert gc.isenabled()


@pytest.mark.parametrize(
    ("error", "of_the_server"),
    [
        (ConnectionError("closed"), True),
        (ResponseError("OOM"), True),
        (InterfaceError("connection already closed"), True),
        (psycopg.OperationalError("the connection is lost"), True),
        (psycopg.errors.ConnectionFailure(), True),
        (psycopg.errors.DeadlockDetected(), True),
        (psycopg.errors.SerializationFailure(), True),
        (psycopg.errors.DiskFull(), True),
        (psycopg.errors.AdminShutdown(), True),
        (psycopg.errors.IoError(), True),
        (psycopg.errors.CheckViolation(), False),
        (psycopg.errors.InsufficientPrivilege(), False),
        (psycopg.errors.NumericValueOutOfRange(), False),
        (ValueError("a record"), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_server_in_trouble_sets_no_batch_aside(error, of_the_server):
    assert drain._of_the_server(error) is of_the_server
