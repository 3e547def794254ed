"""Which span of time a page shows, how it is cut into chart buckets, and which rollup grain holds it.

Pure: no Django. Every instant that goes in or out is an aware datetime, edges are in UTC; hours and
days are those of the organisation's zone, because the rollups are cut there.

The three tiers, and what each reads:

    minutes  up to 1 h, recent     charts from minutes, tables from the records themselves
    hours    up to 48 h, recent    charts from minutes, tables from hours and, for the parts of an hour at both ends,
                                   from minutes and the records themselves: exact to the minute
    days     everything else       up to a week by hours, else by days; tables by days: whole days of the zone

Of what is kept by hour and day alone (a key, an endpoint), buckets are no narrower; where no histograms are kept,
percentiles come from the records themselves. All charts of a page have the same buckets.

A span is widened to whole minutes or days first and all that a page shows covers the widened span, so tile, chart,
tables, files and the records that a tile leads to always agree. The last hour and the last 24 hours end with the
minute that is running and are exactly so long; 7 and 30 days begin at midnight.
"""

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from dashboard.analytics.clock import (
    DAY,
    HOUR,
    MINUTE,
    QUARTER,
    ceiling,
    day_start,
    floor,
    hour_start,
    hours,
    meant,
    next_hour,
    said,
    years,
)
from dashboard.analytics.dimensions import KEPT, RECORDS, Dimension, Grain, kept_for, oldest

MOST_BUCKETS = 100
# datetime.fromisoformat takes more, a trailing NUL included.
WRITTEN = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII)

LONG_AGO = datetime.min.replace(tzinfo=UTC)
NOTHING: Mapping[str, datetime] = MappingProxyType({})
MINUTES_KEPT = kept_for(Grain.MINUTE)
HOURS_KEPT = kept_for(Grain.HOUR)
DAYS_KEPT = kept_for(Grain.DAY)

RANGES = {"1h": HOUR, "24h": 24 * HOUR, "7d": 7 * DAY, "30d": 30 * DAY}
NAMES = {"1h": "hour", "24h": "24 hours", "7d": "7 days", "30d": "30 days"}
WEEK = 7 * DAY
STEPS = (MINUTE, 5 * MINUTE, QUARTER, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, DAY)
WIDEST_OF_HOURS = 2 * HOUR  # what would need wider buckets has one a day


class PeriodError(ValueError):
    """A range that cannot be shown. `field` is the parameter to blame."""

    def __init__(self, field: str, message: str):
        super().__init__(message)
        self.field = field


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
    """With which span of the same length a period is compared. how: "before", "week" or "custom"; days: by how many
    days on the calendar it lies before, None if by the time between both starts; drawn: whether that was asked for."""

    how: str
    start: datetime
    end: datetime
    days: int | None
    drawn: bool


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
        return _days_before(instant, self.compared.days, self.zone)

    def tells_more(self, start: datetime, end: datetime) -> bool:
        """Whether a page of the time from `start` to `end`, a bucket of this one, would show more of it."""
        if start >= self.minutes_from and end - start <= 48 * HOUR:
            return end - start > MINUTE
        # Older ones are shown by whole days.
        return self.days_covered > (self.local(end - MINUTE).date() - self.local(start).date()).days + 1

    def since(self, grain: str) -> datetime:
        """The first moment that is kept of a grain."""
        return _since(grain, self.now, self.held)

    @property
    def minutes_from(self) -> datetime:
        """Since when a time can be shown by the minute."""
        return _minutes_from(self.now, self.held)

    @property
    def years(self) -> bool:
        """Whether its times have to be said with the year."""
        return years(self.start, self.seen_end, self.now, self.zone)

    def said(self, instant: datetime) -> str:
        return said(instant, self.zone, year=self.years)

    @property
    def days_covered(self) -> int:
        return (self.local(self.end - MINUTE).date() - self.local(self.start).date()).days + 1


def parse(
    params: Mapping[str, str],
    zone: ZoneInfo,
    now: datetime,
    *,
    counted: Dimension | None = Dimension.TOTAL,
    histograms: bool = True,
    exact_from: datetime | None = None,
    held: Mapping[str, datetime] = NOTHING,
) -> Period:
    """The period that `range`, `from` and `to` ask for; the last 24 hours when they are absent.

    `from` and `to` are ISO 8601, local to the zone unless they carry an offset; a `to` that is a date
    alone includes that day. counted: the dimension that the page reads, None for the records themselves; histograms:
    whether its rows have any.
    exact_from: days before were cut in another zone, so that their hours do not add up to them.
    held: the first moment kept of each grain of which less is kept than usual. What is not kept is no part of the
    period: its time is a gap, and no time without requests. Raises PeriodError.
    """
    now = now.astimezone(UTC)
    name = _name(params)
    if name == "custom":
        tier, start, end = _custom(params, zone, now, held)
    else:
        tier, start, end = _named(name, zone, now)
    wanted, start = start, _kept_part(tier, (start, end), zone, now, counted=counted, held=held)
    hours_from = max(now - HOURS_KEPT, exact_from or LONG_AGO, held.get(Grain.HOUR, LONG_AGO))
    counts, tables = _cut(tier, start, end, zone=zone, now=now, counted=counted, hours_from=hours_from)
    latency = counts if histograms else replace(counts, grain=RECORDS)
    compared = _compared(params.get("compare") or "", tier, start, end, zone=zone, now=now)
    tables_of = Span(start, end, tables)
    gap = wanted if wanted < start else None
    return Period(name, tier, zone, now, counts, latency, tables_of, compared, hours_from, held, gap)


def _kept_part(
    tier: str,
    span: tuple[datetime, datetime],
    zone: ZoneInfo,
    now: datetime,
    *,
    counted: Dimension | None,
    held: Mapping[str, datetime],
) -> datetime:
    """Where the part of a period begins of which everything is kept that a page of it reads. Raises PeriodError if
    there is none."""
    start, end = span
    if tier == "days":
        grain = RECORDS if counted is None else Grain.DAY
        since = _since(grain, now, held) if grain in (RECORDS, *held) else start
        day = since.astimezone(zone).date()
        first = day_start(day, zone)
        first = first if first >= since else day_start(day + DAY, zone)
    else:
        of_records = counted is None or Grain.MINUTE not in counted.grains
        first = ceiling(held.get(RECORDS, start), MINUTE) if of_records else start
    if start < first and end <= first:
        raise PeriodError(
            "to", f"Of this time nothing is kept any more: that begins {said(first, zone, year=True)}."
        )
    return max(start, first)


def _since(grain: str, now: datetime, held: Mapping[str, datetime]) -> datetime:
    return max(oldest(grain, now), held.get(grain, LONG_AGO))


def _compared(
    asked: str, tier: str, start: datetime, end: datetime, *, zone: ZoneInfo, now: datetime
) -> Compared:
    """asked: "before", "week", or when it begins. Raises PeriodError."""
    first, last = start.astimezone(zone).date(), (end - MINUTE).astimezone(zone).date()
    covered = (last - first).days + 1
    if asked in ("", "before"):
        how, days = "before", covered if tier == "days" else None
        begins = start - (end - start)
    elif asked == "week":
        length = covered * DAY if tier == "days" else end - start
        how, days = asked, 7 * -(-length // WEEK)
        begins = start
    else:
        begins = _instant("compare", asked, zone)
        if not now - DAYS_KEPT <= begins < now:
            raise PeriodError(
                "compare", f"compare must begin within the last {DAYS_KEPT.days} days, which are kept."
            )
        how, days = "custom", (first - begins.astimezone(zone).date()).days if tier == "days" else None
        begins = floor(begins, MINUTE)
    if days is None:
        ends = begins + (end - start)
    else:
        begins, ends = (_days_before(instant, days, zone) for instant in (start, end))
    if how == "custom" and ends > now:
        raise PeriodError(
            "compare", "compare must begin so early that as long a time as is shown has passed since."
        )
    return Compared(how, begins, ends, days, bool(asked))


def _days_before(instant: datetime, days: int, zone: ZoneInfo) -> datetime:
    local = instant.astimezone(zone).replace(tzinfo=None) - timedelta(days=days)
    return meant(local, zone, last=False)


def instants(params: Mapping[str, str], zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime]:
    """The same parameters as two instants, a custom range not widened: for single records. Raises PeriodError."""
    now = now.astimezone(UTC)
    name = _name(params)
    if name == "custom":
        return _asked(params, zone, now)
    _, start, end = _named(name, zone, now)
    return start, end


def before(period: Period) -> Before:
    """The span that it is compared with, read only as far into it as the period itself has run:
    half a day is compared with half a day, to the nearest minute or hour that the grain can tell.
    Tables, and percentiles read by the day, cover its whole hours or days."""
    start, last, grain = period.compared.start, period.compared.end, period.counts.grain
    elapsed = period.seen_end - period.start
    if period.tier == "days":
        if grain in (Grain.HOUR, Grain.DAY):
            # Hours can tell how far this period has run, days cannot.
            grain = Grain.HOUR if start >= period.hours_from else Grain.DAY
    elif grain == Grain.MINUTE and not _kept(start, grain, period):
        start, grain = hour_start(start, period.zone), Grain.HOUR
    unit = MINUTE if grain in (RECORDS, Grain.MINUTE, Grain.HOUR_DETAIL) else HOUR
    end = min(last, start + max(unit, round(elapsed / unit) * unit))
    if KEPT[grain].unit == DAY:
        end = last

    def span(end: datetime, grain: str) -> Span | None:
        return Span(start, end, grain) if _kept(start, grain, period) else None

    return Before(
        counts=span(end, grain),
        latency={Grain.DAY: span(period.start, Grain.DAY), RECORDS: span(end, RECORDS)}.get(
            period.latency.grain, span(end, grain)
        ),
        tables=span(end if period.tier == "minutes" else last, period.tables.grain),
        chart=_compared_cut(period, _finest(period, grain)),
        chart_latency=_compared_cut(
            period, RECORDS if period.latency.grain == RECORDS else _finest(period, grain)
        ),
    )


def _finest(period: Period, grain: str) -> str:
    """Days are enough for buckets of a day, however far the period has run."""
    return period.counts.grain if period.counts.step >= DAY else grain


def _compared_cut(period: Period, grain: str) -> Cut | None:
    """What a period is compared with in the same buckets, or in those that the grain can tell."""
    cut, start, end = period.counts, period.compared.start, period.compared.end
    if not _kept(start, grain, period):
        return None
    unit = KEPT[grain].unit
    if unit <= cut.step or grain == Grain.HOUR_DETAIL:
        return Cut(tuple(map(period.compared_at, cut.edges)), cut.step, grain)
    if unit == DAY:
        return Cut(_day_edges(start, end, DAY, period.zone), DAY, grain)
    first, last = hour_start(start, period.zone), hour_start(end, period.zone)
    return Cut(hours(first, end if last == end else next_hour(last, period.zone), period.zone), HOUR, grain)


def _kept(start: datetime, grain: str, period: Period) -> bool:
    return start >= max(period.now - kept_for(grain), period.held.get(grain, LONG_AGO))


def table_cut(period: Period) -> Cut:
    """The period cut as its tables can be: by the minute of records, by hour, or by day."""
    start, end, zone = period.start, period.end, period.zone
    if period.tier == "minutes":
        return Cut(period.counts.edges, period.counts.step, period.tables.grain)
    if period.tier == "hours":
        return Cut(hours(start, end, zone), HOUR, period.tables.grain)
    step = _step(end - start, DAY)
    return Cut(_day_edges(start, end, step, zone), step, period.tables.grain)


def days(first: date, last: date, zone: ZoneInfo, grain: str) -> Span:
    """Whole days of the zone, both ends included."""
    return Span(day_start(first, zone), day_start(last + timedelta(days=1), zone), grain)


def _name(params: Mapping[str, str]) -> str:
    asked = params.get("range") or ""
    if asked not in ("", "custom", *RANGES):
        raise PeriodError("range", f"range must be one of {', '.join(RANGES)} or custom.")
    return asked or ("custom" if params.get("from") or params.get("to") else "24h")


def _named(name: str, zone: ZoneInfo, now: datetime) -> tuple[str, datetime, datetime]:
    if name in ("1h", "24h"):
        end = floor(now, MINUTE) + MINUTE
        return "minutes" if name == "1h" else "hours", end - RANGES[name], end
    today = now.astimezone(zone).date()
    first = today - RANGES[name] + timedelta(days=1)
    return "days", day_start(first, zone), day_start(today + timedelta(days=1), zone)


def _custom(
    params: Mapping[str, str], zone: ZoneInfo, now: datetime, held: Mapping[str, datetime]
) -> tuple[str, datetime, datetime]:
    start, end = _asked(params, zone, now)
    end = min(end, floor(now, MINUTE) + MINUTE)
    recent = start >= _minutes_from(now, held)
    if recent and end - start <= HOUR:
        return "minutes", floor(start, MINUTE), ceiling(end, MINUTE)
    if recent and end - start <= 48 * HOUR:
        return "hours", floor(start, MINUTE), ceiling(end, MINUTE)
    last_day = (end - timedelta(microseconds=1)).astimezone(zone).date()
    return "days", day_start(start.astimezone(zone).date(), zone), day_start(last_day + DAY, zone)


def _minutes_from(now: datetime, held: Mapping[str, datetime]) -> datetime:
    """Since when a time can be shown by the minute: an hour is left to look at it."""
    return max(now - MINUTES_KEPT + HOUR, held.get(Grain.MINUTE, LONG_AGO))


def _asked(params: Mapping[str, str], zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime]:
    start = _instant("from", params.get("from") or "", zone)
    end = _instant("to", params.get("to") or "", zone)
    if start >= now:
        raise PeriodError("from", "from must lie in the past.")
    if start < now - DAYS_KEPT:
        raise PeriodError("from", f"from must lie within the last {DAYS_KEPT.days} days, which are kept.")
    # Records may be stamped up to a minute ahead of now; what is further ahead is stored as of now.
    end = min(end, floor(now, MINUTE) + 3 * MINUTE)
    if end <= start:
        raise PeriodError("to", "to must be later than from.")
    return start, end


def _instant(field: str, text: str, zone: ZoneInfo) -> datetime:
    if not text:
        raise PeriodError(field, f"{field} is missing: a custom range needs from and to.")
    try:
        if not WRITTEN.fullmatch(text):
            raise ValueError
        if len(text) == 10:
            day = date.fromisoformat(text) + timedelta(days=field == "to")
            return day_start(day, zone)
        value = datetime.fromisoformat(text)
        return value.astimezone(UTC) if value.tzinfo else meant(value, zone, last=field == "to")
    except (ValueError, OverflowError):
        raise PeriodError(field, f"{field} is no date and time like 2026-11-25T14:30.") from None


def _cut(
    tier: str,
    start: datetime,
    end: datetime,
    *,
    zone: ZoneInfo,
    now: datetime,
    counted: Dimension | None,
    hours_from: datetime,
) -> tuple[Cut, Grain | str]:
    """The buckets of all charts of a page, and the grain that its tables are read from."""
    grains = counted.grains if counted is not None else ()
    if tier == "minutes":
        step = _step(end - start, MINUTE)
        grain = Grain.MINUTE if Grain.MINUTE in grains else RECORDS
        return Cut(_regular(start, end, step), step, grain), RECORDS
    if tier == "hours":
        # One bucket more than it is steps long, because both ends may lie within one.
        least = MINUTE if Grain.MINUTE in grains else HOUR
        step = _step(end - start, least, most=MOST_BUCKETS - 1)
        edges = hours(start, end, zone) if step == HOUR else _on_the_clock(start, end, step, zone)
        like = Grain.MINUTE if step < HOUR else Grain.HOUR_DETAIL
        return Cut(edges, step, counted.grain(like) if counted is not None else RECORDS), Grain.HOUR_DETAIL
    hours_kept = Grain.HOUR in grains and start >= max(hours_from, now - HOURS_KEPT + DAY)
    step = _step(end - start, HOUR if hours_kept else DAY)
    if step > WIDEST_OF_HOURS:
        step = _step(end - start, DAY)
    like = Grain.HOUR if step < DAY else Grain.DAY_DETAIL
    grain = counted.grain(like) if counted is not None else RECORDS
    return Cut(_day_edges(start, end, step, zone), step, grain), Grain.DAY_DETAIL


def _step(length: timedelta, least: timedelta, most: int = MOST_BUCKETS) -> timedelta:
    """The narrowest of STEPS, or else of whole days, that gives at most so many buckets. A day of 25 hours
    does not change the step of a week, so the length is taken to whole days above two of them."""
    if length > 2 * DAY:
        length = timedelta(days=round(length / DAY))
    for step in STEPS:
        if step >= least and length / step <= most:
            return step
    return timedelta(days=-(-length // (most * DAY)))


def _on_the_clock(start: datetime, end: datetime, step: timedelta, zone: ZoneInfo) -> tuple[datetime, ...]:
    """Edges at round times, a step apart, between both ends."""
    edges, edge = [start], hour_start(start, zone)
    while edge < end:
        if edge > start:
            edges.append(edge)
        edge += step
    return (*edges, end)


def _regular(start: datetime, end: datetime, step: timedelta) -> tuple[datetime, ...]:
    edges = [start]
    while edges[-1] < end:
        edges.append(min(end, edges[-1] + step))
    return tuple(edges)


def _day_edges(start: datetime, end: datetime, step: timedelta, zone: ZoneInfo) -> tuple[datetime, ...]:
    """Edges at the same clock times every day, so a bucket may be an hour longer or shorter on the day
    of a clock change; a clock time that is skipped gives no edge of its own."""
    if step == HOUR:
        return hours(start, end, zone)
    first, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    clock = [time(hour) for hour in range(0, 24, int(step / HOUR))] if step < DAY else [time()]
    wanted = [
        datetime.combine(first + timedelta(days=day), at, tzinfo=zone).astimezone(UTC)
        for day in range(0, (last - first).days + 1, max(1, step // DAY))
        for at in clock
    ]
    inside = {hour_start(edge, zone) if step < DAY else edge for edge in wanted if start < edge < end}
    return (start, *sorted(inside - {start, end}), end)
