"""From a decoded record to a row that PostgreSQL takes and that holds no secret.

Pure: no database, no settings. Texts lose NUL and lone surrogates and are cut, numbers are brought into their
column's range, a raw token becomes its SHA-256, and the time is put where the record can be found again.
Nothing raises on odd content: what cannot be kept is replaced by the column's empty value.
"""

import hashlib
import ipaddress
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from dashboard.analytics.clock import EARLIEST, EPOCH, LATEST
from dashboard.analytics.ingest import endpoint
from dashboard.analytics.ingest.entries.decode import GatewayRecord, McpCall

TCP_STATUS = -1  # what the gateway writes once a second for a TCP service: not a request
AHEAD = timedelta(seconds=60)
LARGEST_INT = (1 << 31) - 1
LARGEST_BIGINT = (1 << 63) - 1
LARGEST_SMALLINT = (1 << 15) - 1
NO_KEY = "00000000"  # murmur32 of the empty token, which gateways that hash keys write for "no key"
LONGEST_METHOD = 32
LONGEST_CALL = 64
LONGEST_KIND = 20
TAGS = 20
GATEWAY_TAGS = ("key-", "org-", "api-")

_MICROSECOND = timedelta(microseconds=1)
_FIRST_SECOND = (EARLIEST - EPOCH) // timedelta(seconds=1)
_LAST_SECOND = (LATEST - EPOCH) // timedelta(seconds=1)
_HASH = re.compile(r"(?:[0-9a-f]{8}|[0-9a-f]{16}|[0-9a-f]{32}|[0-9a-f]{64})")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_COUNTRY = re.compile(r"[A-Z]{2}")
_USER = re.compile(r"(?:\A|(?<=:/)|(?<=//))[^/]*@")
# A password may hold a "/" that is not encoded. What then looks like a host and its port, "user:pa", is none where no
# number follows the colon: all up to the last "@" goes, for better too much of an address than some of a password.
# "host/a@b" and "host:8443/a@b" stay: without a colon, or with a port, "@" is far more often part of a path.
_USER_AND_SLASH = re.compile(r"(?:://|\A//)(?P<user>[^/:@\[]*:(?!\d{0,5}/)[^/@]*/)")


class Row(NamedTuple):
    """One row of the table `record`, in the order of its columns."""

    org_id: str
    ts: datetime
    id: int
    sent_at: datetime | None
    status: int
    latency: int
    upstream_latency: int
    timed: bool
    size: int
    api_id: str
    version: str
    method: str
    host: str
    track: bool
    endpoint: str
    path: str
    key: str
    alias: str
    oauth: str
    country: str
    user_agent: str
    ip: str | None
    tags: tuple[str, ...]
    mcp: str


class Line(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A row in PostgreSQL's COPY text format, with what has to be known of it before it is stored.

    `at`: its `ts` in microseconds since 1970 (UTC).
    """

    org_id: str
    at: int
    id: int
    text: str


def clean(record: GatewayRecord, row_id: int, received_at: datetime, *, hashed_keys: bool) -> Row:
    """A record as a row.

    `received_at` (aware) is when its list was claimed; `hashed_keys` says that gateways hash keys.
    """
    ts, sent_at = moment(record.time_stamp, received_at)
    measured = record.latency
    latency = within((measured.total if measured else 0) or record.request_time, LARGEST_INT)
    status = within(record.response_code, LARGEST_SMALLINT)
    method = text(record.method, LONGEST_METHOD)
    path = record.raw_path or record.path
    return Row(
        org_id=text(record.org_id, 100),
        ts=ts,
        id=row_id,
        sent_at=sent_at,
        status=status,
        latency=latency,
        upstream_latency=within(measured.upstream if measured else 0, LARGEST_INT),
        # A refused request carries latency 0, which is not how long it took; a success of 0 ms is real.
        timed=latency > 0 or status < 400,
        size=within(record.content_length, LARGEST_BIGINT),
        # As long as a definition may have it: one that is cut would be nobody's traffic.
        api_id=text(record.api_id, 200),
        version=text(record.api_version, 100),
        method=method,
        host=text(record.host, 253),
        track=record.track_path,
        endpoint=text(
            endpoint.name(method, record.path if record.track_path else path, tracked=record.track_path), 200
        ),
        path=text(path, 2000),
        key=key(record.api_key, hashed_keys),
        alias=text(record.alias, 200),
        oauth=text(record.oauth_id, 200),
        country=country(record.geo.country.iso_code) if record.geo else "",
        user_agent=text(record.user_agent, 300),
        ip=address(record.ip_address),
        tags=tuple(tags(record.tags)) if record.tags else (),
        mcp=primitive(record.mcp) if record.mcp else "",
    )


def within(number: int, largest: int) -> int:
    """The number brought into 0 … largest."""
    return min(max(number, 0), largest)


def text(value: str, longest: int) -> str:
    """The text without NUL and lone surrogates (U+FFFD instead), cut to `longest` characters."""
    return _UNSTORABLE.sub("\ufffd", value[:longest])


def key(token: str, hashed_keys: bool) -> str:
    """What is stored of a key: the gateway's hash as it is, else the SHA-256 of the token; "" for no key."""
    if token in ("", NO_KEY):
        return ""
    if hashed_keys and _HASH.fullmatch(token):
        return token
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def country(code: str) -> str:
    """Two capital letters (ISO 3166), else ""."""
    return code if _COUNTRY.fullmatch(code) else ""


def address(value: str) -> str | None:
    """An IPv4 or IPv6 address in its usual form, else None.

    A zone (`%eth0`) means nothing elsewhere and is refused.
    """
    try:
        return None if "%" in value else str(ipaddress.ip_address(value))
    except ValueError:
        return None


def tags(values: Iterable[str]) -> list[str]:
    """At most 20 tags of 100 characters, without those that repeat the key (which may be a token), org and
    API.
    """
    return [text(tag, 100) for tag in values if not tag.startswith(GATEWAY_TAGS)][:TAGS]


def primitive(call: McpCall) -> str:
    """What was called, as it is counted: JSON-RPC's method, what kind of primitive and which one, with a space between,
    "tools/call tool forecast"; "" for what is no call of MCP. Only a name may hold spaces, and none begins with the
    brace of what stands for several (OTHER). Of a method that calls no primitive, such as "ping", gateways of 5.14
    write it once more as the name."""
    if not call.is_mcp:
        return ""
    method, kind = (
        "".join(text(value, longest).split())
        for value, longest in ((call.method, LONGEST_CALL), (call.primitive_type, LONGEST_KIND))
    )
    method, name = method.replace("{", "\ufffd"), call.primitive_name
    if kind == "resource":
        name = without_secrets(name)
    elif not kind and name == call.method:
        name = ""
    return f"{method} {kind} {text(name, 200)}".rstrip(" ")


def without_secrets(uri: str) -> str:
    """An address without what may be a password or a token: query, fragment and user information (RFC 3986)."""
    uri = re.split("[?#]", uri, maxsplit=1)[0]
    found = _USER_AND_SLASH.search(uri)
    if found and "@" in uri[found.end() :]:
        uri = uri[: found.start("user")] + uri.rpartition("@")[2]
    return _USER.sub("", uri)


def moment(stamp: tuple[int, int], received_at: datetime) -> tuple[datetime, datetime | None]:
    """When a record happened, and the gateway's stamp where that was over 60 s ahead of `received_at`."""
    seconds, nanoseconds = stamp
    seconds = min(max(seconds, _FIRST_SECOND), _LAST_SECOND)
    microseconds = min(max(nanoseconds, 0), 999_999_999) // 1000
    sent_at = EPOCH + timedelta(seconds=seconds) + timedelta(microseconds=microseconds)
    if sent_at > received_at + AHEAD:
        return received_at, sent_at
    return sent_at, None


def line_of(row: Row) -> Line:
    """The row, ready to be copied."""
    return Line(row.org_id, microseconds(row.ts), row.id, copy_line(row))


def microseconds(instant: datetime) -> int:
    """Since 1970 (UTC)."""
    return (instant - EPOCH) // _MICROSECOND


def instant(at: int) -> datetime:
    """The inverse of `microseconds`, in UTC."""
    return EPOCH + at * _MICROSECOND


def copy_line(row: Row) -> str:
    """The row as a line of PostgreSQL's COPY text format (psycopg's own writer takes twice as long)."""
    sent_at = row.sent_at.isoformat() if row.sent_at else NULL
    return (
        f"{escape(row.org_id)}\t{row.ts.isoformat()}\t{row.id}\t{sent_at}\t{row.status}\t{row.latency}"
        f"\t{row.upstream_latency}\t{'t' if row.timed else 'f'}\t{row.size}\t{escape(row.api_id)}"
        f"\t{escape(row.version)}\t{escape(row.method)}\t{escape(row.host)}\t{'t' if row.track else 'f'}"
        f"\t{escape(row.endpoint)}\t{escape(row.path)}\t{row.key}\t{escape(row.alias)}\t{escape(row.oauth)}"
        f"\t{row.country}\t{escape(row.user_agent)}\t{row.ip or NULL}\t{escape(array(row.tags))}"
        f"\t{escape(row.mcp)}\n"
    )


NULL = "\\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def escape(value: str) -> str:
    """A text as a COPY field."""
    return value.translate(_ESCAPES)


def array(values: tuple[str, ...]) -> str:
    """Texts as PostgreSQL's array literal."""
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"
