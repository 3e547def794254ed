"""From a record to a row without secrets."""

import hashlib
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dashboard.analytics import clock
from dashboard.analytics.ingest.entries import clean, decode, protobuf
from tests.analytics import recordings

RECEIVED = datetime(2026, 11, 25, 13, 0, tzinfo=UTC)
STAMP = (int(RECEIVED.timestamp()) - 3, 420_896_316)


def row(**members) -> clean.Row:
    record = decode.GatewayRecord(**{"time_stamp": STAMP, "response_code": 200} | members)
    return clean.clean(record, 7, RECEIVED, hashed_keys=True)


def test_a_recorded_record_becomes_the_row_one_would_write_by_hand():
    entry = recordings.entries("v5.14.0-mixed")[0]
    record = decode.decode(entry)
    received = datetime(2026, 11, 25, 12, 57, 20, tzinfo=UTC)
    assert clean.clean(record, 5 << 20, received, hashed_keys=True) == clean.Row(
        org_id=recordings.ORG_A,
        ts=datetime(2026, 11, 25, 12, 57, 18, 360525, tzinfo=UTC),
        id=5 << 20,
        sent_at=None,
        status=200,
        latency=5,
        upstream_latency=2,
        timed=True,
        size=0,
        api_id="aaaa0000000000000000000000000002",
        version="Non Versioned",
        method="GET",
        host="127.0.0.1:33081",
        track=False,
        endpoint="GET /items/{id}",
        path="/items/0",
        key="2e744064ed61c06a",
        alias="",
        oauth="",
        country="",
        user_agent="curl/8.1",
        ip="127.0.0.1",
        tags=("edge-a",),
        mcp="",
    )


@pytest.mark.parametrize("name", recordings.ALL)
def test_no_row_of_a_recording_keeps_a_raw_token_or_a_tag_that_repeats_it(name):
    for entry in recordings.entries(name):
        record = decode.decode(entry)
        cleaned = clean.clean(record, 1, RECEIVED, hashed_keys=True)
        assert not [tag for tag in cleaned.tags if tag.startswith(("key-", "org-", "api-"))]
        if len(record.api_key) == 56:
            assert cleaned.key == hashlib.sha256(record.api_key.encode()).hexdigest()
        else:
            assert cleaned.key == ("" if record.api_key == "00000000" else record.api_key)


@pytest.mark.parametrize(
    ("token", "hashed", "stored"),
    [
        ("", True, ""),
        ("00000000", True, ""),
        ("00000000", False, ""),
        ("9f1c22aa", True, "9f1c22aa"),
        ("2e744064ed61c06a", True, "2e744064ed61c06a"),
        ("a" * 32, True, "a" * 32),
        ("b" * 64, True, "b" * 64),
        ("b" * 64, False, hashlib.sha256(b"b" * 64).hexdigest()),
        ("A" * 32, True, hashlib.sha256(b"A" * 32).hexdigest()),
        ("a" * 24, True, hashlib.sha256(b"a" * 24).hexdigest()),
        ("my secret\x00", True, hashlib.sha256(b"my secret\x00").hexdigest()),
        ("9f1c22aa\n", True, hashlib.sha256(b"9f1c22aa\n").hexdigest()),
    ],
)
def test_only_what_is_shaped_like_a_hash_is_stored_as_it_is(token, hashed, stored):
    assert clean.key(token, hashed) == stored


def test_texts_lose_what_postgresql_refuses_and_are_cut():
    cleaned = row(path="/a\x00b\ud800", user_agent="u" * 400, host="h" * 400, alias="\x00")
    assert (cleaned.path, len(cleaned.user_agent), len(cleaned.host), cleaned.alias) == (
        "/a\ufffdb\ufffd", 300, 253, "\ufffd",
    )  # fmt: skip


@pytest.mark.parametrize("number", [-(1 << 63), -1, 0, 5, 1 << 31, (1 << 64) - 1])
def test_numbers_are_brought_into_the_range_of_their_columns(number):
    cleaned = row(content_length=number, response_code=number, latency=decode.Latency(number, number))
    assert (cleaned.size, cleaned.status, cleaned.latency, cleaned.upstream_latency) == (
        min(max(number, 0), (1 << 63) - 1),
        min(max(number, 0), 32_767),
        min(max(number, 0), (1 << 31) - 1),
        min(max(number, 0), (1 << 31) - 1),
    )


def test_the_latency_is_the_request_time_where_a_gateway_sends_no_latency():
    assert row(request_time=41).latency == 41
    assert row(request_time=41, latency=decode.Latency(40, 3)).latency == 40


@pytest.mark.parametrize(
    ("status", "latency", "timed"),
    [(200, 0, True), (403, 0, False), (500, 0, False), (500, 9, True), (429, 1, True)],
)
def test_refused_requests_are_not_timed_and_a_success_of_0_ms_is(status, latency, timed):
    assert row(response_code=status, request_time=latency).timed is timed


@pytest.mark.parametrize(("code", "stored"), [("DE", "DE"), ("de", ""), ("DEU", ""), ("D1", ""), ("", "")])
def test_a_country_is_two_capitals_or_nothing(code, stored):
    assert row(geo=decode.Geo(decode.Country(code))).country == stored


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("fe80::1%eth0", None),
        ("10.0.0.300", None),
        ("", None),
        ("::1\n", None),
    ],
)
def test_a_bad_address_is_no_address(value, stored):
    assert row(ip_address=value).ip == stored


def test_an_api_id_stays_as_long_as_a_definition_may_have_it():
    assert row(api_id="Z" * 200).api_id == "Z" * 200


@pytest.mark.parametrize(
    ("call", "stored"),
    [
        (None, ""),
        (decode.McpCall(), ""),
        (decode.McpCall(False, "tools/call", "tool", "forecast"), ""),
        (decode.McpCall(True), ""),
        (decode.McpCall(True, "initialize"), "initialize"),
        (decode.McpCall(True, "tools/list", "", "tools/list"), "tools/list"),
        (decode.McpCall(True, "tools/call", "tool", "tools/call"), "tools/call tool tools/call"),
        (decode.McpCall(True, "tools/call", "tool", "the forecast"), "tools/call tool the forecast"),
        (decode.McpCall(True, "tools /\u2003call", "to ol", " x "), "tools/call tool  x"),
        (decode.McpCall(True, "a" * 99, "b" * 99, "c" * 999), f"{'a' * 64} {'b' * 20} {'c' * 200}"),
        (decode.McpCall(True, "\0", "", "\ud800"), "\ufffd  \ufffd"),
    ],
)
def test_what_was_called_of_an_mcp_proxy_is_one_text_in_which_a_name_alone_has_spaces(call, stored):
    assert row(mcp=call).mcp == stored


@pytest.mark.parametrize(
    ("name", "read"), [(recordings.MCP, decode.decode), (recordings.MCP_PROTOBUF, protobuf.decode)]
)
def test_what_a_gateway_recorded_of_an_mcp_proxy_is_what_was_called(name, read):
    records = [read(entry) for entry in recordings.entries(name)]
    sent = "https://ann:pass-word@files.example/report?token=s3cret#part"
    assert records[1].mcp == decode.McpCall(True, "resources/read", "resource", sent)
    assert [clean.clean(record, 1, RECEIVED, hashed_keys=True).mcp for record in records] == [
        "tools/call tool fore cast",
        "resources/read resource https://files.example/report",
        "resources/read resource file:///a b",
        "prompts/get prompt greet",
        "tools/list",
        "initialize",
        "ping",
        "\ufffdother}",  # a client's name for a method, which is not the rest of them
        "tools/call tool {other}",
        "strange/method",
    ]


@pytest.mark.parametrize(
    ("uri", "stored"),
    [
        ("file:///a b", "file:///a b"),
        ("https://files.example:8443/v1/report", "https://files.example:8443/v1/report"),
        ("https://files.example/report?token=s3cret#part", "https://files.example/report"),
        ("https://files.example/report#token=s3cret?", "https://files.example/report"),
        ("/report?token=s3cret", "/report"),
        ("?token=s3cret", ""),
        ("https://ann:s3cret@files.example/@ann/x@y", "https://files.example/@ann/x@y"),
        ("https://s3cret@files.example", "https://files.example"),
        ("https://ann:s3@cret@files.example/", "https://files.example/"),
        (f"https://ann:s3cret{'s3cret' * 60}@files.example/", "https://files.example/"),
        ("https:/ann:s3cret@files.example/", "https:/files.example/"),
        ("https:\\\\ann:s3cret@files.example/", "files.example/"),
        ("ann:s3cret@files.example/report", "files.example/report"),
        ("//ann:s3cret@files.example/report", "//files.example/report"),
        ("jdbc:postgresql://ann:s3cret@files.example/", "jdbc:postgresql://files.example/"),
        ("https://ann:s3/cr/et@files.example/report", "https://files.example/report"),
        ("https://ann:8/s3@files.example/x", "https://ann:8/s3@files.example/x"),  # looks like a port
        ("//ann:s3/cret@files.example/report", "//files.example/report"),
        ("https://files.example/a@b", "https://files.example/a@b"),
        ("https://files.example:8443/a@b", "https://files.example:8443/a@b"),
        ("https://[2001:db8::1]:8443/a@b", "https://[2001:db8::1]:8443/a@b"),
        ("proxy://a.example/https://ann:s3cret@files.example/", "proxy://a.example/https://files.example/"),
    ],
)
def test_an_address_of_a_resource_is_kept_without_what_may_be_secret(uri, stored):
    call = decode.McpCall(True, "resources/read", "resource", uri)
    assert row(mcp=call).mcp == f"resources/read resource {stored}".rstrip()
    # What is no address is a name, whatever is in it.
    assert (
        row(mcp=decode.McpCall(True, "tools/call", "tool", "who@what?#")).mcp == "tools/call tool who@what?#"
    )


def test_tags_are_cut_in_number_and_length():
    cleaned = row(tags=["key-secret", "org-x", "api-y"] + [f"{n}" * 200 for n in range(30)])
    assert (len(cleaned.tags), {len(tag) for tag in cleaned.tags}) == (20, {100})


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ((int(RECEIVED.timestamp()) + 60, 0), (RECEIVED + timedelta(seconds=60), None)),
        ((int(RECEIVED.timestamp()) + 61, 0), (RECEIVED, RECEIVED + timedelta(seconds=61))),
        ((1 << 62, 0), (RECEIVED, clock.LATEST)),
        ((1 << 40, 0), (RECEIVED, clock.LATEST)),
        ((-(1 << 62), 0), (clock.EARLIEST, None)),
        ((0, -5), (datetime(1970, 1, 1, tzinfo=UTC), None)),
        ((0, 1 << 60), (datetime(1970, 1, 1, 0, 0, 0, 999_999, tzinfo=UTC), None)),
    ],
)
def test_a_stamp_too_far_ahead_is_kept_beside_the_time_of_receipt(stamp, expected):
    assert clean.moment(stamp, RECEIVED) == expected


@given(
    st.tuples(st.integers(-(1 << 63), (1 << 64) - 1), st.integers(-(1 << 63), (1 << 64) - 1)),
    st.sampled_from(sorted(available_timezones() - {"localtime", "Factory"})).map(ZoneInfo),
)
@example((1 << 40, 0), ZoneInfo("Pacific/Kiritimati"))
@example((-(1 << 40), 0), ZoneInfo("Pacific/Pago_Pago"))
def test_every_stamp_becomes_times_that_every_zone_can_show(stamp, zone):
    ts, sent_at = clean.moment(stamp, RECEIVED)
    assert ts <= RECEIVED + clean.AHEAD
    for instant in filter(None, (ts, sent_at)):
        assert instant.astimezone(zone).astimezone(UTC) == instant


def test_a_copy_line_escapes_what_the_format_reserves():
    mcp = decode.McpCall(True, "call\\ed", "", "a\tb")
    line = clean.copy_line(row(path='/a\tb\\c\nd\re"f', tags=['say "x"\\', "t\ta"], mcp=mcp))
    fields = line.split("\t")
    assert (len(fields), fields[15], fields[22], fields[23]) == (
        24,
        '/a\\tb\\\\c\\nd\\re"f',
        '{"say \\\\"x\\\\"\\\\\\\\","t\\ta"}',
        "call\\\\ed  a\\tb\n",
    )
