"""What is asked of traffic, and the figures that answer it. Pure: reader.py finds them, charts draw them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from dashboard.analytics import histogram
from dashboard.analytics.dimensions import COUNTER_NAMES, DIMENSION_SET, oldest
from dashboard.analytics.reports.periods.period import Cut, Period

# Where no rollup has figures, they are made from those of so many of the newest records that count: however much there
# is, and however rarely one of it counts, that takes the same time.
MOST_RECORDS = 10_000
STALE = timedelta(seconds=30)


@dataclass(frozen=True)
class Filters:
    """The values of one are alternatives, different ones narrow each other. One without any lets everything pass."""

    apis: tuple[str, ...] = ()  # their IDs
    keys: tuple[str, ...] = ()  # their hashes; "" for requests without one, of records alone
    endpoints: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()  # IDs of OAuth clients
    versions: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()  # codes, "404", and classes, "4xx"
    primitives: tuple[str, ...] = ()  # of MCP proxies, as they are counted (ingest/entries/clean.py)


NO_FILTERS = Filters()
# Of these statuses there is an index.
LEAST_ERROR = 400
WHOSE = {"apis": ("the API", "these APIs"), "keys": ("the key",), "clients": ("the OAuth client",)}


def looked_at(filters: Filters) -> Filters:
    """Whose newest records figures are made from that no rollup has, an index having them in the order of time: those
    of the APIs that are filtered by, or else of one key, or of one client. APIs come first: whoever may see some of
    them alone must not be able to tell from where theirs begin how fast others come."""
    if filters.apis:
        return Filters(apis=filters.apis)
    for name in ("keys", "clients"):
        values = getattr(filters, name)
        if len(values) == 1 and values[0]:
            return Filters(**{name: values})
    return NO_FILTERS


def of_errors_alone(filters: Filters) -> bool:
    """Whether nothing but errors is wanted, whose newest are looked at: not so of a key or a client."""
    found = looked_at(filters)
    wanted = codes(filters.statuses)
    return bool(wanted) and wanted[0] >= LEAST_ERROR and not (found.keys or found.clients)


def newest_of(filters: Filters) -> str:
    """What the newest records are that are looked at: "requests", "requests of the key", "errors of these APIs"."""
    found = looked_at(filters)
    what = "errors" if of_errors_alone(filters) else "requests"
    for name, words in WHOSE.items():
        if values := getattr(found, name):
            return f"{what} of {words[0] if len(values) == 1 else words[-1]}"
    return what


def codes(statuses: Sequence[str]) -> list[int]:
    """Of codes, "404", and classes, "4xx", in their order."""
    found: set[int] = set()
    for status in statuses:
        first = int(status.replace("xx", "00"))
        found.update(range(first, first + (100 if status.endswith("xx") else 1)))
    return sorted(found)


@dataclass(frozen=True)
class Owners:
    """Whose rows: the organisations, and the zone in which their hours and days are cut. held: the first moment kept
    of each grain of which they keep less than the installation."""

    org_ids: tuple[str, ...]
    zone: ZoneInfo
    base: int = 0  # what the dimensions of their rollups are counted from
    held: Mapping[str, datetime] = field(default_factory=dict)
    dimension_set: int = DIMENSION_SET  # which they were made with
    dimensions_from: datetime | None = None  # since when, None for always; before with an earlier one
    days_until: datetime | None = None  # what is before is in rows of days; None if that is not known
    open_hours: bool = True  # whether some hours count in no day yet

    def from_when(self, start: datetime, grain: str) -> datetime:
        """Where rows of a grain are read from that are wanted since `start`."""
        return max(start, self.held.get(grain, start))

    def since(self, grain: str, now: datetime) -> datetime:
        """The first moment that is kept of a grain."""
        return self.from_when(oldest(grain, now), grain)


@dataclass(frozen=True)
class Question:
    """Whose traffic, when, and of what."""

    owners: Owners
    period: Period
    filters: Filters = NO_FILTERS


@dataclass(frozen=True)
class Figures:
    """Sums over some rows. Latencies are in milliseconds and cover the `timed` requests: those which were
    passed on, not the refused ones. `last` is the start of the newest row: of the minute, hour or day."""

    hits: int = 0
    status_3xx: int = 0
    status_4xx: int = 0
    status_5xx: int = 0
    limited: int = 0
    timed: int = 0
    latency_sum: int = 0
    upstream_hits: int = 0
    upstream_sum: int = 0
    latency_max: int | None = None
    last: datetime | None = None
    latency_histogram: bytes | None = None

    @property
    def status_2xx(self) -> int:
        """2xx, and the few 1xx."""
        return self.hits - self.status_3xx - self.status_4xx - self.status_5xx

    @property
    def errors(self) -> int:
        return self.status_4xx + self.status_5xx

    @property
    def mean(self) -> float | None:
        return self.latency_sum / self.timed if self.timed else None

    @property
    def upstream_mean(self) -> float | None:
        return self.upstream_sum / self.upstream_hits if self.upstream_hits else None

    def percentiles(self, *shares: float) -> list[float | None]:
        """Of the merged histogram, each within 1/64 of the exact one."""
        return [histogram.quantile(self._latencies, share) for share in shares]

    @cached_property
    def _latencies(self) -> list[int]:
        """Running counts of the histogram: a page reads the same figures for a tile, a chart and its table."""
        return histogram.running(self.latency_histogram or b"")


@dataclass(frozen=True)
class Row:
    """One line of a ranking: `api_id` and `value` (a key, an endpoint or "") and its figures."""

    api_id: str
    value: str
    figures: Figures


@dataclass(frozen=True)
class Ranking:
    rows: tuple[Row, ...]
    count: int  # of all lines, shown or not
    hits: int  # of all lines


def together(parts: Iterable[Figures]) -> Figures:
    """Several Figures as one. Percentiles come out of the merged histogram: they are never averaged."""
    parts = list(parts)
    return Figures(
        **{name: sum(getattr(part, name) for part in parts) for name in COUNTER_NAMES},
        latency_max=max((part.latency_max for part in parts if part.latency_max is not None), default=None),
        last=max((part.last for part in parts if part.last), default=None),
        latency_histogram=b"".join(part.latency_histogram or b"" for part in parts),
    )


def without(total: Figures, parts: Iterable[Figures]) -> Figures:
    """What is left of a total, as far as it can be told: without a longest latency and a histogram."""
    known = together(parts)
    sums = {name: getattr(total, name) - getattr(known, name) for name in COUNTER_NAMES}
    return Figures(**sums, last=total.last)


@dataclass(frozen=True)
class Freshness:
    """How far the stored traffic reaches. up_to is None until the gateways' list was first looked at."""

    up_to: datetime | None
    waiting: int
    now: datetime
    doubt: str = ""  # why the clock is not believed, which stops everything
    folded_since: datetime | None = None  # endpoints before were folded by another rule
    behind: int | None = None  # seconds that a replica, from which it was read, is behind at most

    @property
    def stale(self) -> bool:
        return self.up_to is None or self.now - self.up_to > STALE

    @property
    def known_until(self) -> datetime:
        return min(self.up_to or self.now, self.now)


@dataclass(frozen=True)
class Buckets:
    """Figures of the buckets of a cut that have begun; the first `complete` of them are over and stored."""

    cut: Cut
    figures: tuple[Figures, ...]
    complete: int


@dataclass(frozen=True)
class Compared:
    """What a period is compared with, in buckets that may be wider than those of the period; those that have begun."""

    counts: Buckets
    latency: Buckets | None


@dataclass(frozen=True)
class Traffic:
    counts: Buckets
    latency: Buckets
    total: Figures
    before: Figures | None
    before_latency: Figures | None
    keys: int | None  # None where keys are told of the newest records alone
    keys_by_bucket: tuple[int, ...]  # of buckets that are over
    keys_before: int | None
    freshness: Freshness
    compared: Compared | None = None  # where that was asked for
    keys_of: int = 0  # of how many of the newest records keys are told, 0 for all
    keys_among: str = "requests"  # and what those are, in words
    before_share: float = 1.0  # of what came before, that is compared with the total
