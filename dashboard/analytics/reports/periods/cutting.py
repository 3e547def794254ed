"""Where the buckets of a span begin, and which rollup grain holds them. Pure.

The three tiers, and what each reads:

    minutes  up to 1 h, recent     charts from minutes, tables from the records themselves
    hours    up to 48 h, recent    charts from minutes, tables from hours and, for the parts of an hour at both ends,
                                   from minutes and the records themselves: exact to the minute
    days     everything else       up to a week by hours, 100 days by days, else by weeks; tables by days: whole days
                                   of the zone

Of what is kept by hour and day alone (a key, an endpoint), buckets are no narrower; where no histograms are kept,
percentiles come from the records themselves. All charts of a page have the same buckets.

A span is widened to whole minutes or days first and all that a page shows covers the widened span, so tile, chart,
tables, files and the records that a tile leads to always agree. The last hour and the last 24 hours end with the
minute that is running and are exactly so long; 7 and 30 days begin at midnight.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dashboard.analytics.clock import (
    DAY,
    HOUR,
    MINUTE,
    QUARTER,
    day_start,
    hour_start,
    hours,
)
from dashboard.analytics.dimensions import RECORDS, Dimension, Grain
from dashboard.analytics.reports.periods.period import HOURS_KEPT, Cut, Period, Span

MOST_BUCKETS = 100
WEEK = 7 * DAY
STEPS = (MINUTE, 5 * MINUTE, QUARTER, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, DAY, WEEK)
WIDEST_OF_HOURS = 2 * HOUR  # what would need wider buckets has one a day


def cut(
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
    return Cut(day_edges(start, end, step, zone), step, grain), Grain.DAY_DETAIL


def table_cut(period: Period) -> Cut:
    """The period cut as its tables can be: by the minute of records, by hour, or by day."""
    start, end, zone = period.start, period.end, period.zone
    if period.tier == "minutes":
        return Cut(period.counts.edges, period.counts.step, period.tables.grain)
    if period.tier == "hours":
        return Cut(hours(start, end, zone), HOUR, period.tables.grain)
    step = _step(end - start, DAY)
    return Cut(day_edges(start, end, step, zone), step, period.tables.grain)


def days(first: date, last: date, zone: ZoneInfo, grain: str) -> Span:
    """Whole days of the zone, both ends included."""
    return Span(day_start(first, zone), day_start(last + timedelta(days=1), zone), grain)


def _step(length: timedelta, least: timedelta, most: int = MOST_BUCKETS) -> timedelta:
    """The narrowest of STEPS that gives at most so many buckets: weeks do so of all that is kept. A day of 25 hours
    does not change the step of a week, so the length is taken to whole days above two of them."""
    if length > 2 * DAY:
        length = timedelta(days=round(length / DAY))
    return next((step for step in STEPS if step >= least and length / step <= most), WEEK)


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


def day_edges(start: datetime, end: datetime, step: timedelta, zone: ZoneInfo) -> tuple[datetime, ...]:
    """Edges at the same clock times every day, so a bucket may be an hour longer or shorter on the day
    of a clock change; a clock time that is skipped gives no edge of its own. Weeks begin on Mondays, as those of
    ISO 8601 do, so that the first and the last may be shorter."""
    if step == HOUR:
        return hours(start, end, zone)
    first, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    clock = [time(hour) for hour in range(0, 24, int(step / HOUR))] if step < DAY else [time()]
    monday = -first.weekday() % 7 if step == WEEK else 0
    wanted = [
        datetime.combine(first + timedelta(days=day), at, tzinfo=zone).astimezone(UTC)
        for day in range(monday, (last - first).days + 1, max(1, step // DAY))
        for at in clock
    ]
    inside = {hour_start(edge, zone) if step < DAY else edge for edge in wanted if start < edge < end}
    return (start, *sorted(inside - {start, end}), end)
