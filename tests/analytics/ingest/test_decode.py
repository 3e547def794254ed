"""From a gateway's bytes to a record."""

import struct

import msgpack
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.analytics.ingest import decode
from tests.analytics import recordings

MEMBERS = [field.encode_name for field in msgspec.structs.fields(decode.GatewayRecord)]
MINIMAL = {"OrgID": recordings.ORG_A, "ResponseCode": 200, "TimeStamp": [1_795_470_227, 5]}


def packed(**changes) -> bytes:
    return msgpack.packb(MINIMAL | changes)


@pytest.mark.parametrize("name", recordings.ALL)
def test_every_recorded_record_decodes_strictly_to_what_another_decoder_reads(name):
    entries = recordings.entries(name)
    strict = msgspec.msgpack.Decoder(decode.GatewayRecord)
    for entry in entries:
        record, other = strict.decode(entry), recordings.loose(entry)
        assert msgspec.to_builtins(record) == {member: other[member] for member in MEMBERS} | {
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
        ("Tags", ["a", None, b"b"], "tags", ["a", "b"]),
        ("Path", b"/caf\xc3\xa9", "path", "/café"),
        ("RequestTime", 12.0, "request_time", 12),
        ("RequestTime", 12.9, "request_time", 12),
        ("RequestTime", float("nan"), "request_time", 0),
        ("RequestTime", "12", "request_time", 12),
        ("ContentLength", (1 << 64) - 1, "content_length", (1 << 64) - 1),
        ("TimeStamp", msgpack.Timestamp(1_795_470_227, 7), "time_stamp", (1_795_470_227, 7)),
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
