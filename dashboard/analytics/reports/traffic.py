"""What the analytics page and the home page say about one organisation's traffic, read in one go."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dashboard.analytics.models import IngestState
from dashboard.analytics.reports import periods, reader
from dashboard.analytics.reports.periods import Cut, Period
from dashboard.analytics.reports.reader import Figures, Filters, Owners

STALE = timedelta(seconds=30)


@dataclass(frozen=True)
class Question:
    """Whose traffic, when, and of what."""

    owners: Owners
    period: Period
    filters: Filters = field(default_factory=Filters)


@dataclass(frozen=True)
class Freshness:
    """How far the stored traffic reaches. up_to is None until the gateways' list was first looked at."""

    up_to: datetime | None
    waiting: int
    now: datetime
    doubt: str = ""  # why the clock is not believed, which stops everything

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
class Traffic:
    counts: Buckets
    latency: Buckets
    total: Figures
    before: Figures | None
    before_latency: Figures | None
    keys: int
    keys_by_bucket: tuple[int, ...]  # of buckets that are over
    keys_before: int | None
    freshness: Freshness


def freshness(now: datetime) -> Freshness:
    state = IngestState.objects.first()
    if state is None:
        return Freshness(None, 0, now)
    return Freshness(state.up_to, state.waiting, now, state.doubt)


def read(question: Question) -> Traffic:
    """Everything the tiles and the time charts show."""
    owners, period, filters = question.owners, question.period, question.filters
    fresh = freshness(period.now)
    same = period.latency is period.counts
    counts = reader.timeline(owners, period.counts, filters, histograms=same)
    latency = counts if same else reader.timeline(owners, period.latency, filters)
    before = periods.before(period)
    known = reader.totals(owners, before.counts, filters) if before.counts else None
    known_latency = known
    if before.latency and before.latency != before.counts:
        known_latency = reader.totals(owners, before.latency, filters)
    key_cut = periods.table_cut(period)
    keys, by_bucket = reader.active_keys(owners, key_cut, filters)
    return Traffic(
        counts=_begun(period.counts, counts, fresh),
        latency=_begun(period.latency, latency, fresh),
        total=reader.together(latency) if same else _with_histogram(counts, latency),
        before=known,
        before_latency=known_latency,
        keys=keys,
        keys_by_bucket=tuple(by_bucket[: _over(key_cut, fresh.known_until)]),
        keys_before=reader.count_keys(owners, before.tables, filters) if before.tables else None,
        freshness=fresh,
    )


def _begun(cut: Cut, figures: list[Figures], fresh: Freshness) -> Buckets:
    begun = sum(1 for edge in cut.edges[:-1] if edge <= fresh.known_until)
    # What lies beyond, a clock ahead of ours, is shown rather than hidden.
    begun = max([begun, *(index + 1 for index, sums in enumerate(figures) if sums.hits)])
    return Buckets(cut, tuple(figures[:begun]), min(begun, _over(cut, fresh.known_until)))


def _over(cut: Cut, instant: datetime) -> int:
    return sum(1 for edge in cut.edges[1:] if edge <= instant)


def _with_histogram(counts: list[Figures], latency: list[Figures]) -> Figures:
    total, timed = reader.together(counts), reader.together(latency)
    return Figures(*(getattr(total, name) for name in reader.ADDITIVE), timed.lat_max, total.last, timed.lat)
