"""A large installation's traffic: 50 organisations, 500 APIs, 20,000 keys; always the same for a seed.

Pure. Entries are what a gateway of 3.0 would push, with all of its 29 members, of about 1,000 bytes.
"""

from bisect import bisect
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from itertools import accumulate
from random import Random

import msgspec

ORGANISATIONS = 50
APIS = 500
KEYS = 20_000
PATHS = ("/orders", "/orders/{}", "/products/{}/reviews", "/search", "/customers/{}", "/invoices/{}/lines/{}")
CODES = (200,) * 86 + (201,) * 4 + (404,) * 4 + (401, 403, 429, 429, 500, 503)
REFUSED = (401, 403, 429)
AGENTS = tuple(
    f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/{n}.0.0.0 Safari/537.36"
    for n in range(90, 130)
)
OWN_TAGS = ("edge-", "plan-")
COUNTRIES = ("DE", "FR", "US", "IN", "BR", "JP", "")

ORG_IDS = tuple(f"{0x5E9D0000 + number:08x}{number:016x}" for number in range(ORGANISATIONS))
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC", "Australia/Sydney")

_pack = msgspec.msgpack.Encoder().encode


def shares(count: int, exponent: float) -> list[float]:
    return list(accumulate(1 / rank**exponent for rank in range(1, count + 1)))


class World:
    """Who calls what, drawn once; `entries` then makes records of any span.

    plain: the same records, but without a country and without tags of their own.
    """

    def __init__(self, seed: int, plain: bool = False):
        self.seed, self.plain = seed, plain
        self._orgs = shares(ORGANISATIONS, 1.0)  # the largest has 22 %
        self._apis = shares(APIS // ORGANISATIONS, 1.0)
        self._keys = shares(KEYS // ORGANISATIONS, 1.1)

    def entries(self, count: int, start: datetime, end: datetime) -> Iterator[bytes]:
        """So many records evenly over the span, in the order of time."""
        draw = Random(self.seed)  # noqa: S311
        first, length = start.timestamp(), (end - start).total_seconds()
        for number in range(count):
            moment = first + length * (number + draw.random()) / count
            record = self._record(draw, moment)
            if self.plain:
                record["Tags"] = [tag for tag in record["Tags"] if not tag.startswith(OWN_TAGS)]
                record["Geo"]["Country"]["ISOCode"] = ""
            yield _pack(record)

    def _record(self, draw: Random, moment: float) -> dict:
        org = bisect(self._orgs, draw.random() * self._orgs[-1])
        api = org * 1000 + bisect(self._apis, draw.random() * self._apis[-1])
        key = org * 100_000 + bisect(self._keys, draw.random() * self._keys[-1])
        code = draw.choice(CODES)
        total = 0 if code in REFUSED else int(draw.lognormvariate(4.2, 0.9))
        path = draw.choice(PATHS).format(draw.randrange(100_000), draw.randrange(50))
        hashed = sha256(f"{key}".encode()).hexdigest() if code != 401 else "00000000"
        api_id, org_id = f"{api:032x}", ORG_IDS[org]
        return {
            "Method": "POST" if code == 201 else "GET",
            "Host": f"upstream-{api}.internal.example:8080",
            "Path": path,
            "RawPath": path,
            "ContentLength": draw.randrange(4_000),
            "UserAgent": draw.choice(AGENTS),
            "Day": 25,
            "Month": 11,
            "Year": 2026,
            "Hour": 14,
            "ResponseCode": code,
            "APIKey": hashed,
            "TimeStamp": [int(moment), int(moment % 1 * 1e9)],
            "APIVersion": "Non Versioned",
            "APIName": f"API number {api}",
            "APIID": api_id,
            "OrgID": org_id,
            "OauthID": "",
            "RequestTime": total,
            "Latency": {"Total": total, "Upstream": max(0, total - 2)},
            "RawRequest": "",
            "RawResponse": "",
            "IPAddress": f"10.{org}.{draw.randrange(256)}.{draw.randrange(256)}",
            "Geo": {
                "Country": {"ISOCode": draw.choice(COUNTRIES)},
                "City": {"Names": None},
                "Location": {"Latitude": 0.0, "Longitude": 0.0, "TimeZone": ""},
            },
            "Network": {"OpenConnections": 0, "ClosedConnection": 0, "BytesIn": 0, "BytesOut": 0},
            "Tags": ["edge-a", f"plan-{key % 5}", f"key-{hashed}", f"org-{org_id}", f"api-{api_id}"],
            "Alias": f"caller {key}",
            "TrackPath": False,
            "ExpireAt": [int(moment) + 3_153_600_000, 0],
        }
