"""What is wrong with a record, a list or a server, and where it ends up."""

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
from dashboard.analytics.ingest import claim, clean, dead_letters, decode, drain, partitions, progress, store
from dashboard.analytics.models import (
    Batch,
    DeadLetter,
    Endpoint,
    IngestState,
    Record,
    Rollup,
)
from orgs import scope
from tests import make
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


def row(number: int, **changes) -> clean.Row:
    cleaned = clean.clean(decode.decode(entry()), number, NOW, hashed_keys=True)
    return cleaned._replace(**changes)


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


def test_what_cannot_be_stored_becomes_a_dead_letter_with_its_reason(committed, redis):
    organisations("UTC", "UTC")
    redis.rpush(
        claim.LIST,
        entry(),
        b"\xc1 noise",
        entry(OrgID="5e9d9544a1dcd60001d0ffff"),
        entry(OrgID="'; DROP TABLE record; --\x00"),
        entry(TimeStamp=[SECONDS - 31 * 86_400, 0]),
        entry(ResponseCode="ok"),
        entry(ResponseCode=-1),
        entry(),
    )
    drained(redis, NOW)
    with scope.every_org():
        [batch] = Batch.objects.all()
        letters = DeadLetter.objects.order_by("id").values_list("id", "reason", "detail", "org_ref")
        assert list(letters) == [
            (batch.no << 20 | 1, "undecodable", "not MessagePack (FormatError)", ""),
            (batch.no << 20 | 2, "unknown_org", "", "5e9d9544a1dcd60001d0ffff"),
            (batch.no << 20 | 3, "unknown_org", "", "'; DROP TABLE record; --\ufffd"),
            (batch.no << 20 | 4, "too_old", "", recordings.ORG_A),
            (batch.no << 20 | 5, "undecodable", "Expected `int`, got `str` - at `$.ResponseCode`", ""),
        ]
        assert list(Record.objects.order_by("id").values_list("id", flat=True)) == [
            batch.no << 20 | 0,
            batch.no << 20 | 7,
        ]
        assert (batch.done, batch.rejected) == (True, 5)
    assert IngestState.objects.get().counters == {"tcp": 1, "undecodable": 2, "unknown_org": 2, "too_old": 1}
    assert redis.keys("*") == []


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
    assert (len(stored[5].path), len(stored[5].api_id), len(stored[5].endpoint)) == (2000, 100, 200)
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


def test_dead_letters_of_unknown_organisations_are_samples_and_the_rest_is_counted(committed, redis):
    redis.rpush(claim.LIST, *(entry(OrgID=f"{n:024x}") for n in range(250)))
    drained(redis, NOW)
    redis.rpush(claim.LIST, entry(OrgID="0" * 24))
    drained(redis, NOW + timedelta(minutes=59))
    with scope.every_org():
        assert DeadLetter.objects.count() == 100
        assert sorted(Batch.objects.values_list("n", "rejected")) == [(1, 1), (250, 250)]
    redis.rpush(claim.LIST, entry(OrgID="0" * 24))
    drained(redis, NOW + timedelta(minutes=61))
    with scope.every_org():
        assert DeadLetter.objects.count() == 101
    assert IngestState.objects.get().counters == {"unknown_org": 252}


def test_dead_letters_are_stored_once_their_organisation_exists(committed, redis):
    organisations("UTC", "UTC")
    unknown = "5e9d9544a1dcd60001d0ffff"
    redis.rpush(claim.LIST, entry(OrgID=unknown, APIKey="a" * 24), entry(OrgID="f" * 24), b"noise", entry())
    drained(redis, NOW)
    make.organisation("Gamma", "gamma", id=unknown)
    with scope.every_org():
        assert dead_letters.retry(NOW) == {"stored": 1, "left": 1}
        assert dead_letters.retry(NOW) == {"stored": 0, "left": 1}
        [record] = Record.objects.filter(org=unknown)
        assert (record.key, record.ts) == (hashlib.sha256(b"a" * 24).hexdigest(), NOW - timedelta(seconds=5))
        assert Rollup.objects.get(org=unknown, grain=Grain.DAY, dimension=Dimension.TOTAL).hits == 1
        assert sorted(DeadLetter.objects.values_list("reason", flat=True)) == ["undecodable", "unknown_org"]


def test_a_batch_of_rubbish_is_left_in_redis_and_holds_up_nobody_else(committed, redis):
    organisations("UTC", "UTC")
    redis.rpush(claim.LIST, *([entry()] * 300), *([b"noise"] * 101))
    claim_time = clock_at(NOW)
    drain.tick(redis, claim_time)
    redis.rpush(claim.LIST, entry(), entry())
    drained(redis, NOW)
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
    assert f"batch {stuck.no}: 401 records received {NOW}" in status.getvalue().splitlines()
    call_command("analytics", "retry", batch=stuck.no, stdout=StringIO(), skip_checks=True)
    drained(redis, NOW)
    with scope.every_org():
        assert (Record.objects.count(), DeadLetter.objects.count()) == (302, 101)
    assert drain._stuck == {}
    assert redis.keys("*") == []
    with pytest.raises(CommandError, match=f"No batch {stuck.no} is waiting"):
        call_command("analytics", "retry", batch=stuck.no, stdout=StringIO(), skip_checks=True)


def test_rows_that_postgresql_refuses_are_found_by_halving_and_the_others_stored(committed, redis):
    organisations("UTC", "UTC")
    bad = {7: {"api_id": "nul\0"}, 64: {"status": 1 << 20}, 99: {"ip": "x"}}
    rows = [row(number, **bad.get(number, {})) for number in range(100)]
    with scope.every_org(), transaction.atomic():
        refused = store.store(rows, NOW, most_bad=3)
    assert refused == {7: "22021", 64: "22003", 99: "22P02"}
    with scope.every_org():
        assert sorted(Record.objects.values_list("id", flat=True)) == sorted(set(range(100)) - bad.keys())
        assert Rollup.objects.get(grain=Grain.DAY, dimension=Dimension.TOTAL).hits == 97
        with pytest.raises(store.TooManyBad), transaction.atomic():
            store.store([row(1000 + number, status=1 << 20) for number in range(10)], NOW, most_bad=3)
        assert Record.objects.count() == 97


def test_a_fault_of_the_server_is_never_taken_for_a_bad_record(committed, redis):
    organisations("UTC", "UTC")
    partitions.ensure({NOW.date()}, NOW)
    with scope.every_org(), pytest.raises(Exception, match="no partition"), transaction.atomic():
        # As if the partition were dropped between its making and the insert.
        with connections["owner"].cursor() as cursor, scope.nobody():
            cursor.execute("DROP TABLE rollup_k_202611")
        connection.cursor().execute("CREATE TEMP TABLE incoming (LIKE record) ON COMMIT DROP")
        store._store([row(1)], NOW)
    with scope.every_org():
        assert Record.objects.count() == 0
        with transaction.atomic():
            assert store.store([row(1)], NOW, most_bad=0) == {}
        assert Record.objects.count() == 1


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
    assert (state.counters, state.waiting) == ({"lost": 3}, 0)
    assert state.alarms["lost"]["text"] == "Redis has lost 3 records which gateways had pushed."


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


def test_what_waits_and_since_when_is_said_between_two_transactions(committed, redis, monkeypatch):
    organisations("UTC", "UTC")
    monkeypatch.setattr(drain, "CHUNKS", 1)
    monkeypatch.setattr(claim, "CHUNK", 2)
    redis.rpush(claim.LIST, *(entry(TimeStamp=[SECONDS - 40 + n, 0]) for n in range(5)))
    assert drain.tick(redis, clock_at(NOW)) is True
    state = IngestState.objects.get()
    assert (state.waiting, state.up_to) == (3, NOW - timedelta(seconds=38))
    drained(redis, NOW)
    state = IngestState.objects.get()
    assert (state.waiting, state.up_to) == (0, NOW - progress.FLUSH)


def test_an_api_has_500_endpoints_and_the_rest_counts_as_other(committed, redis):
    organisations("UTC", "UTC")
    redis.rpush(
        claim.LIST,
        *(entry(Path=f"/x{n}", TimeStamp=[SECONDS - 600 + n, 0]) for n in range(502)),
        *(entry(Path=f"/scan-{name}", ResponseCode=404) for name in "xyz"),
        entry(Path="/x0", ResponseCode=404),
        entry(Path="/e", APIID="api-two"),
    )
    drained(redis, NOW)
    redis.rpush(claim.LIST, entry(Path="/f"), entry(Path="/x1"))
    drained(redis, NOW)
    with scope.every_org():
        days = Rollup.objects.filter(grain=Grain.DAY_DETAIL, dimension=Dimension.ENDPOINT)
        assert dict(days.filter(api_id="api-one").values_list("value", "hits")) == {
            **{f"GET /x{n}": 2 if n < 2 else 1 for n in range(500)},
            "{other}": 3,
            "{unmatched}": 3,
        }
        assert list(days.filter(api_id="api-two").values_list("value", "hits")) == [("GET /e", 1)]
        assert Endpoint.objects.count() == 501
        others = Record.objects.filter(endpoint="{other}").values_list("path", flat=True)
        assert sorted(others) == ["/f", "/x500", "/x501"]


def test_an_organisation_has_50000_keys_a_day_and_the_rest_counts_as_other(committed, redis):
    organisations("Asia/Kathmandu", "UTC")
    midnight = datetime(2026, 11, 24, 18, 15, tzinfo=UTC)
    partitions.ensure({NOW.date()}, NOW)
    with scope.every_org(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO rollup SELECT %s, 'k', 6, '', %s, 'made-' || n, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, '' "
            "FROM generate_series(1, 49997) AS n",
            [recordings.ORG_A, midnight],
        )
    hashes = [f"{n:016x}" for n in range(1, 7)]
    redis.rpush(claim.LIST, *(entry(APIKey=key) for key in hashes[:5]))
    redis.rpush(claim.LIST, entry(APIKey=hashes[5], OrgID=recordings.ORG_B))
    drained(redis, NOW)
    redis.rpush(claim.LIST, entry(APIKey=hashes[0]), entry(APIKey=hashes[5]), entry())
    drained(redis, NOW)
    with scope.every_org():
        rows = Rollup.objects.filter(grain=Grain.DAY_DETAIL, dimension=Dimension.KEY).exclude(
            value__startswith="made-"
        )
        assert sorted(rows.values_list("org_id", "value", "hits")) == [
            (recordings.ORG_A, hashes[0], 2),
            (recordings.ORG_A, hashes[1], 1),
            (recordings.ORG_A, hashes[2], 1),
            (recordings.ORG_A, "{other}", 3),
            (recordings.ORG_B, hashes[5], 1),
        ]


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
