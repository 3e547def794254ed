"""A period that a page shows: its buckets, what its tables read, and what it is compared with. Pure: no Django.

Every instant that goes in or out is an aware datetime, edges are in UTC; hours and days are those of the
organisation's zone, because the rollups are cut there.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from types import MappingProxyType
from zoneinfo import ZoneInfo

from dashboard.analytics.clock import (
    DAY,
    HOUR,
    MINUTE,
    meant,
    said,
    years,
)
from dashboard.analytics.dimensions import Grain, kept_for, oldest

LONG_AGO = datetime.min.replace(tzinfo=UTC)
NOTHING: Mapping[str, datetime] = MappingProxyType({})
MINUTES_KEPT = kept_for(Grain.MINUTE)
HOURS_KEPT = kept_for(Grain.HOUR)
DAYS_KEPT = kept_for(Grain.DAY)
RANGES = {"1h": HOUR, "24h": 24 * HOUR, "7d": 7 * DAY, "30d": 30 * DAY}
NAMES = {"1h": "hour", "24h": "24 hours", "7d": "7 days", "30d": "30 days"}


@dataclass(frozen=True)
class Cut:
    """Buckets over a span: `edges` are the starts of the buckets and the end of the last one;
    `grain` is the rollup grain they add up ("" for the records themselves), `step` their nominal width."""

    edges: tuple[datetime, ...]
    step: timedelta
    grain: str

    def __len__(self) -> int:
        return len(self.edges) - 1

    @property
    def span(self) -> "Span":
        return Span(self.edges[0], self.edges[-1], self.grain)

    def find(self, instant: datetime) -> int:
        """The bucket holding an instant; -1 or len(self) when it lies outside."""
        if instant >= self.edges[-1]:
            return len(self)
        return bisect_right(self.edges, instant) - 1


@dataclass(frozen=True)
class Span:
    """From `start` up to, not including, `end`, read from `grain`."""

    start: datetime
    end: datetime
    grain: str


@dataclass(frozen=True)
class Before:
    """What a period is compared with. None where rows that old are no longer kept. chart: its buckets, as far as rows
    can tell them; chart_latency: the same for percentiles."""

    counts: Span | None
    latency: Span | None
    tables: Span | None
    chart: Cut | None = None
    chart_latency: Cut | None = None


@dataclass(frozen=True)
class Compared:
    """With which span a period is compared. how: "before", "week" or "custom"; days: by how many days on the calendar
    it lies before, None if by the time between both starts; drawn: whether that was asked for. whole: what is read of
    a span that is not as long as the period, which is compared by its mean; None of one that is as long."""

    how: str
    start: datetime
    end: datetime
    days: int | None
    drawn: bool
    whole: Span | None = None


@dataclass(frozen=True)
class Period:
    name: str  # "1h", "24h", "7d", "30d" or "custom"
    tier: str  # "minutes", "hours" or "days"
    zone: ZoneInfo
    now: datetime
    counts: Cut
    latency: Cut
    tables: Span
    compared: Compared
    hours_from: datetime = LONG_AGO  # since when hours can be read
    held: Mapping[str, datetime] = field(default_factory=dict)  # the first moments kept (traffic.Owners)
    asked_from: datetime | None = None  # where it would begin if all of it were kept

    @property
    def start(self) -> datetime:
        return self.counts.edges[0]

    @property
    def end(self) -> datetime:
        return self.counts.edges[-1]

    @property
    def seen_end(self) -> datetime:
        """Until when there can be traffic: the end, or now while the last bucket is still running."""
        return min(self.end, self.now)

    def local(self, instant: datetime) -> datetime:
        return instant.astimezone(self.zone)

    def compared_at(self, instant: datetime) -> datetime:
        """Where an instant of the period lies in what it is compared with: at the same time on the clock where that
        lies some days before."""
        if self.compared.days is None:
            return instant - (self.start - self.compared.start)
        return days_before(instant, self.compared.days, self.zone)

    @property
    def compared_share(self) -> float:
        """How much of what it is compared with falls to so long a time as the period has run: 1 where that is read as
        far into it."""
        if self.compared.whole is None:
            return 1.0
        return (self.seen_end - self.start) / (self.compared.end - self.compared.start)

    def tells_more(self, start: datetime, end: datetime) -> bool:
        """Whether a page of the time from `start` to `end`, a bucket of this one, would show more of it."""
        if start >= self.minutes_from and end - start <= 48 * HOUR:
            return end - start > MINUTE
        # Older ones are shown by whole days.
        return self.days_covered > (self.local(end - MINUTE).date() - self.local(start).date()).days + 1

    def since(self, grain: str) -> datetime:
        """The first moment that is kept of a grain."""
        return kept_since(grain, self.now, self.held)

    @property
    def minutes_from(self) -> datetime:
        """Since when a time can be shown by the minute."""
        return minutes_since(self.now, self.held)

    @cached_property
    def years(self) -> bool:
        """Whether its times have to be said with the year."""
        return years(self.start, self.seen_end, self.now, self.zone)

    def said(self, instant: datetime) -> str:
        return said(instant, self.zone, year=self.years)

    @property
    def days_covered(self) -> int:
        return (self.local(self.end - MINUTE).date() - self.local(self.start).date()).days + 1


def kept_since(grain: str, now: datetime, held: Mapping[str, datetime]) -> datetime:
    """The first moment that is kept of a grain. held: as in parse()."""
    return max(oldest(grain, now), held.get(grain, LONG_AGO))


def minutes_since(now: datetime, held: Mapping[str, datetime]) -> datetime:
    """Since when a time can be shown by the minute: an hour is left to look at it."""
    return max(now - MINUTES_KEPT + HOUR, held.get(Grain.MINUTE, LONG_AGO))


def days_before(instant: datetime, days: int, zone: ZoneInfo) -> datetime:
    """The same time on the clock some days before."""
    local = instant.astimezone(zone).replace(tzinfo=None) - timedelta(days=days)
    return meant(local, zone, last=False)
