"""From the bytes a gateway appended to its list to a record: strictly, then leniently, else Undecodable.

Gateways write a MessagePack map keyed by Go's member names with times as [seconds, nanoseconds]; the members
differ between versions, so unknown ones are ignored and absent ones get defaults. Only members that are
stored are named here.
"""

import math
from typing import Any, TypeVar

import msgpack
import msgspec


class Undecodable(ValueError):
    """These bytes are no analytics record.

    The text names the member at fault, never its value: it may be a secret.
    """


class Latency(msgspec.Struct, gc=False, rename={"total": "Total", "upstream": "Upstream"}):
    """Milliseconds: the whole request, and the upstream's part of it."""

    total: int = 0
    upstream: int = 0


class Country(msgspec.Struct, gc=False, rename={"iso_code": "ISOCode"}):
    """Where the client's address is registered."""

    iso_code: str = ""


class Geo(msgspec.Struct, gc=False, rename={"country": "Country"}):
    """The part of the gateway's geography that is stored."""

    country: Country = msgspec.field(default_factory=Country)


class McpCall(
    msgspec.Struct,
    gc=False,
    rename={
        "is_mcp": "IsMCP",
        "method": "JSONRPCMethod",
        "primitive_type": "PrimitiveType",
        "primitive_name": "PrimitiveName",
    },
):
    """What a request to an MCP proxy called: 5.14 and later write it, for other requests with empty members."""

    is_mcp: bool = False
    method: str = ""
    primitive_type: str = ""
    primitive_name: str = ""


class GatewayRecord(
    msgspec.Struct,
    gc=False,
    rename={
        "org_id": "OrgID",
        "api_id": "APIID",
        "time_stamp": "TimeStamp",
        "response_code": "ResponseCode",
        "request_time": "RequestTime",
        "latency": "Latency",
        "content_length": "ContentLength",
        "api_version": "APIVersion",
        "method": "Method",
        "host": "Host",
        "path": "Path",
        "raw_path": "RawPath",
        "track_path": "TrackPath",
        "api_key": "APIKey",
        "alias": "Alias",
        "oauth_id": "OauthID",
        "geo": "Geo",
        "user_agent": "UserAgent",
        "ip_address": "IPAddress",
        "tags": "Tags",
        "mcp": "MCPStats",
    },
):
    """One request as a gateway reports it.

    `time_stamp` is [seconds, nanoseconds] since 1970; latencies in milliseconds.
    """

    org_id: str = ""
    api_id: str = ""
    time_stamp: tuple[int, int] = (0, 0)
    response_code: int = 0
    request_time: int = 0
    latency: Latency | None = None
    content_length: int = 0
    api_version: str = ""
    method: str = ""
    host: str = ""
    path: str = ""
    raw_path: str = ""
    track_path: bool = False
    api_key: str = ""
    alias: str = ""
    oauth_id: str = ""
    geo: Geo | None = None
    user_agent: str = ""
    ip_address: str = ""
    tags: list[str] | None = None
    mcp: McpCall | None = None


class UptimeRecord(
    msgspec.Struct,
    gc=False,
    rename={
        "org_id": "OrgID",
        "api_id": "APIID",
        "url": "URL",
        "time_stamp": "TimeStamp",
        "response_code": "ResponseCode",
        "request_time": "RequestTime",
        "tcp_error": "TCPError",
        "server_error": "ServerError",
    },
):
    """One look at whether an upstream answers, as a gateway reports it; `request_time` in milliseconds."""

    org_id: str = ""
    api_id: str = ""
    url: str = ""
    time_stamp: tuple[int, int] = (0, 0)
    response_code: int = 0
    request_time: int = 0
    tcp_error: bool = False
    server_error: bool = False


class Messages(msgspec.Struct, gc=False, rename={"request": "RawRequest", "response": "RawResponse"}):
    """What went over the wire, of an entry recorded in detail: in base64, else empty."""

    request: str = ""
    response: str = ""


_strict = msgspec.msgpack.Decoder(GatewayRecord)
_strict_uptime = msgspec.msgpack.Decoder(UptimeRecord)
_strict_messages = msgspec.msgpack.Decoder(Messages)
Record = TypeVar("Record", GatewayRecord, UptimeRecord, Messages)
_LENIENT_ERRORS = (
    msgspec.MsgspecError,
    msgpack.UnpackException,
    ValueError,
    TypeError,
    OverflowError,
    RecursionError,
)


def decode(data: bytes) -> GatewayRecord:
    """One entry of a gateway's list as a record. Raises Undecodable."""
    try:
        return _strict.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return _decode_leniently(data, GatewayRecord)


def decode_uptime(data: bytes) -> UptimeRecord:
    """One entry of the list of uptime tests as a record. Raises Undecodable."""
    try:
        return _strict_uptime.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return _decode_leniently(data, UptimeRecord)


def decode_messages(data: bytes) -> Messages | None:
    """What an entry that is decoded says besides; None if that cannot be read."""
    try:
        return _strict_messages.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        try:
            return _decode_leniently(data, Messages)
        except Undecodable:
            return None


def _decode_leniently(data: bytes, kind: type[Record]) -> Record:
    try:
        loose = msgpack.unpackb(data, raw=False, unicode_errors="replace", strict_map_key=False)
        if not isinstance(loose, dict):
            raise Undecodable("not a map")
        return msgspec.convert(_plain(loose), kind, strict=False)
    except Undecodable:
        raise
    except msgspec.ValidationError as error:
        raise Undecodable(f"{error}"[:200]) from None
    except _LENIENT_ERRORS as error:
        # The texts of these errors may quote the bytes at fault, hence only the kind.
        raise Undecodable(f"not MessagePack ({type(error).__name__})") from None


def _plain(value: Any) -> Any:
    """The value with bytes as text, nulls left out, whole numbers for fractions and pairs for timestamps."""
    if isinstance(value, dict):
        return {str(_plain(key)): _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value if item is not None]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, float):
        return int(value) if math.isfinite(value) else 0
    if isinstance(value, msgpack.Timestamp):
        return [value.seconds, value.nanoseconds]
    return value
