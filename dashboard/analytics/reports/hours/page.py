"""The heat map of hours: when in the day and in the week requests come, fail and take long."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from dashboard.analytics.clock import DAY, HOUR, day_start, hours, said, written
from dashboard.analytics.dimensions import RECORDS, Dimension, Grain
from dashboard.analytics.reports import choices, reader
from dashboard.analytics.reports.charts import figures
from dashboard.analytics.reports.head import compressed_where_fixed, head, refused
from dashboard.analytics.reports.hours import cells
from dashboard.analytics.reports.hours.cells import MEASURES, Cell, Line, Measure
from dashboard.analytics.reports.parameters import (
    COMPARE,
    FilterForm,
    Parameters,
    Refused,
    link,
    page_parameters,
    problems_of,
    state,
    without,
)
from dashboard.analytics.reports.periods.period import HOURS_KEPT, Cut
from dashboard.analytics.reports.rows import dimension_of
from dashboard.analytics.reports.traffic import Buckets, Freshness
from orgs.access import access
from orgs.http.markup import markup
from orgs.http.spreadsheet import csv_stream

MOST_DAYS = 31  # that have a line each
FILE = ("from", "to", "complete", "requests", "5xx", "5xx_share", "p95_ms", "4xx", "4xx_share", "429")


class HoursForm(forms.Form):
    by = forms.ChoiceField(required=False, choices=[(name, name) for name in ("", "day", "weekday")])
    show = forms.ChoiceField(required=False, choices=[(name, name) for name in ("", *MEASURES)])
    format = forms.ChoiceField(required=False, choices=[("", ""), ("csv", "csv")])


@dataclass(frozen=True)
class Asked:
    """page: what every page of analytics is asked, of whole days; by_day: a line for each, or else for each weekday;
    cut: the hours, None where none are kept for the filters in force; clipped: whether earlier days are left out."""

    page: Parameters
    measure: Measure
    by_day: bool
    cut: Cut | None
    clipped: bool
    csv: bool


@access("session", "analytics", instead="owned_analytics")
@compressed_where_fixed
def hour_map(request: HttpRequest, org: str) -> HttpResponse:
    """The page; its hours one by one as CSV with format=csv."""
    try:
        asked = _asked(request)
    except Refused as refusal:
        return refused(request, refusal, "analytics")
    reader.limit_time()
    fresh = reader.freshness(asked.page.question.period.now)
    found = _found(asked, fresh)
    if asked.csv:
        return csv_stream(f"{request.org.slug}-hours.csv", FILE, [_file(asked, found)])
    return render(request, "analytics/hours.html", _context(request, asked, found, fresh))


def _asked(request: HttpRequest) -> Asked:
    """Raises Refused."""
    form = HoursForm(request.GET)
    if not form.is_valid():
        raise Refused(problems_of(form))
    values, now = form.cleaned_data, timezone.now()
    # Without what only the other pages are asked.
    params = without(request.GET, "measure", "sort", *COMPARE)
    if not (params.get("range") or params.get("from") or params.get("to")):
        params["range"] = "7d"
    page = page_parameters(params, request.org, now, request.user)
    if page.question.period.tier != "days":
        for name, value in _whole_days(page).items():
            params[name] = value
        page = page_parameters(params, request.org, now, request.user)
    cut, days, clipped = _whole_hours(page)
    by_day = days <= MOST_DAYS and values["by"] != "weekday" and (values["by"] == "day" or days <= 7)
    kept = page.kept | state(request.GET, ("by", "show"))
    return Asked(
        replace(page, kept=kept),
        MEASURES[values["show"] or "requests"],
        by_day,
        cut,
        clipped,
        values["format"] == "csv",
    )


def _whole_hours(page: Parameters) -> tuple[Cut | None, int, bool]:
    """The hours of the days of a page that are known one by one, None without any; how many days these are; and whether
    days before them are asked for."""
    question = page.question
    period, clipped = question.period, False
    first, last = (period.local(instant).date() for instant in (period.start, period.end - HOUR / 4))
    cut = None
    counted = dimension_of("total", question.filters, question.owners.dimension_set)
    grain = RECORDS if counted is None else counted.grain(Grain.HOUR)
    if counted is not None and grain != RECORDS:
        kept = _kept_from(page, counted, grain)
        begins = _first_whole_day(kept, page) if day_start(first, period.zone) < kept else first
        clipped, first = begins > first, begins
        if first <= last:
            edges = hours(
                day_start(first, period.zone), day_start(last + timedelta(days=1), period.zone), period.zone
            )
            cut = Cut(edges, HOUR, grain)
    return cut, (last - first).days + 1, clipped


def _whole_days(page: Parameters) -> dict[str, str]:
    period = page.question.period
    # Of a period up to midnight that day is no part.
    ends = period.seen_end - timedelta(microseconds=1)
    first, last = (period.local(instant).date() for instant in (period.start, ends))
    return {"range": "custom", "from": first.isoformat(), "to": last.isoformat()}


def _kept_from(page: Parameters, counted: Dimension, grain: str) -> datetime:
    """Since when single hours are known."""
    period, owners = page.question.period, page.question.owners
    kept = [period.hours_from, period.now - HOURS_KEPT + DAY if grain == Grain.HOUR else period.since(grain)]
    if counted.since > 1 and owners.dimensions_from:
        kept.append(owners.dimensions_from)
    return max(kept)


def _first_whole_day(instant: datetime, page: Parameters) -> date:
    zone = page.question.period.zone
    day = instant.astimezone(zone).date()
    return day if day_start(day, zone) == instant else day + timedelta(days=1)


def _found(asked: Asked, fresh: Freshness) -> Buckets | None:
    if asked.cut is None:
        return None
    question = asked.page.question
    timed = asked.csv or asked.measure.name == "p95"
    found = reader.timeline(question.owners, asked.cut, question.filters, histograms=timed)
    return reader.begun(asked.cut, found, fresh)


def _context(request: HttpRequest, asked: Asked, found: Buckets | None, fresh: Freshness) -> dict:
    question, kept, path = asked.page.question, asked.page.kept, request.path
    hits = sum(part.hits for part in found.figures) if found else 0
    top = head(request, asked.page, fresh, hits)
    draw = cells.by_day if asked.by_day else cells.by_weekday
    lines = draw(found, question.period.zone, asked.measure) if found else []
    return {
        **top,
        "compared_with": "",
        "exact_url": "",
        "ranges": [each for each in top["ranges"] if each[0] not in ("1 h", "24 h")],
        **choices.of_page(asked.page),
        "unkept": found is None,
        "too_old": found is None and asked.clipped,
        "unfiltered_url": link(path, kept, **{name: "" for name in FilterForm.base_fields if name != "api"}),
        "measure": asked.measure,
        "measures": [
            (each.label, link(path, kept, show="" if name == "requests" else name), each == asked.measure)
            for name, each in MEASURES.items()
        ],
        "views": [
            ("By day", link(path, kept, by="day"), asked.by_day),
            ("By weekday", link(path, kept, by="weekday"), not asked.by_day),
        ],
        "by_day": asked.by_day,
        "clock": [f"{hour:02}" for hour in cells.ON_THE_CLOCK],
        "rows": _rows(request, asked, lines),
        "steps": [(level, _step(asked.measure, least, most)) for level, least, most in cells.steps(lines)],
        "sentence": _sentence(asked, lines, hits),
        "notes": _notes(asked, found),
        "csv_url": link(path, kept, format="csv"),
        "analytics_url": link(reverse("analytics", args=[request.org.slug]), kept, by="", show=""),
    }


def _rows(request: HttpRequest, asked: Asked, lines: Sequence[Line]) -> SafeString:
    """The body of the table: a month has hundreds of cells."""
    found = []
    for line in lines:
        row = [_markup(request, asked, line, hour, cell) for hour, cell in enumerate(line.cells)]
        found.append(markup('<tr><th scope="row">{}</th>{}</tr>\n', line.label, SafeString("".join(row))))
    return SafeString("".join(found))


def _markup(request: HttpRequest, asked: Asked, line: Line, hour: int, cell: Cell) -> SafeString:
    period = asked.page.question.period
    if cell.start is None or cell.end is None:
        return SafeString("<td></td>")
    text = asked.measure.written(cell.value)
    title = f"{line.label} {hour:02}:00: {text}"
    if cell.running:
        title += " (so far)"
    if not asked.by_day:
        title += f", {figures.counted(cell.hours, 'hour')}; opens the newest, {said(cell.start, period.zone)}"
    elif cell.hours > 1:
        title += ", twice on this clock"
    return markup(
        '<td class="heat-{}"><a href="{}" title="{}">{}</a></td>',
        cell.level,
        _closer(request, asked.page.kept, cell.start, cell.end, period),
        title,
        asked.measure.brief(cell.value),
    )


def _closer(request: HttpRequest, kept: Mapping[str, str], start: datetime, end: datetime, period) -> str:
    """An hour: its page, or where that shows whole days alone its records, for those who may see them."""
    span = {"range": "custom", "from": written(start, period.zone), "to": written(end, period.zone)}
    slug, kept = request.org.slug, {**kept, **span}
    recent = start >= period.minutes_from
    if not recent and request.user.may("log") and start >= period.since(RECORDS):
        return link(reverse("logs", args=[slug]), kept, by="", show="")
    return link(reverse("analytics", args=[slug]), kept, by="", show="")


def _step(measure: Measure, least: float, most: float) -> str:
    texts = [measure.written(value) for value in (least, most)]
    return texts[0] if texts[0] == texts[1] else " to ".join(texts)


def _sentence(asked: Asked, lines: Sequence[Line], hits: int) -> str:
    found = cells.extremes(lines)
    if found is None:
        return "Nothing is known of these hours."
    (day, hour, highest), (least_day, least_hour, lowest) = found
    written_ = asked.measure.written
    return (
        f"{figures.counted(hits, 'request')}. {asked.measure.label}: highest on {day} from {hour:02}:00 with "
        f"{written_(highest.value)}, lowest on {least_day} from {least_hour:02}:00 with {written_(lowest.value)}."
    )


def _notes(asked: Asked, found: Buckets | None) -> list[str]:
    if found is None or asked.cut is None:
        return []
    zone, notes = asked.page.question.period.zone, []
    for day, count in cells.odd_days(asked.cut.edges, zone):
        told = (
            "an hour that the clock shows twice is one cell"
            if count > 24
            else "the hour that the clock skips is empty"
        )
        notes.append(f"{day.day} {day:%b %Y} has {count} hours: {told}.")
    if not asked.by_day:
        notes.append(
            "Each cell is of all such hours of the period that are over, not of the one that is running."
        )
    if asked.clipped:
        since = said(asked.cut.edges[0], zone, year=True)
        notes.append(f"Single hours are no longer kept of all of it: here since {since}.")
    if asked.measure.name == "p95":
        notes.append(
            "Percentiles come from merged histograms, each within 1/64; refused requests are left out."
        )
    return notes


def _file(asked: Asked, found: Buckets | None) -> list[list[object]]:
    if found is None:
        return []
    zone = asked.page.question.period.zone
    return [
        [
            *(edge.astimezone(zone).isoformat() for edge in found.cut.edges[index : index + 2]),
            "yes" if index < found.complete else "no",
            part.hits,
            part.status_5xx,
            figures.share(part.status_5xx, part.hits),
            part.percentiles(0.95)[0],
            part.status_4xx,
            figures.share(part.status_4xx, part.hits),
            part.limited,
        ]
        for index, part in enumerate(found.figures)
    ]
