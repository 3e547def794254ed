"""A heat map of hours: days or weekdays down, the hours of the clock across. Pure: figures in, cells out."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from dashboard.analytics.clock import HOUR, day_start
from dashboard.analytics.reports.charts import figures
from dashboard.analytics.reports.traffic import Buckets, Figures, together

LEVELS = 5
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ON_THE_CLOCK = tuple(range(24))


@dataclass(frozen=True)
class Measure:
    """What a cell shows of the figures of so many hours together, in words, and how that is written."""

    name: str
    label: str
    value: Callable[[Figures, int], float | None]
    written: Callable[[float | None], str]
    unit: str = ""  # that a narrow cell leaves out

    def brief(self, value: float | None) -> str:
        return self.written(value).removesuffix(f" {self.unit}").replace(" ", "")


MEASURES = {
    measure.name: measure
    for measure in (
        Measure("requests", "Requests an hour", lambda part, hours: part.hits / hours, figures.short),
        Measure(
            "errors",
            "Share of 5xx",
            lambda part, _: figures.share(part.status_5xx, part.hits),
            figures.per_cent,
            "%",
        ),
        Measure(
            "refused",
            "Share of 4xx",
            lambda part, _: figures.share(part.status_4xx, part.hits),
            figures.per_cent,
            "%",
        ),
        Measure("limited", "Rate-limited an hour", lambda part, hours: part.limited / hours, figures.short),
        Measure("p95", "Latency p95", lambda part, _: part.percentiles(0.95)[0], figures.milliseconds, "ms"),
    )
}


@dataclass(frozen=True)
class Cell:
    """Hours that share a place: when the newest of them begins and ends (aware), None without any; how many they are.
    value: None where nothing is known; level: 0 for nothing, else 1 to LEVELS."""

    start: datetime | None
    end: datetime | None
    hours: int
    value: float | None
    level: int = 0
    running: bool = False


@dataclass(frozen=True)
class Line:
    label: str
    cells: tuple[Cell, ...]


def by_day(hours: Buckets, zone: ZoneInfo, measure: Measure) -> list[Line]:
    """A line for each day. The hour that is running is among them."""
    days = _placed(hours, zone, whole=False)
    first, last = (
        edge.astimezone(zone).date() for edge in (hours.cut.edges[0], hours.cut.edges[-1] - HOUR / 2)
    )
    shown = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    lines = [
        Line(
            f"{day:%a} {day.day} {day:%b}",
            tuple(_cell(days.get((day, hour), []), measure) for hour in ON_THE_CLOCK),
        )
        for day in shown
    ]
    return _levelled(lines)


def by_weekday(hours: Buckets, zone: ZoneInfo, measure: Measure) -> list[Line]:
    """A line for each weekday, of all hours that are over."""
    days = _placed(hours, zone, whole=True)
    weekdays: dict[tuple[int, int], list[_Hour]] = {}
    for (day, hour), parts in days.items():
        weekdays.setdefault((day.weekday(), hour), []).extend(parts)
    lines = [
        Line(name, tuple(_cell(weekdays.get((number, hour), []), measure) for hour in ON_THE_CLOCK))
        for number, name in enumerate(WEEKDAYS)
    ]
    return _levelled(lines)


def odd_days(edges: Sequence[datetime], zone: ZoneInfo) -> list[tuple[date, int]]:
    """The days between the first and the last of some hours that have not 24 of them, with how many they have."""
    first, last = (edge.astimezone(zone).date() for edge in (edges[0], edges[-1] - HOUR / 2))
    starts = [day_start(first + timedelta(days=number), zone) for number in range((last - first).days + 2)]
    return [
        (start.astimezone(zone).date(), round((end - start) / HOUR))
        for start, end in pairwise(starts)
        if end - start != 24 * HOUR
    ]


def extremes(lines: Sequence[Line]) -> tuple[tuple[str, int, Cell], tuple[str, int, Cell]] | None:
    """The (line, hour, cell) with the highest value and that with the lowest; None if there is no value."""
    known = [
        (line.label, hour, cell)
        for line in lines
        for hour, cell in enumerate(line.cells)
        if cell.value is not None and not cell.running
    ]
    if not known:
        return None

    def value(found: tuple[str, int, Cell]) -> float:
        return found[2].value or 0

    return max(known, key=value), min(known, key=value)


def steps(lines: Sequence[Line]) -> list[tuple[int, float, float]]:
    """(level, least, most) of the values of each level that is there, in their order."""
    found: dict[int, list[float]] = {}
    for line in lines:
        for cell in line.cells:
            if cell.value is not None:
                found.setdefault(cell.level, []).append(cell.value)
    return [(level, min(values), max(values)) for level, values in sorted(found.items())]


@dataclass(frozen=True)
class _Hour:
    start: datetime
    end: datetime
    figures: Figures
    running: bool


def _placed(hours: Buckets, zone: ZoneInfo, *, whole: bool) -> dict[tuple[date, int], list[_Hour]]:
    """The hours that have begun by day and hour of the clock: where it goes back, two share a place. whole: those alone
    that are over."""
    found: dict[tuple[date, int], list[_Hour]] = {}
    for index, part in enumerate(hours.figures[: hours.complete] if whole else hours.figures):
        start, end = hours.cut.edges[index : index + 2]
        local = start.astimezone(zone)
        hour = _Hour(start, end, part, index >= hours.complete)
        found.setdefault((local.date(), local.hour), []).append(hour)
    return found


def _cell(parts: Sequence[_Hour], measure: Measure) -> Cell:
    if not parts:
        return Cell(None, None, 0, None)
    newest = max(parts, key=lambda hour: hour.start)
    value = measure.value(together(hour.figures for hour in parts), len(parts))
    return Cell(newest.start, newest.end, len(parts), value, running=newest.running)


def _levelled(lines: Iterable[Line]) -> list[Line]:
    """With levels by quantiles: one hour that stands out does not make all others alike."""
    lines = list(lines)
    ranked = sorted(cell.value for line in lines for cell in line.cells if cell.value)

    def levelled(cell: Cell) -> Cell:
        level = 1 + LEVELS * bisect_left(ranked, cell.value) // len(ranked) if cell.value else 0
        return Cell(cell.start, cell.end, cell.hours, cell.value, level, cell.running)

    return [Line(line.label, tuple(map(levelled, line.cells))) for line in lines]
