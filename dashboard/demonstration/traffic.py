"""Plausible traffic: for any hour the records which gateways would have pushed, always the same for one seed.

Pure: no clock, no database. An hour depends on nothing but the seed and the organisations, so that four weeks
can be made in any order, stopped anywhere, taken up again, and continued into the present.
"""

from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import accumulate
from math import exp, log, sqrt
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from dashboard.demonstration import catalogue, record

HOUR = timedelta(hours=1)
RECORDS_PER_HOUR = 200_000 / (28 * 24)  # of all organisations together, over whole weeks
POOL = 240  # Distinct ids of each endpoint.
MOST_MS = 30_000

# Of the requests to an API with keys, cumulated.
WITHOUT_KEY = 0.012  # 401
UNKNOWN_KEY = 0.019  # 403
WRONG_API = 0.023  # 403, of a key that has no right to this API
GATEWAY_FAILS = 0.0012  # 500 without a key: the gateway found no upstream
OVER_LIMIT = 0.16  # 429, of a key that often meets its limit
SLOW = 0.012  # Requests in the heavy tail.

Chances = tuple[tuple[float, int], ...]  # (probability, status)
# Answers of the upstream that are not a success, cumulated.
UPSTREAM_FAILURES = ((0.0009, 503), (0.0022, 500), (0.0028, 502))
CALLER_MISTAKES = {"GET": ((0.018, 404),), "POST": ((0.009, 400), (0.014, 422)), "DELETE": ((0.02, 409),)}
SUCCESS = {"GET": 200, "POST": 201, "PUT": 200, "PATCH": 200, "DELETE": 204}
INCIDENT_FAILURES = ((0.16, 503), (0.27, 502), (0.34, 504))
INCIDENT_SLOWER = 6.0


@dataclass(frozen=True)
class Incident:
    """An upstream in trouble: raised 5xx and latency on one API."""

    api_id: str
    begins: datetime
    lasts: timedelta

    def covers(self, api_id: str, seconds: float) -> bool:
        begin = self.begins.timestamp()
        return api_id == self.api_id and begin <= seconds < begin + self.lasts.total_seconds()


@dataclass(frozen=True)
class Tenant:
    """An organisation of the catalogue with the ids it got: APIs by name, hashes of keys by alias."""

    org_id: str
    organisation: catalogue.Organisation
    api_ids: dict[str, str]
    key_hashes: dict[str, str]

    @cached_property
    def rhythm(self) -> list[list[float]]:
        """Records in each local hour of each weekday, Monday first."""
        hours, weekdays = self.organisation.hours, self.organisation.weekdays
        mean = sum(hours) * sum(weekdays) / (24 * 7)
        scale = RECORDS_PER_HOUR * self.organisation.share / mean
        return [[day * hour * scale for hour in hours] for day in weekdays]


class Traffic:
    """`hour(start)` and `volume(start)` for whole hours; `start` is aware and on the hour in UTC."""

    def __init__(self, tenants: list[Tenant], seed: int, incident: Incident | None = None):
        self.seed = seed
        self.incident = incident
        self.tenants = tenants
        self._apis = {tenant.org_id: _tables(tenant) for tenant in tenants}

    def volume(self, start: datetime) -> int:
        """Number of records of the hour, without making them."""
        return sum(self._volume(tenant, start) for tenant in self.tenants)

    def hour(self, start: datetime) -> Iterator[tuple[float, bytes]]:
        """Unix seconds and bytes of each record of the hour, in the order of time."""
        made = [made for tenant in self.tenants for made in self._records(tenant, start)]
        return iter(sorted(made))

    def _draw(self, tenant: Tenant, start: datetime, purpose: str) -> Random:
        return Random(f"{self.seed} {purpose} {tenant.organisation.slug} {start.timestamp():.0f}")  # noqa: S311

    def _volume(self, tenant: Tenant, start: datetime) -> int:
        local = start.astimezone(ZoneInfo(tenant.organisation.zone))
        expected = tenant.rhythm[local.weekday()][local.hour]
        draw = self._draw(tenant, start, "volume")
        return max(0, round(draw.gauss(expected, sqrt(expected) + 0.05 * expected)))

    def _records(self, tenant: Tenant, start: datetime) -> Iterator[tuple[float, bytes]]:
        apis, weights = self._apis[tenant.org_id]
        if not apis:
            return
        draw = self._draw(tenant, start, "records")
        date = record.date(start.astimezone(UTC))
        begin = int(start.timestamp())
        for _ in range(self._volume(tenant, start)):
            offset = draw.random() * 3600
            api = _pick(draw, apis, weights)
            seconds = begin + int(offset)
            in_trouble = self.incident is not None and self.incident.covers(api.api_id, begin + offset)
            yield begin + offset, api.record(draw, date, seconds, int(offset % 1 * 1e9), in_trouble)


def _tables(tenant: Tenant) -> tuple[list["_Api"], list[float]]:
    apis = [
        _Api(tenant, api) for api in tenant.organisation.apis if api.active and api.name in tenant.api_ids
    ]
    return apis, _zipf(len(apis), 0.9)


def _zipf(count: int, exponent: float) -> list[float]:
    """Cumulated weights 1/rank^exponent."""
    return list(accumulate(1 / rank**exponent for rank in range(1, count + 1)))


def _pick(draw: Random, rows: list[Any], cumulated: Sequence[float]) -> Any:
    return rows[bisect(cumulated, draw.random() * cumulated[-1])]


class _Caller:
    """Whoever sends requests to one API: its parts of a record."""

    def __init__(self, tenant: Tenant, api_id: str, key_hash: str, alias: str, limited: bool):
        self.key = record.key(key_hash)
        self.tags = record.tags(key_hash, alias, api_id, tenant.org_id)
        self.limited = limited


class _Client:
    """The program and the address a request comes from."""

    def __init__(self, agent: str, country: str, draw: Random):
        network = draw.choice(("192.0.2", "198.51.100", "203.0.113"))
        self.agent = record.client(agent)
        self.origin = record.origin(f"{network}.{draw.randrange(1, 255)}", country)


class _Endpoint:
    """An endpoint with its paths packed, and how it answers."""

    def __init__(self, api: catalogue.Api, endpoint: catalogue.Endpoint, draw: Random):
        host = api.target_url.split("/")[2]
        paths = [_filled(endpoint.path, draw) for _ in range(POOL if "{" in endpoint.path else 1)]
        self.paths = [
            (record.request(endpoint.method, host, path), record.route(api.listen_path, path))
            for path in paths
        ]
        self.success = SUCCESS[endpoint.method]
        self.has_body = endpoint.method in ("POST", "PUT", "PATCH")
        may_be_wrong = self.has_body or len(paths) > 1
        mistakes = CALLER_MISTAKES.get(endpoint.method, ()) if may_be_wrong else ()
        self.failures = _above(UPSTREAM_FAILURES, mistakes)
        self.incident_failures = _above(INCIDENT_FAILURES, self.failures)
        self.log_median = log(endpoint.median)


def _above(first: Chances, second: Chances) -> Chances:
    """Cumulated (probability, code) pairs of both: `second` begins where `first` ends."""
    return (*first, *((first[-1][0] + probability, code) for probability, code in second))


def _filled(path: str, draw: Random) -> str:
    return path.format(
        number=draw.randrange(10_000, 90_000),
        uuid=UUID(int=draw.getrandbits(128), version=4),
        parcel=f"TW{draw.randrange(10**9, 10**10)}DE",
        isbn=f"978{draw.randrange(10**9, 10**10)}",
    )


class _Api:
    """Draws the records of one API."""

    def __init__(self, tenant: Tenant, api: catalogue.Api):
        self.api_id = tenant.api_ids[api.name]
        draw = Random(f"{tenant.organisation.slug} {api.name}")  # noqa: S311
        self.part = record.api(api.name, self.api_id, tenant.org_id)
        self.endpoints = [_Endpoint(api, endpoint, draw) for endpoint in api.endpoints]
        self.endpoint_weights = list(accumulate(endpoint.weight for endpoint in api.endpoints))
        self.nobody = _Caller(tenant, self.api_id, record.NO_KEY, "", limited=False)
        visitors = [
            _Client(draw.choice(catalogue.VISITOR_AGENTS), draw.choice(catalogue.VISITOR_COUNTRIES), draw)
            for _ in range(POOL)
        ]
        self.visitors = [(self.nobody, visitor) for visitor in visitors]
        self.callers: list[tuple[_Caller, _Client]] = []
        self.strangers: list[tuple[_Caller, _Client]] = []
        for caller in tenant.organisation.callers:
            if caller.alias in tenant.key_hashes and not api.keyless:
                known = _Caller(
                    tenant, self.api_id, tenant.key_hashes[caller.alias], caller.alias, caller.limited
                )
                may = not caller.apis or api.name in caller.apis
                pair = (known, _Client(caller.agent, caller.country, draw))
                (self.callers if may else self.strangers).append(pair)
        self.caller_weights = _zipf(len(self.callers), 1.1)

    def record(self, draw: Random, date: bytes, seconds: int, nanoseconds: int, in_trouble: bool) -> bytes:
        endpoint = _pick(draw, self.endpoints, self.endpoint_weights)
        caller, client, refusal = self._sender(draw)
        if refusal:
            code, total, overhead = refusal, 0, 0
        elif draw.random() < GATEWAY_FAILS:
            caller, code, total, overhead = self.nobody, 500, 0, 0
        else:
            code = _answer(draw, endpoint, in_trouble)
            total = _latency(draw, endpoint, code, in_trouble)
            overhead = min(total, int(draw.random() * 3))
        request, route = endpoint.paths[int(len(endpoint.paths) * draw.random() ** 2)]
        size = int(draw.random() * 40) * 48 + 120 if endpoint.has_body else 0
        return record.join(
            (request, record.body(size), client.agent, date, record.status(code), caller.key),
            seconds,
            nanoseconds,
            (self.part, record.duration(total), client.origin, record.latency(total, overhead), caller.tags),
            route,
        )

    def _sender(self, draw: Random) -> tuple[_Caller, _Client, int]:
        """Caller, client, and the status of the refusal or 0."""
        if not self.callers:
            return *draw.choice(self.visitors), 0
        chance = draw.random()
        if chance < UNKNOWN_KEY:
            return *draw.choice(self.visitors), 401 if chance < WITHOUT_KEY else 403
        if chance < WRONG_API and self.strangers:
            return *draw.choice(self.strangers), 403
        caller, client = _pick(draw, self.callers, self.caller_weights)
        return caller, client, 429 if caller.limited and draw.random() < OVER_LIMIT else 0


def _answer(draw: Random, endpoint: _Endpoint, in_trouble: bool) -> int:
    chance = draw.random()
    for limit, code in endpoint.incident_failures if in_trouble else endpoint.failures:
        if chance < limit:
            return code
    return endpoint.success


def _latency(draw: Random, endpoint: _Endpoint, code: int, in_trouble: bool) -> int:
    """Milliseconds: log-normal, with a heavy tail."""
    if code == 504:
        return MOST_MS
    total = exp(endpoint.log_median + 0.42 * draw.gauss(0, 1))
    if draw.random() < SLOW:
        total *= 2 * draw.paretovariate(1.3)
    if in_trouble:
        total *= INCIDENT_SLOWER
    return min(MOST_MS, int(total))
