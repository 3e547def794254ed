"""From a gateway's bytes to a record."""

import struct

import msgpack
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.analytics.ingest.entries import decode
from tests.analytics import recordings

MEMBERS = [field.encode_name for field in msgspec.structs.fields(decode.GatewayRecord)]
MINIMAL = {"OrgID": recordings.ORG_A, "ResponseCode": 200, "TimeStamp": [1_795_470_227, 5]}


def packed(**changes) -> bytes:
    return msgpack.packb(MINIMAL | changes)


@pytest.mark.parametrize("name", [*recordings.ALL, recordings.MCP])
def test_every_recorded_record_decodes_strictly_to_what_another_decoder_reads(name):
    entries = recordings.entries(name)
    strict = msgspec.msgpack.Decoder(decode.GatewayRecord)
    for entry in entries:
        record, other = strict.decode(entry), recordings.loose(entry)
        assert msgspec.to_builtins(record) == {member: other.get(member) for member in MEMBERS} | {
            "Latency": {member: other["Latency"][member] for member in ("Total", "Upstream")},
            "Geo": {"Country": other["Geo"]["Country"]},
            "TimeStamp": tuple(other["TimeStamp"]),
        }
        assert decode.decode(entry) == record


def test_absent_members_get_defaults_and_unknown_ones_are_ignored():
    assert decode.decode(packed(Surprise={"deep": [1]})) == decode.GatewayRecord(
        org_id=recordings.ORG_A, response_code=200, time_stamp=(1_795_470_227, 5)
    )


@pytest.mark.parametrize(
    ("member", "wire", "read", "value"),
    [
        ("Path", None, "path", ""),
        ("Tags", None, "tags", None),
        ("MCPStats", None, "mcp", None),
        (
            "MCPStats",
            {"IsMCP": True, "JSONRPCMethod": b"tools/call", "PrimitiveType": None, "More": 1},
            "mcp",
            decode.McpCall(True, "tools/call"),
        ),
        ("Tags", ["a", None, b"b"], "tags", ["a", "b"]),
        ("Path", b"/caf\xc3\xa9", "path", "/café"),
        ("RequestTime", 12.0, "request_time", 12),
        ("RequestTime", 12.9, "request_time", 12),
        ("RequestTime", float("nan"), "request_time", 0),
        ("RequestTime", "12", "request_time", 12),
        ("ContentLength", (1 << 64) - 1, "content_length", (1 << 64) - 1),
        ("TimeStamp", msgpack.Timestamp(1_795_470_227, 7), "time_stamp", (1_795_470_227, 7)),
        ("TimeStamp", msgpack.Timestamp(-1, 999_999_999), "time_stamp", (-1, 999_999_999)),
        ("TimeStamp", [1_795_470_227.9, "5"], "time_stamp", (1_795_470_227, 5)),
        ("RequestTime", float("-inf"), "request_time", 0),
        ("RequestTime", -12.9, "request_time", -12),
        ("RequestTime", 1e18, "request_time", 10**18),
        ("RequestTime", -(1 << 63), "request_time", -(1 << 63)),
        ("RequestTime", "-12", "request_time", -12),
        ("TrackPath", 1, "track_path", True),
        ("TrackPath", "false", "track_path", False),
        ("Latency", None, "latency", None),
        ("Latency", {}, "latency", decode.Latency()),
        ("Latency", {"Total": 3.0, "Upstream": None}, "latency", decode.Latency(total=3)),
        ("Geo", {"Country": {"ISOCode": b"DE"}}, "geo", decode.Geo(decode.Country("DE"))),
        ("Tags", [], "tags", []),
        ("Tags", [None], "tags", []),
    ],
)
def test_odd_but_readable_members_are_read_leniently(member, wire, read, value):
    assert getattr(decode.decode(packed(**{member: wire})), read) == value


def test_invalid_utf8_is_replaced():
    entry = packed(Path="/a??b").replace(b"??", b"\xff\xfe")
    assert decode.decode(entry).path == "/a\ufffd\ufffdb"


def test_member_names_that_are_no_text_are_ignored():
    assert decode.decode(msgpack.packb(MINIMAL | {5: 1, b"Path": "/x", "Alias": None})).path == "/x"


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (b"", "not MessagePack (ValueError)"),
        (b"\xc1", "not MessagePack (FormatError)"),
        (b"\x93\x01\x02\x03", "not a map"),
        (packed() + b"\x01", "not MessagePack (ExtraData)"),
        (packed()[:-3], "not MessagePack (ValueError)"),
        (b"\xdd\xff\xff\xff\xff", "not MessagePack (ValueError)"),
        (b"\x91" * 100_000 + b"\x01", "not MessagePack (StackError)"),
        (packed(ResponseCode="two hundred"), "Expected `int`, got `str` - at `$.ResponseCode`"),
        (packed(ResponseCode={"a": 1}), "Expected `int`, got `object` - at `$.ResponseCode`"),
        (packed(TimeStamp=[1]), "Expected `array` of length 2, got 1 - at `$.TimeStamp`"),
        (packed(Tags="secret"), "Expected `array | null`, got `str` - at `$.Tags`"),
        (packed(APIKey=17), "Expected `str`, got `int` - at `$.APIKey`"),
        (packed(Path=msgpack.ExtType(5, b"x")), "Expected `str`, got `array` - at `$.Path`"),
        (struct.pack(">BI", 0xDF, 0xFFFFFFFF), "not MessagePack (ValueError)"),
        (b"\xc0", "not a map"),
        (b"\x01", "not a map"),
        (packed(RequestTime="1.5x"), "Expected `int`, got `str` - at `$.RequestTime`"),
        (packed(TrackPath="perhaps"), "Expected `bool`, got `str` - at `$.TrackPath`"),
        (packed(TrackPath=2), "Expected `bool`, got `int` - at `$.TrackPath`"),
        (packed(TimeStamp=[1, 2, 3]), "Expected `array` of length 2, got 3 - at `$.TimeStamp`"),
        (packed(TimeStamp=[1, None]), "Expected `array` of length 2, got 1 - at `$.TimeStamp`"),
        (packed(Tags=["a", 5]), "Expected `str`, got `int` - at `$.Tags[1]`"),
        (packed(Latency={"Total": "slow"}), "Expected `int`, got `str` - at `$.Latency.Total`"),
        (packed(Geo={"Country": "DE"}), "Expected `object`, got `str` - at `$.Geo.Country`"),
    ],
)
def test_what_is_no_record_is_refused_with_a_reason_that_quotes_nothing(entry, reason):
    with pytest.raises(decode.Undecodable) as caught:
        decode.decode(entry)
    assert str(caught.value) == reason


@given(st.binary(max_size=200))
def test_noise_is_refused_and_never_raises_anything_else(noise):
    try:
        decode.decode(noise)
    except decode.Undecodable:
        return
    assert isinstance(msgpack.unpackb(noise, strict_map_key=False, raw=True), dict)


def test_a_map_of_nothing_is_a_record_of_defaults():
    assert decode.decode(b"\x80") == decode.GatewayRecord()
    assert decode.decode(msgpack.packb({"Path": None, None: 5})) == decode.GatewayRecord()


def test_of_a_member_that_is_sent_twice_the_last_is_read_by_either_reader():
    twice = b"\x82" + (msgpack.packb("Path") + msgpack.packb("/a")) + msgpack.packb("Path")
    assert decode.decode(twice + msgpack.packb("/b")).path == "/b"
    assert decode.decode(twice + msgpack.packb(b"/b")).path == "/b"


def test_a_map_may_be_nested_as_deeply_as_a_reader_can_go_and_no_deeper_ends_in_a_fault():
    assert decode.decode(msgpack.packb(MINIMAL | {"Surprise": {"a": [[[[{"b": 1}]]]]}})).response_code == 200
    deep = msgpack.packb(MINIMAL | {"Path": b"/x"})
    deep = bytes([deep[0] + 1]) + deep[1:] + msgpack.packb("Surprise") + b"\x91" * 100_000 + b"\x01"
    with pytest.raises(decode.Undecodable, match=r"\Anot MessagePack \(StackError\)\Z"):
        decode.decode(deep)


def test_what_went_over_the_wire_is_read_only_when_it_is_asked_for():
    detailed = packed(RawRequest="QUJD", RawResponse="REVG")
    assert decode.decode_messages(detailed) == decode.Messages("QUJD", "REVG")
    assert decode.decode_messages(packed(RawRequest=b"QUJD", RawResponse=None)) == decode.Messages("QUJD", "")
    assert [decode.decode_messages(odd) for odd in (packed(RawRequest=[1]), b"noise", b"")] == [None] * 3
