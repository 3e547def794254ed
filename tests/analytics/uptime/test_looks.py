"""What gateways find of upstreams: from their list into the database, each look once, whatever fails."""

import base64
from datetime import UTC, datetime, timedelta

import msgpack
import pytest
from django.db import connection

from dashboard.analytics.ingest import claim, housekeeping
from dashboard.analytics.ingest.entries import decode
from dashboard.analytics.models import Batch, IngestState, Uptime, UptimeHour
from dashboard.analytics.uptime import looks
from dashboard.analytics.uptime.looks import LIST
from orgs import scope

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 27, 8, 30, tzinfo=UTC)
URL = "http://up.example/ok"
# As gateway 3.0.12 wrote it, and 5.14.0 alike.
RECORDED = base64.b64decode(
    "jqNVUkzZIWh0dHA6Ly8xMjcuMC4wLjE6MTMwMDEvc3RhdHVzLzIwMKtSZXF1ZXN0VGltZQKsUmVzcG9uc2VDb2RlzMioVENQRXJy"
    "b3LCq1NlcnZlckVycm9ywqNEYXkXpU1vbnRoC6RZZWFyzQfqpEhvdXIVpk1pbnV0ZSipVGltZVN0YW1wks5rBLLhzjhbgi2oRXhw"
    "aXJlQXSSzwAAAAEm/NDhzjhbhiulQVBJSUTZIGFhYWEwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA2pU9yZ0lEuDVlOWQ5NTQ0"
    "YTFkY2Q2MDAwMWQwZWQyMA=="
)


def entry(org, minutes=0.0, **members):
    at = NOW - timedelta(minutes=minutes)
    record = {
        "URL": URL,
        "RequestTime": 4,
        "ResponseCode": 200,
        "TCPError": False,
        "ServerError": False,
        "Day": 27,
        "Minute": 30,
        "TimeStamp": [int(at.timestamp()), at.microsecond * 1000],
        "ExpireAt": [4949070049, 945522219],
        "APIID": "orders",
        "OrgID": org.id,
    }
    return msgpack.packb(record | members)


FAILED = {"ResponseCode": 500, "ServerError": True, "RequestTime": 6}
AWAY = {"ResponseCode": 521, "TCPError": True, "RequestTime": 9}


def tick(redis, now=NOW):
    looks.tick(redis, lambda: now)


def hours():
    with scope.every_org():
        rows = UptimeHour.objects.order_by("org_id", "api_id", "url", "ts")
        return list(rows.values_list("api_id", "url", "ts", "checks", "failures", "answered", "latency_sum"))


def latest():
    with scope.every_org():
        rows = Uptime.objects.order_by("org_id", "api_id", "url")
        return list(rows.values_list("api_id", "url", "at", "is_up", "status", "latency", "since"))


def left(redis):
    with scope.every_org():
        return redis.keys("*uptime-analytics*"), Batch.objects.count()


def ago(minutes):
    return NOW - timedelta(minutes=minutes)


def test_looks_are_summed_by_hour_and_the_last_is_kept_with_since_when(cast, redis):
    found = [
        entry(cast.acme, 40, **AWAY),
        entry(cast.acme, 20, **FAILED),
        entry(cast.acme, 10),
        entry(cast.acme, 5),
    ]
    redis.rpush(LIST, *found)
    tick(redis)
    seven, eight = NOW.replace(hour=7, minute=0), NOW.replace(minute=0)
    assert hours() == [("orders", URL, seven, 1, 1, 0, 0), ("orders", URL, eight, 3, 1, 3, 14)]
    assert latest() == [("orders", URL, ago(5), True, 200, 4, ago(10))]
    assert left(redis) == ([], 0)
    redis.rpush(LIST, entry(cast.acme, 4), entry(cast.acme, 60, **AWAY))
    tick(redis)
    # A look that comes late does not take back since when it is up.
    assert latest() == [("orders", URL, ago(4), True, 200, 4, ago(4))]
    redis.rpush(LIST, entry(cast.acme, 3, **AWAY))
    tick(redis)
    assert latest() == [("orders", URL, ago(3), False, 0, 9, ago(3))]
    redis.rpush(LIST, entry(cast.acme, 3.5))
    tick(redis)
    assert latest() == [("orders", URL, ago(3), False, 0, 9, ago(3))]
    redis.rpush(LIST, entry(cast.acme, 2, **FAILED))
    tick(redis)
    assert latest() == [("orders", URL, ago(2), False, 500, 6, ago(3))]


def test_each_organisation_has_its_own(cast, redis):
    redis.rpush(
        LIST, entry(cast.acme), entry(cast.globex, URL="http://theirs/"), entry(cast.globex, APIID="bills")
    )
    tick(redis)
    for org, expected in ((cast.acme, 1), (cast.globex, 2)):
        with scope.org(org.id):
            assert (Uptime.objects.count(), UptimeHour.objects.count()) == (expected, expected)
        with scope.org(org.id), connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*), count(DISTINCT org_id) FROM {Uptime._meta.db_table}")
            assert cursor.fetchone() == (expected, 1)


@pytest.mark.parametrize("fault", [(looks, "set_latest", 1), (looks, "set_latest", 2), (claim, "drop", 1)])
def test_a_crash_at_any_moment_loses_nothing_and_doubles_nothing(cast, redis, monkeypatch, fault):
    owner, name, call = fault
    monkeypatch.setattr(looks, "CHUNK", 2)
    redis.rpush(LIST, *[entry(cast.acme, minutes) for minutes in range(5)])
    original, calls = getattr(owner, name), []

    def failing(*arguments):
        calls.append(arguments)
        if len(calls) == call:
            raise RuntimeError("the machine is gone")
        return original(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, failing)
        with pytest.raises(RuntimeError):
            tick(redis)
    redis.rpush(LIST, entry(cast.acme, 6))
    tick(redis)
    assert sum(row[3] for row in hours()) == 6
    assert left(redis) == ([], 0)


def test_what_gateways_of_3_0_and_5_14_write_is_read(cast):
    assert looks.check(decode.decode_uptime(RECORDED), NOW) == looks.Check(
        looks.Target(
            "5e9d9544a1dcd60001d0ed20",
            "aaaa0000000000000000000000000006",
            "http://127.0.0.1:13001/status/200",
        ),
        datetime(2026, 11, 23, 21, 40, 49, 945521, UTC),
        True,
        True,
        200,
        2,
    )


def test_what_is_no_record_or_nobodys_or_too_old_is_left_out_and_hostile_content_is_stored_tame(cast, redis):
    class Stranger:
        id = "6b06e0000000000000000000"

    odd = {
        "URL": "http://a\0b/" + "\U0001f600" * 500,
        "APIID": "x" * 300,
        "RequestTime": -5,
        "ResponseCode": 70000,
    }
    ahead = [int(NOW.timestamp()) + 10**9, 0]
    entries = [b"", b"\xc1", msgpack.packb(["x"]), msgpack.packb({"TimeStamp": "x"}), entry(Stranger)]
    entries += [
        entry(cast.acme, 60 * 24 * 93),
        entry(cast.acme, TimeStamp=[-(10**15), 0]),
        entry(cast.acme, **odd),
    ]
    redis.rpush(LIST, *entries, entry(cast.acme, TimeStamp=ahead, URL="http://ahead/"))
    tick(redis)
    url = ("http://a\N{REPLACEMENT CHARACTER}b/" + "\U0001f600" * 500)[:400]
    assert latest() == [
        ("orders", "http://ahead/", NOW, True, 200, 4, NOW),
        ("x" * 200, url, NOW, False, 999, 0, NOW),
    ]
    assert left(redis) == ([], 0)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("http://ada:secret@up.example/a@b?c=d@e", "http://up.example/a@b?c=d@e"),
        ("https://ada:se@cret@up.example", "https://up.example"),
        ("ada:secret@up.example:80", "up.example:80"),
        ("http://" + "s" * 400 + "@up.example/", "http://up.example/"),
        ("http://up.example/?at=@", "http://up.example/?at=@"),
        ("http://up.example#@", "http://up.example#@"),
    ],
)
def test_a_user_and_a_password_in_a_url_are_not_kept(cast, url, kept):
    record = decode.decode_uptime(entry(cast.acme, URL=url))
    assert looks.check(record, NOW).target.url == kept


@pytest.mark.parametrize(
    ("members", "is_up"),
    [
        ({"ResponseCode": 404}, True),
        ({"ResponseCode": 499}, True),
        ({"ResponseCode": 500}, False),
        ({"ServerError": True}, False),
        ({"TCPError": True}, False),
    ],
)
def test_an_upstream_is_down_that_answers_with_a_fault_of_its_own_or_not_at_all(cast, members, is_up):
    assert looks.check(decode.decode_uptime(entry(cast.acme, **members)), NOW).is_up == is_up


def test_while_the_clock_is_in_doubt_all_stays_where_it_is(cast, redis):
    redis.rpush(LIST, entry(cast.acme))
    with scope.every_org():
        IngestState.objects.update(doubt="it says 1970")
    tick(redis)
    assert (redis.llen(LIST), latest()) == (1, [])


def test_what_is_older_than_the_hours_of_traffic_is_deleted_with_them(cast, redis):
    redis.rpush(
        LIST,
        entry(cast.acme, 60 * 24 * 90),
        entry(cast.acme, 60 * 24 * 90, URL="http://old/"),
        entry(cast.acme),
    )
    tick(redis)
    assert (len(hours()), len(latest())) == (3, 2)
    with scope.every_org():
        housekeeping._forget(NOW + timedelta(days=3), 92)
    assert ([row[2] for row in hours()], [row[1] for row in latest()]) == ([NOW.replace(minute=0)], [URL])
