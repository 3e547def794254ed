"""Bodies from a gateway's list into the database, and what is not in it afterwards."""

import base64
import json
from datetime import timedelta

import msgpack
import psycopg
import pytest
from django.db import connection, transaction

from apis.publishing import publish
from dashboard.analytics.bodies import collecting, keeping
from dashboard.analytics.bodies.redaction.found import MARK
from dashboard.analytics.dimensions import BODIES, kept_for
from dashboard.analytics.ingest import claim, dead_letters, drain
from dashboard.analytics.ingest.upkeep import forgetting
from dashboard.analytics.models import DeadLetter, Record, RecordBody
from orgs import scope
from tests import make
from tests.analytics import recordings
from tests.analytics.arrivals import clock_at, drained, organisations
from tests.analytics.ingest.test_drain import NOW, SECONDS, entry


def wire(start: str, *headers: str, body: str = "") -> str:
    return base64.b64encode("\r\n".join([start, *headers, "", body]).encode()).decode()


def keep(org, *, enabled=True, headers=(), members=()):
    admin = make.user(f"admin-{make.User.everyone.count()}@{org.slug}.example", org, {"IsAdmin": "admin"})
    with scope.org(org.id), transaction.atomic():
        seen = keeping.of(org).change_number
        keeping.change(org, actor=admin, seen=seen, enabled=enabled, headers=headers, members=members)


def detailed(**members) -> bytes:
    return entry(
        RawRequest=wire("GET /a HTTP/1.1", "Host: a"),
        RawResponse=wire("HTTP/1.1 200 OK", body="fine"),
        **members,
    )


def stored() -> list[RecordBody]:
    with scope.every_org():
        return list(RecordBody.objects.order_by("id"))


def whole_database() -> str:
    """Every value of every table as text, binary columns in hexadecimal."""
    found = []
    with scope.every_org(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace "
            "AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND has_table_privilege(c.oid, 'SELECT')"
        )
        tables = [name for (name,) in cursor.fetchall()]
        assert {"record", "record_body", "orgs_auditentry", "dead_letter"} <= set(tables)
        for table in tables:
            cursor.execute(f"SELECT t::text FROM {table} t")
            found += [text for (text,) in cursor.fetchall()]
    return "\n".join(found)


def test_only_of_organisations_that_keep_them_bodies_are_stored(committed, redis, monkeypatch):
    alpha, _ = organisations("UTC", "UTC")
    keep(alpha)
    redis.rpush(
        claim.LIST,
        detailed(),
        detailed(OrgID=recordings.ORG_B),
        entry(),
        detailed(ResponseCode=-1),
        detailed(TimeStamp=[SECONDS + 3_600, 0]),
        detailed(TimeStamp=[SECONDS - kept_for(BODIES) // timedelta(seconds=1) - 86_400, 0]),
    )
    drained(redis, NOW)
    with scope.every_org():
        records = list(Record.objects.order_by("id"))
        assert len(records) == 5
    assert [(each.org_id, each.ts, each.id) for each in stored()] == [
        (each.org_id, each.ts, each.id) for each in (records[0], records[3])
    ]
    assert [(each.request, each.response) for each in stored()] == [
        ("GET /a HTTP/1.1\nHost: a\n", "HTTP/1.1 200 OK\n\nfine")
    ] * 2
    keep(alpha, enabled=False)
    redis.rpush(claim.LIST, detailed())
    drained(redis, NOW)
    assert len(stored()) == 2
    with scope.every_org():
        record_body = stored()[0]
        for number in range(1, 4):
            record_body.pk += number
            record_body.save(force_insert=True)
    monkeypatch.setattr(forgetting, "ROWS", 2)
    steps = forgetting.slices(NOW, lambda: timedelta(days=99))
    assert (next(steps), len(stored())) == (2, 3)
    # Somebody wants them again meanwhile.
    keep(alpha)
    assert (sum(steps), len(stored())) == (0, 3)
    keep(alpha, enabled=False)
    assert (sum(1 for _ in forgetting.slices(NOW, lambda: timedelta(days=99))), stored()) == (2, [])


@pytest.mark.parametrize("name", [claim.LIST, claim.LIST + claim.PROTOBUF])
def test_recorded_bodies_are_stored_by_either_serialiser(committed, redis, name):
    for org in organisations("UTC", "UTC"):
        keep(org)
    loose = [recordings.loose(each) for each in recordings.entries("v5.14.0-mixed")]
    with_detail = [each for each in loose if each["RawRequest"]]
    assert len(with_detail) == 60
    if name == claim.LIST:
        redis.rpush(name, *map(msgpack.packb, with_detail))
    else:
        redis.rpush(name, *map(in_protobuf, with_detail))
    drained(redis, NOW)
    with scope.every_org():
        statuses = dict(Record.objects.values_list("id", "status"))
    assert len(statuses) == 60
    assert {each.id: int(each.response.split()[1]) for each in stored()} == statuses


def in_protobuf(loose: dict) -> bytes:
    """An entry of a gateway that is set to protobuf, with what matters here."""

    def text(number: int, value: bytes) -> bytes:
        return varint(number << 3 | 2) + varint(len(value)) + value

    def varint(value: int) -> bytes:
        made = bytearray()
        while value > 0x7F:
            made.append(value & 0x7F | 0x80)
            value >>= 7
        return bytes([*made, value])

    stamp = text(13, varint(1 << 3) + varint(loose["TimeStamp"][0]))
    texts = {17: "OrgID", 16: "APIID", 2: "Method", 3: "Path", 20: "RawRequest", 21: "RawResponse"}
    parts = [text(number, loose[name].encode()) for number, name in texts.items()]
    return b"".join([stamp, varint(11 << 3) + varint(loose["ResponseCode"]), *parts])


@pytest.mark.parametrize("hashed", [True, False])
def test_planted_tokens_are_nowhere_in_the_database(committed, redis, settings, hashed):
    settings.GATEWAY_HASH_KEYS = hashed
    alpha, beta = organisations("UTC", "UTC")
    admin = make.user("ann@alpha.example", alpha, {"IsAdmin": "admin"})
    keep(alpha, headers=["X-Own"], members=["own_member"])
    keep(beta)
    with scope.org(alpha.id), transaction.atomic():
        definition = {
            "name": "One",
            "api_id": "api-one",
            "active": True,
            "auth": {"auth_header_name": "X-First"},
            "auth_configs": {
                "authToken": {
                    "auth_header_name": "X-Shop",
                    "use_param": True,
                    "param_name": "shop_param",
                    "use_cookie": True,
                    "cookie_name": "shop",
                },
                "jwt": {"auth_header_name": "X-Jwt-Place"},
            },
            "proxy": {"listen_path": "/one/", "target_url": "http://upstream.example/"},
            "version_data": {
                "not_versioned": False,
                "versions": {
                    "v2": {"name": "v2", "global_headers": {"X-Upstream-Pass-On": "unguessable-by-gateway"}}
                },
            },
        }
        api = publish.create(alpha.id, definition, author=admin)
        # Older requests are still under way.
        publish.change(api, {**definition, "auth": {"auth_header_name": "X-Second"}}, author=admin)
    tokens = {
        name: f"unguessable-{name}"
        for name in (
            *(
                "proxy",
                "cookie",
                "set-cookie",
                "api-key",
                "first",
                "second",
                "shop",
                "param",
                "cookie-value",
                "jwt",
            ),
            *(
                "own",
                "own-member",
                "password",
                "secret-form",
                "token-query",
                "path",
                "by-gateway",
                "response",
            ),
            "escaped",
        )
    }
    key = f"{recordings.ORG_A}{'0123456789abcdef' * 2}"
    request = wire(
        f"POST /a/{key}/{tokens['path']}?shop_param={tokens['param']}&access_token={tokens['token-query']} HTTP/1.1",
        f"Authorization: {key}",
        f"Proxy-Authorization: Bearer {tokens['proxy']}",
        f"Cookie: a=b; shop={tokens['cookie-value']}; session={tokens['cookie']}",
        f"x-api-key: {tokens['api-key']}",
        f"X-First: {tokens['first']}",
        f"X-Second: {tokens['second']}",
        f"X-SHOP: {tokens['shop']}",
        f"X-Jwt-Place: {tokens['jwt']}",
        f"X-Own: {tokens['own']}",
        f"X-Upstream-Pass-On: {tokens['by-gateway']}",
        f"X-Request-Secret: {tokens['path']}",
        f"Referer: https://a.example/?x={key}",
        body=json.dumps(
            {
                "password": tokens["password"],
                "own_member": tokens["own-member"],
                "log": json.dumps({"deep": json.dumps({"secret": tokens["escaped"]})}),
            }
        ),
    )
    response = wire(
        "HTTP/1.1 200 OK",
        f"Set-Cookie: id={tokens['set-cookie']}; Path=/",
        f"Location: /b#token={tokens['response']}",
        body=f"user=a&client_secret={tokens['secret-form']}&echo={key}&again={tokens['path']}",
    )
    odd = {"RawRequest": request, "RawResponse": response, "APIKey": key, "Tags": [f"key-{key}"]}
    redis.rpush(
        claim.LIST,
        entry(
            **odd
            | {"Path": f"/a/{key}/{tokens['path']}", "UserAgent": key, "Tags": [f"key-{key}", f"x-{key}"]}
        ),
        entry(
            OrgID=recordings.ORG_B,
            RawRequest=wire("GET /b HTTP/1.1", f"Authorization: {key}") + "!?",
            RawResponse="*" * 7,
        ),
        entry(OrgID="5e9d9544a1dcd60001d0ffff", **odd),
        entry(TimeStamp=[5, 0], **odd),
        entry(ResponseCode=key, **odd),
    )
    drained(redis, NOW)
    found = whole_database()
    [body, _] = stored()
    assert body.request.count(MARK) > 15
    assert body.response.startswith(
        f"HTTP/1.1 200 OK\nSet-Cookie: {MARK}\nLocation: /b#token={MARK}\n\nuser=a&client_"
    )
    with scope.every_org():
        assert Record.objects.get(org_id=alpha.id).path == f"/a/{MARK}/{MARK}"
        assert DeadLetter.objects.count() == 3
    # What an API puts in stands in its definition, and in nothing that was recorded.
    del tokens["by-gateway"]
    assert "unguessable-by-gateway" not in body.request
    assert [
        token for token in (key, *tokens.values()) if token in found or token.encode().hex() in found
    ] == []


ODD = (
    {"RawRequest": "no base64"},
    {"RawRequest": b"\xff\xfe", "RawResponse": [1]},
    {"RawRequest": {"a": "b"}},
    {"RawRequest": None},
    {"RawRequest": wire("\x00"), "APIID": "a\x00"},
    {"RawRequest": 5},
    {"RawRequest": wire("\x00\x01", "\x00: \x00", body="\x00" * 100)},
    {"RawRequest": wire("GET / HTTP/1.1", "Content-Encoding: gzip", body="no gzip")},
)


def test_whatever_a_body_is_its_record_is_stored(committed, redis):
    keep(organisations("UTC", "UTC")[0])
    redis.rpush(claim.LIST, *(entry(**odd) for odd in ODD), detailed())
    drained(redis, NOW)
    with scope.every_org():
        assert (Record.objects.count(), DeadLetter.objects.count()) == (len(ODD) + 1, 0)
    *_, marked, packed, good = stored()
    assert good.response == "HTTP/1.1 200 OK\n\nfine"
    assert packed.request.endswith("[binary: 7 bytes, of no stated type, packed as gzip]")
    assert "\0" not in marked.request


def test_a_word_that_stands_under_the_name_of_a_secret_stays_in_the_path(committed, redis):
    keep(organisations("UTC", "UTC")[0])
    redis.rpush(claim.LIST, entry(Path="/orders/7", RawRequest=wire("GET /orders/7?key=orders HTTP/1.1")))
    drained(redis, NOW)
    with scope.every_org():
        assert [record.endpoint for record in Record.objects.all()] == ["GET /orders/{id}"]
    assert [each.request for each in stored()] == [f"GET /{MARK}/7?key={MARK} HTTP/1.1\n"]


def test_a_fault_of_ours_leaves_the_body_out_and_not_the_record(committed, redis, monkeypatch, caplog):
    keep(organisations("UTC", "UTC")[0])
    monkeypatch.setattr(collecting, "redact", lambda *arguments: 1 // 0)
    redis.rpush(claim.LIST, detailed(Path="/kept"))
    drained(redis, NOW)
    with scope.every_org():
        assert [record.path for record in Record.objects.all()] == ["/kept"]
    assert stored() == []
    assert "What an entry recorded in detail is left out: ZeroDivisionError" in caplog.text


def test_what_the_database_refuses_of_bodies_holds_up_no_record(committed, redis, monkeypatch, caplog):
    keep(organisations("UTC", "UTC")[0])
    monkeypatch.setattr(collecting, "_storable", lambda text: text + "\0")
    redis.rpush(claim.LIST, detailed())
    drained(redis, NOW)
    with scope.every_org():
        assert (Record.objects.count(), stored()) == (1, [])
    assert "PostgreSQL refuses 1 bodies" in caplog.text


def test_bodies_are_stored_once_or_not_at_all_with_their_records(committed, redis, monkeypatch):
    keep(organisations("UTC", "UTC")[0])
    monkeypatch.setattr(collecting, "MOST_HELD", 10)  # each is written at once
    redis.rpush(claim.LIST, *(detailed() for _ in range(5)))
    settle = drain._settle

    def crash(*arguments):
        settle(*arguments)
        raise psycopg.OperationalError("gone")

    monkeypatch.setattr(drain, "_settle", crash)
    with pytest.raises(psycopg.OperationalError):
        drain.tick(redis, clock_at(NOW))
    assert stored() == []
    monkeypatch.setattr(drain, "_settle", settle)
    drained(redis, NOW)
    with scope.every_org():
        assert [each.id for each in stored()] == list(
            Record.objects.order_by("id").values_list("id", flat=True)
        )
    assert len(stored()) == 5


def test_a_record_that_is_retried_comes_back_with_its_body_and_none_stays_of_one_that_never_can(
    committed, redis, monkeypatch
):
    keep(organisations("UTC", "UTC")[0])
    monkeypatch.setattr(collecting, "MOST_HELD", 10)
    store = drain.store

    def refusing(lines, now, most_bad):
        return store(lines[1:], now, most_bad) | {lines[0].id: "22021"}

    monkeypatch.setattr(drain, "store", refusing)
    monkeypatch.setattr(drain, "refuse", lambda lines, now: {lines[0].id: "too_old"})
    secret = base64.b64encode(b"GET /a?token=canary-of-a-token HTTP/1.1\r\n\r\n").decode()
    entries = [{}, {"Path": "/a/canary-of-a-token", "RawRequest": secret}, {}]
    redis.rpush(
        claim.LIST, *(entry(RawResponse=wire("HTTP/1.1 200 OK", body="fine"), **each) for each in entries)
    )
    drained(redis, NOW)
    assert [each.id & 0xFF for each in stored()] == [1, 2]
    with scope.every_org():
        assert [each.id & 0xFF for each in Record.objects.order_by("id")] == [2]
        DeadLetter.objects.exclude(reason="database").delete()
        assert dead_letters.retry(NOW) == {"stored": 1, "left": 0}
        records = list(Record.objects.order_by("id"))
    assert [(each.id, each.ts) for each in stored()] == [(each.id, each.ts) for each in records]
    assert (stored()[0].response, len(records)) == ("HTTP/1.1 200 OK\n\nfine", 2)
    assert "canary-of-a-token" not in whole_database()
