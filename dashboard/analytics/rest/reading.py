"""The rows of an answer, of every owner that is asked of."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from dashboard.analytics.clock import hours
from dashboard.analytics.dimensions import RECORDS, Grain
from dashboard.analytics.reports import reader
from dashboard.analytics.reports.head import api_names
from dashboard.analytics.reports.periods import cutting
from dashboard.analytics.reports.periods.period import Span
from dashboard.analytics.reports.rows import dimension_of
from dashboard.analytics.reports.traffic import Figures, Filters, Owners, Ranking, Row, together, without
from dashboard.analytics.rest import whole
from dashboard.analytics.rest.answers import Missing, clock, ordered, row
from dashboard.analytics.rest.asked import Asked

MOST_ROWS = 5_000
Named = Callable[[str], dict[str, object]]


def over_time(asked: Asked, filters: Filters, *, zeros: bool = False) -> tuple[list[dict], Missing]:
    """A row for each hour, day or month, the earliest first. zeros: also for those that are over or running without a
    request, as far as it is known that there was none."""
    merged: dict[datetime, list[Figures]] = {}
    missing = Missing()
    for owners in asked.owners:
        span = _span(asked, owners, filters)
        found = reader.by_clock(owners, span, asked.unit, filters)
        for start, sums in found:
            merged.setdefault(start, []).append(sums)
        since = whole.since("total", owners, span, filters, asked.now)
        missing |= Missing(since)
        if zeros:
            for start in _starts(asked, owners, span, since):
                merged.setdefault(start, [])
    rows = [row(together(parts), **clock(start, asked.unit)) for start, parts in sorted(merged.items())]
    if asked.order:
        return ordered(rows, asked.order, asked.sort), missing
    return rows[::-1] if asked.sort == "-1" else rows, missing


def rankings(asked: Asked, what: str, filters: Filters) -> Iterator[tuple[Owners, Span, Ranking, Missing]]:
    """What each of the owners has of what = one of rows.LINES, the busiest first."""
    for owners in asked.owners:
        span = cutting.days(asked.first, asked.last, owners.zone, Grain.DAY)
        found = reader.ranking(what, owners, span, filters, limit=MOST_ROWS, histograms=False)
        since = whole.since(what, owners, span, filters, asked.now)
        left_out = found.count if found.count > MOST_ROWS else None
        if what == "country":
            known = replace(span, start=since) if since else span
            found = replace(found, rows=(*found.rows, *_of_no_country(owners, known, filters, found.rows)))
        yield owners, span, found, Missing(since, left_out)


def busiest(asked: Asked, what: str, filters: Filters) -> tuple[set[str], Missing]:
    """The values alone of what = one of rows.LINES, the busiest of each of the owners."""
    found: set[str] = set()
    missing = Missing()
    for owners in asked.owners:
        span = cutting.days(asked.first, asked.last, owners.zone, Grain.DAY)
        values = reader.busiest(what, owners, span, MOST_ROWS + 1, filters)
        left_out = reader.count(what, owners, span, filters) if len(values) > MOST_ROWS else None
        missing |= Missing(whole.since(what, owners, span, filters, asked.now), left_out)
        found.update(values[:MOST_ROWS])
    return found, missing


def _of_no_country(owners: Owners, span: Span, filters: Filters, known: Iterable[Row]) -> Iterator[Row]:
    """The requests of which no country is known, if there are any: rollups have no row of them."""
    total = reader.totals(owners, span, filters, histograms=False)
    rest = without(total, (line.figures for line in known))
    if rest.hits > 0:
        yield Row("", "", rest)


def lines(asked: Asked, what: str, filters: Filters, named: Named) -> tuple[list[dict], Missing]:
    """A row for each API and value that `named` has the same members of `id` for, of all owners together."""
    merged: dict[tuple, list[Row]] = {}
    missing = Missing()
    for _, _, found, left_out in rankings(asked, what, filters):
        missing |= left_out
        for line in found.rows:
            merged.setdefault((line.api_id, *named(line.value).items()), []).append(line)
    names = api_names({api_id for api_id, *_ in merged})
    rows = [
        row(
            together(line.figures for line in parts),
            api_id=api_id,
            api_name=names.get(api_id, ""),
            **named(parts[0].value),
        )
        for (api_id, *_), parts in merged.items()
    ]
    return ordered(rows, asked.order or "hits", asked.sort), missing


def _span(asked: Asked, owners: Owners, filters: Filters) -> Span:
    """The days, by the hour if that is asked. What is kept by the hour for less time than the records are is read from
    those."""
    grain: str = Grain.HOUR if asked.unit == "hour" else Grain.DAY
    span = cutting.days(asked.first, asked.last, owners.zone, grain)
    if (kept := dimension_of("total", filters, owners.dimension_set)) is None:
        return span
    rows_of = kept.grain(grain)
    since, of_records = owners.since(rows_of, asked.now), owners.since(RECORDS, asked.now)
    if of_records < since and span.start < since:
        return Span(span.start, span.end, RECORDS)
    return span


def _starts(asked: Asked, owners: Owners, span: Span, since: datetime | None) -> set[datetime]:
    """The beginnings, on the zone's clock, of the hours, days or months that are known and have begun."""
    start, end = max(span.start, since or span.start), min(span.end, asked.now)
    if start >= end:
        return set()
    if asked.unit == "hour":
        edges = hours(start, end, owners.zone)[:-1]
        return {
            edge.astimezone(owners.zone).replace(minute=0, second=0, microsecond=0, tzinfo=None)
            for edge in edges
        }
    first, last = start.astimezone(owners.zone).date(), end.astimezone(owners.zone).date()
    last = min(last, asked.last)
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return {datetime(day.year, day.month, 1 if asked.unit == "month" else day.day) for day in days}
