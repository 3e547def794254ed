"""From a decoded record straight to its line: the same text as by way of a row, in a third of the time.

Pure. Nearly all records are ordinary: their numbers lie within the columns' ranges, their path has nothing to escape,
their other texts have been seen before. What becomes of a text is `clean`'s to say, and remembered by the text as it
came; a record with anything odd in it goes the long way by `clean`.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from dashboard.analytics.clock import EPOCH
from dashboard.analytics.ingest import endpoint
from dashboard.analytics.ingest.entries import clean
from dashboard.analytics.ingest.entries.clean import NULL, Line
from dashboard.analytics.ingest.entries.decode import GatewayRecord, Latency, McpCall

REMEMBERED = 20_000  # values of a member
LONGEST = 1_000  # characters of a value that is remembered: a client may send longer ones without end


class Memory(dict[Any, str]):
    """What was made of values before: found without a call. Emptied when it is full."""

    def __init__(self, make: Callable[[Any], str], length: Callable[[Any], int] = len):
        super().__init__()
        self.make, self.length = make, length

    def __missing__(self, value: Any) -> str:
        made = self.make(value)
        if self.length(value) <= LONGEST:
            if len(self) >= REMEMBERED:
                self.clear()
            self[value] = made
        return made


def _field(longest: int) -> Memory:
    return Memory(lambda value: clean.escape(clean.text(value, longest)))


def _endpoint(method: str, tracked: bool, path: str) -> str:
    name = endpoint.name(clean.text(method, clean.LONGEST_METHOD), path, tracked=tracked)
    return clean.escape(clean.text(name, endpoint.LONGEST))


_api_ids, _versions, _methods, _hosts = (_field(longest) for longest in (200, 100, clean.LONGEST_METHOD, 253))
_aliases, _oauths, _user_agents = (_field(longest) for longest in (200, 200, 300))
_keys = {hashed: Memory(partial(clean.key, hashed_keys=hashed)) for hashed in (False, True)}
_countries = Memory(clean.country)
_addresses = Memory(lambda value: clean.address(value) or NULL)
_tags = Memory(
    lambda tags: clean.escape(clean.array(tuple(clean.tags(tags)))), lambda tags: sum(map(len, tags))
)
_primitives = Memory(
    lambda call: clean.escape(clean.primitive(McpCall(True, *call))), lambda call: sum(map(len, call))
)
# Of a method, whether the path is tracked, and the path: without what is a value for certain, if not.
_endpoints = Memory(lambda named: _endpoint(*named), lambda named: len(named[0]) + len(named[2]))
_hours = Memory(lambda hour: f"{EPOCH + timedelta(hours=hour):%Y-%m-%dT%H:}", lambda hour: 0)
_IN_AN_HOUR = [f"{second // 60:02d}:{second % 60:02d}" for second in range(3600)]

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_is_ipv4 = re.compile(rf"(?:{_OCTET}\.){{3}}{_OCTET}").fullmatch
_OF_GATEWAY = frozenset(clean.GATEWAY_TAGS)
_OF_GATEWAY_LENGTH = 4
_FIRST_SECOND = 100_000_000  # in 1973: years have four digits
_UNMEASURED = Latency()


def lines(received_at: datetime, *, hashed_keys: bool) -> Callable[[GatewayRecord, int], Line]:
    """What makes the line of a record with an id.

    `received_at` (aware) is when the list was claimed; `hashed_keys` says that gateways hash keys.
    """
    # All of the last second is not too far ahead.
    end = int(received_at.timestamp()) + clean.AHEAD // timedelta(seconds=1)
    keys = _keys[hashed_keys]

    def line(record: GatewayRecord, row_id: int) -> Line:
        seconds, nanoseconds = record.time_stamp
        measured = record.latency or _UNMEASURED
        latency, upstream = measured.total or record.request_time, measured.upstream
        status, size = record.response_code, record.content_length
        org_id, path = record.org_id, record.raw_path or record.path
        if not (
            _FIRST_SECOND <= seconds < end
            and 0 <= nanoseconds <= 999_999_999
            and 0 <= latency <= clean.LARGEST_INT
            and 0 <= upstream <= clean.LARGEST_INT
            and 0 <= status <= clean.LARGEST_SMALLINT
            and size <= clean.LARGEST_BIGINT
            and len(org_id) <= 100
            and org_id.isalnum()
            and len(path) <= 2000
            and path.isprintable()
            and "\\" not in path
        ):
            return clean.line_of(clean.clean(record, row_id, received_at, hashed_keys=hashed_keys))
        microseconds = nanoseconds // 1000
        method, tracked, address = record.method, record.track_path, record.ip_address
        named = record.path if tracked else endpoint.without_numbers(path)
        mcp, called = record.mcp, ""
        if mcp and mcp.is_mcp:
            called = _primitives[mcp.method, mcp.primitive_type, mcp.primitive_name]
        tags = record.tags and [tag for tag in record.tags if tag[:_OF_GATEWAY_LENGTH] not in _OF_GATEWAY]
        text = (
            f"{org_id}\t{_hours[seconds // 3600]}{_IN_AN_HOUR[seconds % 3600]}"
            f"{f'.{microseconds:06d}' if microseconds else ''}+00:00\t{row_id}\t{NULL}\t{status}\t{latency}"
            f"\t{upstream}\t{'t' if latency or status < 400 else 'f'}\t{size if size > 0 else 0}"
            f"\t{_api_ids[record.api_id]}\t{_versions[record.api_version]}\t{_methods[method]}"
            f"\t{_hosts[record.host]}\t{'t' if tracked else 'f'}\t{_endpoints[method, tracked, named]}\t{path}"
            f"\t{keys[record.api_key]}\t{_aliases[record.alias]}\t{_oauths[record.oauth_id]}"
            f"\t{_countries[record.geo.country.iso_code] if record.geo else ''}"
            f"\t{_user_agents[record.user_agent]}\t{address if _is_ipv4(address) else _addresses[address]}"
            f"\t{_tags[tuple(tags)] if tags else '{}'}\t{called}\n"
        )
        return Line(org_id, seconds * 1_000_000 + microseconds, row_id, text)

    return line
