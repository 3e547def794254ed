"""Where hours and days begin in a time zone, exactly as PostgreSQL's date_trunc cuts the rollups. Pure.

Instants that go in or out are aware datetimes; those that come out are in UTC.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dashboard.analytics.dimensions import KEPT

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
# Two days inside of what a datetime holds: every zone's clock can show them.
EARLIEST = datetime(1, 1, 3, tzinfo=UTC)
LATEST = datetime(9999, 12, 30, tzinfo=UTC)
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
    return hour_key(instant, zone) if KEPT[grain].unit == HOUR else instant


def hours(start: datetime, end: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """`start`, the beginnings of hours in between, and `end`."""
    edges, edge = [start], next_hour(hour_start(start, zone), zone)
    while edge < end:
        edges.append(edge)
        edge = next_hour(edge, zone)
    return (*edges, end)


def whole_hours(start: datetime, end: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Where the first whole hour of a span begins and where its last one ends; the first is the later of the two if
    there is no whole hour."""
    first = hour_start(start, zone)
    return first if first == start else next_hour(first, zone), hour_start(end, zone)


def doubled(instant: datetime, zone: ZoneInfo) -> bool:
    """Whether the clock shows the same once more, an hour or so before or after: clocks have gone back."""
    local = instant.astimezone(zone)
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


def meant(local: datetime, zone: ZoneInfo, *, last: bool) -> datetime:
    """The instant of a time on the zone's clock (naive). Of one that comes twice the first, or the `last`; one that is
    skipped stands for the change of the clock."""
    first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first <= second:
        return second if last else first
    low, high = floor(second, SECOND), ceiling(first, SECOND)
    offset = low.astimezone(zone).utcoffset()
    while high - low > SECOND:
        middle = floor(low + (high - low) / 2, SECOND)
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == offset else (low, middle)
    return high


def said(instant: datetime, zone: ZoneInfo, *, year: bool = False, pattern: str = "%H:%M") -> str:
    """An instant on the zone's clock as "31 Oct 02:31": with the year if wanted, and with the offset where the clock
    shows the same twice."""
    local = instant.astimezone(zone)
    day = f"{local.day} {local:%b %Y}" if year else f"{local.day} {local:%b}"
    return f"{day} {local.strftime(pattern)}{offset(instant, zone)}"


def offset(instant: datetime, zone: ZoneInfo) -> str:
    """ " +02:00" where the clock shows the same twice, else ""."""
    return f" {instant.astimezone(zone).isoformat()[-6:]}" if doubled(instant, zone) else ""


def said_span(start: datetime, end: datetime, now: datetime, zone: ZoneInfo, pattern: str = "%H:%M") -> str:
    """Both ends of a span; with the year unless both lie in the present one."""
    year = years(start, end, now, zone)
    return f"{said(start, zone, year=year, pattern=pattern)} to {said(end, zone, year=year, pattern=pattern)}"


def years(start: datetime, end: datetime, now: datetime, zone: ZoneInfo) -> bool:
    """Whether a span has to say the year: it is not all of the present one."""
    return len({instant.astimezone(zone).year for instant in (start, end, now)}) > 1


def written(instant: datetime, zone: ZoneInfo) -> str:
    """An instant for a URL: ISO 8601 with its offset, exact."""
    local = instant.astimezone(zone)
    return local.isoformat(timespec="auto" if local.second or local.microsecond else "minutes")


def floor(instant: datetime, unit: timedelta) -> datetime:
    instant = instant.astimezone(UTC)
    return instant - (instant - EPOCH) % unit


def ceiling(instant: datetime, unit: timedelta) -> datetime:
    below = floor(instant, unit)
    return below if below == instant else below + unit
