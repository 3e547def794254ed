"""Where hours and days begin in a time zone, exactly as PostgreSQL's date_trunc cuts the rollups. Pure.

Instants that go in or out are aware datetimes; those that come out are in UTC.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
QUARTER = 15 * MINUTE


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a day: also where midnight is skipped or comes twice."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def hour_key(instant: datetime, zone: ZoneInfo) -> datetime:
    """The `ts` of the hour row an instant is counted in: as PostgreSQL's date_trunc('hour', …, zone),
    which clears the minutes of the local clock and keeps the offset."""
    local = instant.astimezone(zone)
    return (
        instant - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    ).astimezone(UTC)


def hour_start(instant: datetime, zone: ZoneInfo) -> datetime:
    """The first instant counted in the same hour row. It differs from hour_key only where a clock change
    is no whole hour (Lord Howe Island: 30 minutes)."""
    key, start = hour_key(instant, zone), floor(instant, QUARTER)
    while hour_key(start - QUARTER, zone) == key:
        start -= QUARTER
    return start


def next_hour(start: datetime, zone: ZoneInfo) -> datetime:
    """The hour_start that follows another."""
    following = start + QUARTER
    while hour_key(following, zone) == hour_key(start, zone):
        following += QUARTER
    return following


def row_bound(instant: datetime, grain: str, zone: ZoneInfo) -> datetime:
    """Where rows of a grain begin for a bucket edge: rollup rows from row_bound(start) up to
    row_bound(end) are those of the bucket."""
    return hour_key(instant, zone) if grain in ("h", "x") else instant


def hours(start: datetime, end: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    edges = [start]
    while edges[-1] < end:
        edges.append(next_hour(edges[-1], zone))
    return tuple(edges)


def floor(instant: datetime, unit: timedelta) -> datetime:
    instant = instant.astimezone(UTC)
    return instant - (instant - datetime(1970, 1, 1, tzinfo=UTC)) % unit


def ceiling(instant: datetime, unit: timedelta) -> datetime:
    below = floor(instant, unit)
    return below if below == instant else below + unit
