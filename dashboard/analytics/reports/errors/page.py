"""The errors of a period: status, endpoint, API and key, why, how often, since when, and the records behind each."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from django import forms
from django.core.validators import RegexValidator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from dashboard.analytics.clock import DAY, HOUR, said
from dashboard.analytics.dimensions import KEPT, RECORDS
from dashboard.analytics.reports import choices, reader
from dashboard.analytics.reports.charts import figures, geometry, marks
from dashboard.analytics.reports.errors import reader as errors_reader
from dashboard.analytics.reports.errors.reader import SORTS, Errors, Line, Order
from dashboard.analytics.reports.errors.reasons import reason
from dashboard.analytics.reports.head import (
    api_names,
    compressed_where_fixed,
    exactly,
    head,
    refused,
    short_key,
)
from dashboard.analytics.reports.parameters import (
    FILTERS,
    NO_KEY,
    RANGE,
    Parameters,
    Refused,
    Several,
    link,
    narrowed,
    page_number,
    page_parameters,
    problems_of,
    state,
    without,
)
from dashboard.analytics.reports.traffic import Figures
from orgs.access import access
from orgs.http import numbered
from orgs.http.spreadsheet import csv_stream
from orgs.http.tables import Column, heads

IN_A_FILE = 5_000
KEPT_HERE = ("status", "by", "sort")
MEANT_OTHERWISE = ("measure", "sort", "status")  # or not at all
DEFAULT_SORT = "-count"
FILE = ("status", "why", "api_id", "api", "endpoint", "key", "alias", "requests", "timed", "first", "last")


class ErrorForm(forms.Form):
    status = Several(
        forms.CharField(
            validators=[
                RegexValidator(r"\A[45](xx|[0-9]{2})\Z", "An error such as 404 or a class such as 5xx.")
            ],
            label="Status",
        )
    )
    by = forms.ChoiceField(required=False, choices=[(value, value) for value in ("", "key", "endpoint")])
    sort = forms.ChoiceField(
        required=False, choices=[("", "")] + [(f"{sign}{name}",) * 2 for name in SORTS for sign in ("", "-")]
    )
    format = forms.ChoiceField(required=False, choices=[("", ""), ("csv", "csv")])


@dataclass(frozen=True)
class ErrorParameters:
    """page: what every page of analytics is asked; by_key: tell keys apart; place: the page of the list."""

    page: Parameters
    statuses: tuple[str, ...]
    by_key: bool
    sort: str
    place: numbered.Asked
    csv: bool


@access("session", "analytics", instead="owned_analytics")
@compressed_where_fixed
def error_list(request: HttpRequest, org: str) -> HttpResponse:
    """The page; all its lines as CSV with format=csv."""
    try:
        asked = error_parameters(request)
    except Refused as refusal:
        return refused(request, refusal, "errors")
    reader.limit_time()
    limit, offset = (IN_A_FILE + 1, 0) if asked.csv else (asked.place.size, asked.place.offset)
    order = Order(asked.sort, limit, offset)
    found = errors_reader.errors(asked.page.question, asked.statuses, order, by_key=asked.by_key)
    if asked.place.number > 1 and not found.lines:
        raise Http404
    names = Names.of(asked.page, found)
    if asked.csv:
        batches = [_file(found, names, asked), _file_end(asked, found)]
        return csv_stream(f"{request.org.slug}-errors.csv", FILE, batches, most=IN_A_FILE)
    return render(request, "analytics/errors.html", _context(request, asked, found, names))


def error_parameters(request: HttpRequest) -> ErrorParameters:
    """Raises Refused."""
    form = ErrorForm(request.GET)
    if not form.is_valid():
        raise Refused(problems_of(form))
    values = form.cleaned_data
    page = page_parameters(without(request.GET, *MEANT_OTHERWISE), request.org, timezone.now(), request.user)
    return ErrorParameters(
        page=replace(page, kept=page.kept | state(request.GET, KEPT_HERE)),
        statuses=values["status"],
        by_key=values["by"] != "endpoint",
        sort=values["sort"] or DEFAULT_SORT,
        place=page_number(request.GET),
        csv=values["format"] == "csv",
    )


@dataclass(frozen=True)
class Names:
    """Names of APIs as they are now, and what each key's newest record calls it."""

    apis: Mapping[str, str]
    aliases: Mapping[str, str]

    @classmethod
    def of(cls, asked: Parameters, found: Errors) -> "Names":
        keys = (line.key or "" for line in found.lines)
        newest = reader.newest_of_keys(asked.question.owners, keys, apis=asked.owned)
        aliases = {key: alias for key, (alias, _) in newest.items()}
        return cls(api_names({line.api_id for line in found.lines}), aliases)


def _context(request: HttpRequest, asked: ErrorParameters, found: Errors, names: Names) -> dict:
    question, kept, path = asked.page.question, asked.page.kept, request.path
    total = _total(asked)
    return {
        **head(request, asked.page, reader.freshness(question.period.now), total.hits),
        "section": "errors",
        **choices.of_page(asked.page),
        "codes": [code for code in choices.STATUSES if code.startswith(("4", "5"))],
        "compared_with": "",
        "requests": figures.counted(total.hits, "request"),
        "heads": heads(_columns(asked, found), kept, DEFAULT_SORT),
        "rows": [_row(request, line, names, asked) for line in found.lines],
        "statuses": [
            (label, link(path, kept, status=status), (status,) == (asked.statuses or ("",)))
            for label, status in (("All", ""), ("4xx", "4xx"), ("5xx", "5xx"))
        ],
        "events": marks.events(request, question),
        "read": _read(asked, found, total),
        "other_url": link(path, kept, by="endpoint" if found.by_key else ""),
        "by_key": found.by_key,
        "csv_url": link(path, exactly(asked.page), format="csv"),
        "page": numbered.page(asked.place, list(found.lines), found.count, kept),
    }


def _total(asked: ErrorParameters) -> Figures:
    question = asked.page.question
    return reader.totals(question.owners, question.period.counts.span, question.filters, histograms=False)


def _columns(asked: ErrorParameters, found: Errors) -> list[Column]:
    unit = _unit(asked, found)
    seen = f" ({unit})" if unit else ""
    return [
        Column("Status", "code", "status"),
        Column("Endpoint, and why"),
        *([Column("Key", "date")] if found.by_key else []),
        Column("Requests", "count", "count"),
        Column("Over time", "badge", lesser=True),
        Column(f"First{seen}", "code", "first", lesser=True),
        Column(f"Last{seen}", "code", "last"),
    ]


def _unit(asked: ErrorParameters, found: Errors) -> str:
    """What first and last are told to: "" for single records."""
    unit = KEPT[asked.page.question.period.tables.grain].unit
    return "" if found.by_key else {HOUR: "hour", DAY: "day"}.get(unit, "")


def _row(request: HttpRequest, line: Line, names: Names, asked: ErrorParameters) -> dict:
    period, kept, path = asked.page.question.period, asked.page.kept, request.path
    pattern = "" if _unit_is_day(asked, line) else "%H:%M"

    def told(instant) -> str:
        return said(instant, period.zone, year=period.years, pattern=pattern).strip()

    def of_line(**of: str) -> str:
        return link(path, kept, **narrowed(kept, of))

    key = line.key and (names.aliases.get(line.key) or short_key(line.key))
    return {
        "status": line.status,
        "status_class": f"{line.status // 100}xx",
        "status_url": link(path, kept, status=str(line.status)),
        "endpoint": line.endpoint,
        "endpoint_url": of_line(api=line.api_id, endpoint=line.endpoint),
        "api": names.apis.get(line.api_id) or line.api_id,
        "api_url": of_line(api=line.api_id),
        "why": _why(line),
        "key": key,
        "key_title": line.key,
        "key_url": of_line(key=line.key) if line.key else "",
        "hits": figures.exact(line.hits),
        "logs_url": _logs_url(request, line, asked),
        "spark": geometry.sparkline(line.over_time) if len(line.over_time) > 1 else None,
        "first": told(line.first),
        "last": told(line.last),
    }


def _unit_is_day(asked: ErrorParameters, line: Line) -> bool:
    return line.key is None and KEPT[asked.page.question.period.tables.grain].unit == DAY


def _why(line: Line) -> str:
    key = None if line.key is None else bool(line.key)
    return reason(line.status, key=key, hits=line.hits, timed=line.timed)


def _logs_url(request: HttpRequest, line: Line, asked: ErrorParameters) -> str:
    """The records behind a line: the same window and filters. "" for who may not see them, and where none are kept."""
    if not request.user.may("log") or line.last < asked.page.question.period.since(RECORDS):
        return ""
    window = {name: value for name, value in exactly(asked.page).items() if name in RANGE}
    filters = {name: value for name, value in asked.page.kept.items() if name in FILTERS}
    line_of = {"api": line.api_id, "status": str(line.status), "endpoint": line.endpoint}
    line_of |= {} if line.key is None else {"key": line.key or NO_KEY}
    return link(reverse("logs", args=[request.org.slug]), {**window, **filters}, **line_of)


def _read(asked: ErrorParameters, found: Errors, total: Figures) -> str:
    """What the lines are made from."""
    period = asked.page.question.period
    if not found.by_key:
        slow = f"Telling keys apart took more than {errors_reader.PATIENCE:g} s. " if asked.by_key else ""
        unit = _unit(asked, found)
        counted = f"by the {unit}" if unit else "one by one"
        return f"{slow}All errors of this period, counted {counted}, all keys together."
    if found.cut:
        of_class = {"4xx": total.status_4xx, "5xx": total.status_5xx}
        asked_for = asked.statuses or tuple(of_class)
        known = of_class.keys() >= set(asked_for)
        of = f" of {figures.exact(sum(of_class[status] for status in asked_for))}" if known else ""
        back = said(found.cut, period.zone, year=period.years)
        return f"Made from the newest {figures.exact(found.hits)}{of} errors, back to {back}."
    kept_from = period.since(RECORDS)
    if period.start < kept_from:
        since = said(kept_from, period.zone, year=True)
        return f"Made from single records, which are kept since {since}."
    return "Made from every single record of this period."


def _file_end(asked: ErrorParameters, found: Errors) -> list[list[object]]:
    """A last line that says what the file does not hold of what was asked for."""
    untold = asked.by_key and not found.by_key
    return [[_read(asked, found, _total(asked))]] if found.cut or untold else []


def _file(found: Errors, names: Names, asked: ErrorParameters) -> list[list[object]]:
    zone = asked.page.question.period.zone
    return [
        [
            line.status,
            _why(line),
            line.api_id,
            names.apis.get(line.api_id, ""),
            line.endpoint,
            line.key,
            names.aliases.get(line.key or "", ""),
            line.hits,
            line.timed,
            *(instant.astimezone(zone).isoformat(timespec="seconds") for instant in (line.first, line.last)),
        ]
        for line in found.lines
    ]
