"""From the bytes of a gateway that is set to protobuf (4.2 and later) to a record. Pure.

Their lists are named as the others with `_protobuf` behind. The message is AnalyticsRecord of the pump's
analytics.proto; members whose value is zero are left out.
"""

from collections.abc import Iterator
from typing import Any

from dashboard.analytics.ingest.entries.decode import (
    Country,
    GatewayRecord,
    Geo,
    Latency,
    McpCall,
    Messages,
    Undecodable,
)

_TEXTS = {
    1: "host",
    2: "method",
    3: "path",
    4: "raw_path",
    6: "user_agent",
    12: "api_key",
    14: "api_version",
    16: "api_id",
    17: "org_id",
    22: "ip_address",
    26: "alias",
    29: "oauth_id",
}
_NUMBERS = {5: "content_length", 11: "response_code", 18: "request_time"}
_MESSAGES = {20: "request", 21: "response"}
_TIME_STAMP, _LATENCY, _GEO, _TAGS, _TRACK_PATH, _MCP = 13, 19, 23, 25, 27, 33

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED = {_FIXED64: 8, _FIXED32: 4}


def decode(data: bytes) -> GatewayRecord:
    """One entry of a protobuf list as a record. Raises Undecodable."""
    record = GatewayRecord()
    tags = []
    for number, value in _fields(data):
        if number in _TEXTS:
            setattr(record, _TEXTS[number], _text(number, value))
        elif number in _NUMBERS:
            setattr(record, _NUMBERS[number], _number(number, value))
        elif number == _TAGS:
            tags.append(_text(number, value))
        elif number == _TIME_STAMP:
            record.time_stamp = _pair(number, value)
        elif number == _LATENCY:
            record.latency = Latency(*_pair(number, value))
        elif number == _TRACK_PATH:
            record.track_path = bool(_number(number, value))
        elif number == _GEO:
            country = _part(number, value).get(1, b"")
            record.geo = Geo(Country(_text(number, _part(number, country).get(1, b""))))
        elif number == _MCP:
            record.mcp = _mcp(_part(number, value))
    record.tags = tags or None
    return record


def decode_messages(data: bytes) -> Messages | None:
    """What an entry that is decoded says besides; None if that cannot be read."""
    found = [(number, value) for number, value in _fields(data) if number in _MESSAGES]
    try:
        return Messages(**{_MESSAGES[number]: _text(number, value) for number, value in found})
    except Undecodable:
        return None


def _mcp(part: dict[int, Any]) -> McpCall:
    return McpCall(
        bool(_number(1, part.get(1, 0))), *(_text(member, part.get(member, b"")) for member in (2, 3, 4))
    )


def _pair(number: int, value: Any) -> tuple[int, int]:
    """The first two fields of a message, both numbers."""
    part = _part(number, value)
    return _number(number, part.get(1, 0)), _number(number, part.get(2, 0))


def _part(number: int, value: Any) -> dict[int, Any]:
    return dict(_fields(_bytes(number, value)))


def _text(number: int, value: Any) -> str:
    return _bytes(number, value).decode("utf-8", "replace")


def _bytes(number: int, value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise Undecodable(f"field {number} is no text or message")
    return value


def _number(number: int, value: Any) -> int:
    if not isinstance(value, int):
        raise Undecodable(f"field {number} is no number")
    return value - (1 << 64) if value >> 63 else value


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field: a number of 64 bits without its sign, or bytes. Ours are never of fixed size."""
    at = 0
    try:
        while at < len(data):
            key, at = _varint(data, at)
            kind = key & 7
            if kind == _VARINT:
                number, at = _varint(data, at)
                yield key >> 3, number
                continue
            if kind == _BYTES:
                length, at = _varint(data, at)
            elif kind in _FIXED:
                length = _FIXED[kind]
            else:
                raise Undecodable("not protobuf (a field of an unknown kind)")
            if at + length > len(data):
                raise Undecodable("not protobuf (cut off)")
            if kind == _BYTES:
                yield key >> 3, data[at : at + length]
            at += length
    except IndexError:
        raise Undecodable("not protobuf (cut off)") from None


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins there, of 64 bits, and where it ends."""
    byte = data[at]
    if byte < 0x80:
        return byte, at + 1
    number = byte & 0x7F
    for shift in range(7, 70, 7):
        at += 1
        byte = data[at]
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number & ((1 << 64) - 1), at + 1
    raise Undecodable("not protobuf (a number without an end)")
