"""From the bytes of a gateway that is set to protobuf to a record."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.analytics.ingest.entries import decode, protobuf
from tests.analytics import recordings

NUMBERS = {"content_length": 5, "response_code": 11, "request_time": 18, "track_path": 27}
TEXTS = {
    "host": 1,
    "method": 2,
    "path": 3,
    "raw_path": 4,
    "user_agent": 6,
    "api_key": 12,
    "api_version": 14,
    "api_id": 16,
    "org_id": 17,
    "ip_address": 22,
    "alias": 26,
    "oauth_id": 29,
}

WHOLE = recordings.entries(recordings.PROTOBUF)[0]


def varint(number: int) -> bytes:
    number %= 1 << 64
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*written, number])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value) if value else b""


def part(field: int, value: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(value)) + value


def written(record: decode.GatewayRecord) -> bytes:
    """A record as a gateway writes it, which leaves out what is zero; with members that are not stored in between."""
    fields = [number(field, getattr(record, name)) for name, field in NUMBERS.items()]
    fields += [part(field, text.encode()) for name, field in TEXTS.items() if (text := getattr(record, name))]
    fields += [part(25, tag.encode()) for tag in record.tags or ()]
    fields += [
        number(7, 25),
        part(15, b"name"),
        part(24, b""),
        part(30, b"Local"),
        b"\x05four",
        b"\x09eight888",
    ]
    fields.append(part(13, number(1, record.time_stamp[0]) + number(2, record.time_stamp[1])))
    if record.latency:
        fields.append(part(19, number(1, record.latency.total) + number(2, record.latency.upstream)))
    if record.geo:
        country = part(1, record.geo.country.iso_code.encode()) if record.geo.country.iso_code else b""
        fields.append(part(23, part(1, country) + part(2, b"") + part(3, b"")))
    if record.mcp:
        calls = enumerate((record.mcp.method, record.mcp.primitive_type, record.mcp.primitive_name), 2)
        called = b"".join(part(field, text.encode()) for field, text in calls if text)
        fields.append(part(33, number(1, record.mcp.is_mcp) + called))
    return b"".join(fields)


def test_a_recorded_record_is_what_one_reads_by_hand():
    assert protobuf.decode(WHOLE) == decode.GatewayRecord(
        org_id=recordings.ORG_B,
        api_id="bbbb0000000000000000000000000001",
        time_stamp=(1_795_611_454, 630_251_174),
        response_code=200,
        request_time=1,
        latency=decode.Latency(1, 0),
        api_version="Non Versioned",
        method="DELETE",
        host="127.0.0.1:33081",
        path="/items/1",
        raw_path="/items/1",
        api_key="00000000",
        geo=decode.Geo(),
        ip_address="127.0.0.1",
        tags=["edge-b", "key-00000000", f"org-{recordings.ORG_B}", "api-bbbb0000000000000000000000000001"],
    )


def test_every_recorded_record_says_the_same_of_itself_twice():
    for entry in recordings.entries(recordings.PROTOBUF):
        record = protobuf.decode(entry)
        assert {f"org-{record.org_id}", f"api-{record.api_id}"} <= set(record.tags)
        assert record.request_time == record.latency.total >= record.latency.upstream
        assert all(getattr(record, name).encode() in entry for name in TEXTS)


@pytest.mark.parametrize("name", [*recordings.ALL, recordings.MCP])
def test_records_of_the_other_serialiser_written_as_protobuf_are_read_as_the_same(name):
    for entry in recordings.entries(name):
        record = decode.decode(entry)
        record.tags = record.tags or None
        assert protobuf.decode(written(record)) == record


def test_numbers_have_signs_and_64_bits():
    record = decode.GatewayRecord(
        response_code=-1,
        content_length=(1 << 63) - 1,
        request_time=-(1 << 63),
        time_stamp=(-62_135_596_800, 5),
        mcp=decode.McpCall(True, "tools/call", "tool", "forecast"),
    )
    assert protobuf.decode(written(record)) == record


def test_invalid_utf8_is_replaced_and_of_a_field_sent_twice_the_last_counts():
    assert protobuf.decode(part(3, b"/a\xff") + part(2, b"GET") + part(2, b"PUT")) == decode.GatewayRecord(
        path="/a\ufffd", method="PUT"
    )


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (b"\x80", "not protobuf (cut off)"),
        (b"\x0a\x05ab", "not protobuf (cut off)"),
        (b"\x09abc", "not protobuf (cut off)"),
        (b"\x0b", "not protobuf (a field of an unknown kind)"),
        (b"\xff" * 11, "not protobuf (a number without an end)"),
        (varint(12 << 3) + b"\x05", "field 12 is no text or message"),
        (part(11, b"secret"), "field 11 is no number"),
        (part(13, part(1, b"secret")), "field 13 is no number"),
        (part(23, number(1, 5)), "field 23 is no text or message"),
    ],
)
def test_what_is_no_record_is_refused_with_a_reason_that_quotes_nothing(entry, reason):
    with pytest.raises(decode.Undecodable) as caught:
        protobuf.decode(entry)
    assert str(caught.value) == reason


@given(st.binary(max_size=200), st.integers(0, 400))
def test_noise_and_what_is_cut_off_never_raise_anything_else(noise, end):
    for entry in (noise, WHOLE[:end] + noise):
        try:
            assert isinstance(protobuf.decode(entry), decode.GatewayRecord)
        except decode.Undecodable as error:
            assert len(str(error)) < 60


def test_what_went_over_the_wire_is_read_only_when_it_is_asked_for():
    messages = protobuf.decode_messages(WHOLE + b"\xa2\x01\x03QUJ" + b"\xaa\x01\x02\xff=")
    assert messages == decode.Messages("QUJ", "\ufffd=")
    assert protobuf.decode_messages(b"\xa0\x01\x05") is None
    assert protobuf.decode_messages(b"") == decode.Messages("", "")
