"""SVG geometry: numbers in, path data and tick positions out. Pure, no Django; templates write the markup.

A plot is drawn in a viewBox of integers, 10 units a bucket wide and HEIGHT high, inside an inner <svg> that
stretches with the page. Labels stand outside it at per cent positions, so no text is ever stretched.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from dashboard.analytics.clock import DAY, HOUR, MINUTE, day_start, offset
from dashboard.analytics.reports.periods.period import Cut, Period

HEIGHT = 400  # two units to the CSS pixel
BUCKET = 10
BAR = 8
LEAST = 4  # a bar that is not zero is at least two pixels high
MOST_LABELS = 7
LABEL_STEPS = tuple(
    [n * MINUTE for n in (5, 10, 15, 30)]
    + [n * HOUR for n in (1, 2, 3, 4, 6, 12)]
    + [n * DAY for n in (1, 2, 5, 10, 20, 40, 80)]
)


@dataclass(frozen=True)
class Series:
    """`name` is the class suffix (series-<name>); `line` the path; `area` closes it to the base line;
    `incomplete` is the part of the last bucket when that is still running."""

    name: str
    label: str
    line: str
    area: str = ""
    incomplete: str = ""


@dataclass(frozen=True)
class Tick:
    at: str  # a per cent position, or a y coordinate in pixels
    label: str


@dataclass(frozen=True)
class Band:
    """A stretch of time, in per cent of the width."""

    x: str
    width: str
    label: str


@dataclass(frozen=True)
class Scale:
    """`height` gives the height above the base line of a value, in units; `ticks` are the values labelled."""

    height: Callable[[float], int]
    ticks: tuple[float, ...]


@dataclass(frozen=True)
class Chart:
    width: int
    height: int
    series: tuple[Series, ...]
    y: tuple[Tick, ...]
    x: tuple[Tick, ...]
    marks: tuple[Tick, ...] = ()
    bands: tuple[Band, ...] = ()
    stacked: bool = False
    beside: str = ""  # the path of a line that the rest is compared with


def stacked(
    names: Sequence[tuple[str, str]],
    rows: Sequence[Sequence[int]],
    complete: int,
    *,
    beside: Sequence[float | None] = (),
    **ticks: Any,
) -> Chart:
    """Stacked bars. names: (class, label) from the bottom up; rows: one a bucket, a count per name;
    complete: how many buckets are over, the rest is drawn faded. One path a series. beside: values of a line that the
    bars are compared with."""
    highest = max((value for value in beside if value is not None), default=0)
    top = scale_top(max(highest, *(sum(row) for row in rows), 0), whole=True)
    paths = [["", ""] for _ in names]
    for index, row in enumerate(rows):
        base = HEIGHT
        for place, height in enumerate(heights(row, top)):
            if height:
                bar = f"M{index * BUCKET + 1} {base}v-{height}h{BAR}v{height}z"
                paths[place][index >= complete] += bar
                base -= height
    series = tuple(
        Series(name, label, full, incomplete=faded)
        for (name, label), (full, faded) in zip(names, paths, strict=True)
    )
    scale = linear_scale(top)
    return replace(
        _chart(len(rows), series, scale, **ticks), stacked=True, beside=_line(_points(beside, scale))
    )


def heights(row: Sequence[int], top: float) -> list[int]:
    """Heights of one bar's parts. No part that is not zero vanishes; what the small ones gain the largest
    gives, so the whole bar keeps its height where it can."""
    drawn = [max(LEAST, round(value / top * HEIGHT)) if value else 0 for value in row]
    excess = sum(drawn) - max(LEAST if any(row) else 0, round(sum(row) / top * HEIGHT))
    if excess > 0:
        largest = drawn.index(max(drawn))
        drawn[largest] = max(LEAST, drawn[largest] - excess)
    return drawn


def lines(
    names: Sequence[tuple[str, str]],
    columns: Sequence[Sequence[float | None]],
    complete: int,
    *,
    logarithmic: bool = False,
    beside: Sequence[float | None] = (),
    **ticks: Any,
) -> Chart:
    """Lines over buckets, one column of values a name; None is a gap. The step into a bucket that is still
    running is drawn faded. logarithmic: for values of which some are hundreds of times the others. beside: a column
    that the others are compared with."""
    known = [value for column in (*columns, beside) for value in column if value is not None]
    scale = logarithmic_scale(known) if logarithmic else linear_scale(scale_top(max(known, default=0)))
    count = max((len(column) for column in columns), default=0)
    series = []
    for (name, label), column in zip(names, columns, strict=True):
        points = _points(column, scale)
        running = points[max(0, complete - 1) :] if complete < len(points) else []
        over = points[:complete]
        series.append(Series(name, label, _line(over), area=_area(over), incomplete=_line(running)))
    return replace(_chart(count, tuple(series), scale, **ticks), beside=_line(_points(beside, scale)))


def sparkline(values: Sequence[float | None], height: int = 40) -> tuple[str, str]:
    """(viewBox, path) of a line without axes; None is a gap. Give it complete buckets only."""
    top = max((value for value in values if value is not None), default=0) or 1
    points = [
        None if value is None else (index * BUCKET, height - round(value / top * height))
        for index, value in enumerate(values)
    ]
    return f"0 -2 {max(1, len(values) - 1) * BUCKET} {height + 4}", _line(points)


def bar_width(value: float, top: float) -> str:
    """The width attribute of a bar behind a table row; what is not zero can be seen."""
    return f"{max(0.5, 100 * value / top):.1f}%" if value and top else "0%"


def scale_top(largest: float, *, whole: bool = False) -> float:
    """The number at the top of the scale, four times a round one; whole: no fractions of a request."""
    if largest <= 0 or (whole and largest <= 4):
        return 4 if whole else 1
    for exponent in range(math.floor(math.log10(largest)) - 2, math.floor(math.log10(largest)) + 2):
        for digit in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8):
            top = 4 * digit * 10.0**exponent
            if top >= largest * 0.999999999 and not (whole and (digit * 10.0**exponent) % 1):
                return top
    raise AssertionError("unreachable: 32 times the power of ten is above the largest")


def linear_scale(top: float) -> Scale:
    """From zero to `top`, with five labels."""
    return Scale(lambda value: round(value / top * HEIGHT), tuple(top * part / 4 for part in range(5)))


def logarithmic_scale(values: Sequence[float]) -> Scale:
    """From the 1, 2 or 5 x 10^n below the least value (1 at the lowest) to the one above the largest."""
    steps = [digit * 10.0**exponent for exponent in range(13) for digit in (1, 2, 5)]
    least, largest = max(1, min(values, default=1)), max(1, *values, 1)
    low = max(step for step in steps if step <= least)
    high = min((step for step in steps if step >= largest and step > low), default=steps[-1])
    spread = math.log(high / low)
    inside = [step for step in steps if low <= step <= high]
    if len(inside) > 6:
        inside = [step for step in inside if math.log10(step) % 1 == 0]
    return Scale(lambda value: round(math.log(max(value, low) / low) / spread * HEIGHT), tuple(inside))


def time_ticks(period: Period, cut: Cut) -> tuple[Tick, ...]:
    """Labels at round clock times or days; at most MOST_LABELS of them, none too close to an end."""
    edges = cut.edges[:-1]
    wanted = list(range(0, len(edges), -(-len(edges) // MOST_LABELS)))
    clocks = [(edge, period.local(edge)) for edge in edges]
    for step in LABEL_STEPS if cut.step <= DAY else ():
        if cut.step <= step:
            round_ones = [
                index for index, (edge, local) in enumerate(clocks) if _on(period, edge, local, step)
            ]
            if len(round_ones) <= MOST_LABELS:
                wanted = round_ones
                break
    return tuple(
        Tick(f"{100 * index / len(edges):.2f}%", _tick_label(period, edges[index], cut.step))
        for index in wanted
        if 0.03 <= index / len(edges) <= 0.97
    )


def position(cut: Cut, instant: datetime) -> str | None:
    """Where an instant stands on the time axis, in per cent; None outside. Buckets are drawn equally wide."""
    index = cut.find(instant)
    if not 0 <= index < len(cut):
        return None
    start, end = cut.edges[index], cut.edges[index + 1]
    return f"{100 * (index + (instant - start) / (end - start)) / len(cut):.2f}%"


def stretch(cut: Cut, start: datetime, end: datetime) -> tuple[str, str] | None:
    """Where what lasted from start to end begins on the time axis, and how wide it is, in per cent; None outside."""
    if start >= cut.edges[-1] or end <= cut.edges[0]:
        return None
    first = float((position(cut, start) or "0%").rstrip("%"))
    last = float((position(cut, end) or "100%").rstrip("%"))
    return f"{first:.2f}%", f"{max(0.0, last - first):.2f}%"


def _on(period: Period, edge: datetime, local: datetime, step: timedelta) -> bool:
    if step >= DAY:
        return _begins_day(period, edge) and local.toordinal() % (step // DAY) == 0
    return timedelta(hours=local.hour, minutes=local.minute) % step == timedelta()


def _begins_day(period: Period, edge: datetime) -> bool:
    """Also where midnight is skipped; where it comes twice, the first alone does."""
    return edge == day_start(period.local(edge).date(), period.zone)


def _tick_label(period: Period, edge: datetime, step: timedelta) -> str:
    local = period.local(edge)
    if step >= DAY or _begins_day(period, edge):
        return f"{local.day} {local:%b %Y}" if period.years else f"{local.day} {local:%b}"
    return f"{local:%H:%M}{offset(edge, period.zone)}"


def _points(column: Sequence[float | None], scale: Scale) -> list[tuple[int, int] | None]:
    return [
        None if value is None else (index * BUCKET + BUCKET // 2, HEIGHT - scale.height(value))
        for index, value in enumerate(column)
    ]


def _runs(points: Sequence[tuple[int, int] | None]) -> list[list[tuple[int, int]]]:
    runs: list[list[tuple[int, int]]] = [[]]
    for point in points:
        if point is None:
            runs.append([])
        else:
            runs[-1].append(point)
    return [run for run in runs if run]


def _line(points: Sequence[tuple[int, int] | None]) -> str:
    path = ""
    for run in _runs(points):
        (x, y), rest = run[0], run[1:]
        # A lone point between two gaps is as wide as its bucket: a path of no length is invisible.
        path += f"M{x} {y}" + _steps(run) if rest else f"M{x - BUCKET // 2} {y}h{BUCKET}"
    return path


def _area(points: Sequence[tuple[int, int] | None]) -> str:
    return "".join(
        f"M{run[0][0]} {HEIGHT}V{run[0][1]}{_steps(run)}V{HEIGHT}z" for run in _runs(points) if len(run) > 1
    )


def _steps(run: Sequence[tuple[int, int]]) -> str:
    moves = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(run)]
    return "".join(f"l{dx} {dy}" for dx, dy in moves)


def _chart(
    count: int,
    series: tuple[Series, ...],
    scale: Scale,
    *,
    unit: Callable[[float], str],
    x: tuple[Tick, ...],
    marks: tuple[Tick, ...] = (),
    bands: tuple[Band, ...] = (),
) -> Chart:
    y = tuple(Tick(str((HEIGHT - scale.height(value)) // 2), unit(value)) for value in scale.ticks)
    return Chart(max(1, count) * BUCKET, HEIGHT, series, y, x, marks, bands)
