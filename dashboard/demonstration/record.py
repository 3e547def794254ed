"""Analytics records in the bytes a Tyk gateway 5.14 pushes: a msgpack map of 35 members with Go's names.

Nearly all members of a record are those of many others, so each part is packed once and kept, and making a
record is joining parts: several times as fast as packing a dict for each.
"""

import struct
from datetime import datetime
from functools import cache

import msgpack

NO_KEY = "00000000"
CENTURY = 100 * 365 * 86_400  # Seconds which a gateway adds for a record that never expires.

_MAP_OF_35 = b"\xde\x00\x23"
# A time is [unix seconds, nanoseconds]: as a rule two uint32, but the expiry's seconds need 64 bits.
_TIMESTAMP = msgpack.packb("TimeStamp") + b"\x92"
_SECONDS_32 = struct.Struct(">BIBI")
_EXPIRY = msgpack.packb("ExpireAt") + b"\x92"
_SECONDS_64 = struct.Struct(">BQBI")


def members(**values: object) -> bytes:
    """Name and value of each, packed one behind the other."""
    return b"".join(msgpack.packb(name) + msgpack.packb(value) for name, value in values.items())


_TAIL = members(
    GraphQLStats={
        "Variables": "",
        "RootFields": None,
        "Types": None,
        "Errors": None,
        "OperationType": 0,
        "HasErrors": False,
        "IsGraphQL": False,
    },
    MCPStats={"IsMCP": False, "JSONRPCMethod": "", "PrimitiveType": "", "PrimitiveName": ""},
    CollectionName="",
)


def request(method: str, host: str, path: str) -> bytes:
    return members(Method=method, Host=host, Path=path, RawPath=path)


@cache
def body(length: int) -> bytes:
    return members(ContentLength=length)


@cache
def client(agent: str) -> bytes:
    return members(UserAgent=agent)


def date(hour: datetime) -> bytes:
    return members(Day=hour.day, Month=hour.month, Year=hour.year, Hour=hour.hour)


@cache
def status(code: int) -> bytes:
    return members(ResponseCode=code)


def key(key_hash: str) -> bytes:
    return members(APIKey=key_hash)


def api(name: str, api_id: str, org_id: str) -> bytes:
    return members(APIVersion="Non Versioned", APIName=name, APIID=api_id, OrgID=org_id, OauthID="")


@cache
def duration(total: int) -> bytes:
    return members(RequestTime=total, RawRequest="", RawResponse="")


def origin(address: str, country: str) -> bytes:
    return members(
        IPAddress=address,
        Geo={
            "Country": {"ISOCode": country},
            "City": {"GeoNameID": 0, "Names": None},
            "Location": {"Latitude": 0.0, "Longitude": 0.0, "TimeZone": ""},
        },
        Network={"OpenConnections": 0, "ClosedConnection": 0, "BytesIn": 0, "BytesOut": 0},
    )


@cache
def latency(total: int, gateway: int) -> bytes:
    """Both in ms; the rest of `total` was the upstream's."""
    return members(Latency={"Total": total, "Upstream": total - gateway, "Gateway": gateway})


def tags(key_hash: str, alias: str, api_id: str, org_id: str) -> bytes:
    return members(
        Tags=[f"key-{key_hash}", f"org-{org_id}", f"api-{api_id}"],
        Alias=alias,
        TrackPath=False,
    )


def route(listen_path: str, path: str) -> bytes:
    """`listen_path` ends with a slash, `path` begins with one."""
    return members(ApiSchema="", OriginalPath=listen_path[:-1] + path, ListenPath=listen_path)


def join(head: tuple, seconds: int, nanoseconds: int, middle: tuple, route: bytes) -> bytes:
    """One record.

    `head` is request, body, client, date, status, key; `middle` is api, duration, origin, latency, tags.
    """
    return b"".join(
        (
            _MAP_OF_35,
            *head,
            _TIMESTAMP,
            _SECONDS_32.pack(0xCE, seconds, 0xCE, nanoseconds),
            *middle,
            _EXPIRY,
            _SECONDS_64.pack(0xCF, seconds + CENTURY, 0xCE, nanoseconds),
            route,
            _TAIL,
        )
    )
