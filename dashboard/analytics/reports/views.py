"""Pages about traffic: home, overview, whole rankings, the log browser."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from dashboard.analytics.reports import home as home_page
from dashboard.analytics.reports import logs, page, reader, records, tables, traffic
from dashboard.analytics.reports.parameters import Refused, ask, ask_logs
from orgs.access import access
from orgs.http.spreadsheet import csv_response

FILES = (*tables.KINDS, "requests", "latency")


@access("session")
def home(request: HttpRequest, org: str) -> HttpResponse:
    """How the organisation fares, what changed last, and the first steps until traffic comes."""
    reader.limit_time()
    return shown(request, "analytics/home.html", home_page.home(request, timezone.now()))


@access("session", "analytics")
def overview(request: HttpRequest, org: str) -> HttpResponse:
    """Tiles, time charts and rankings of a period; one of its tables as CSV with format=csv&table=…"""
    try:
        asked = ask(request.GET, request.org, timezone.now())
        file = wanted_file(request)
    except Refused as refusal:
        return refused(request, refusal, "analytics")
    reader.limit_time()
    if file:
        header, rows = (
            tables.file(file, asked.question) if file in tables.KINDS else page.plot_file(file, asked)
        )
        return csv_response(f"{request.org.slug}-{file}.csv", header, rows)
    return shown(request, "analytics/overview.html", page.overview(request, asked))


@access("session", "analytics")
def table(request: HttpRequest, org: str, table: str) -> HttpResponse:
    """A whole ranking, page by page."""
    if table not in tables.KINDS:
        raise Http404
    try:
        asked = ask(request.GET, request.org, timezone.now())
        number = page_number(request)
    except Refused as refusal:
        return refused(request, refusal, "analytics")
    reader.limit_time()
    context = page.whole_table(request, asked, table, number)
    if number > 1 and not context["lines"]:
        raise Http404
    return shown(request, "analytics/table.html", context)


@access("session", "log")
def log_list(request: HttpRequest, org: str) -> HttpResponse:
    """Single records, newest first; the shown page as CSV with format=csv."""
    now = timezone.now()
    try:
        asked = ask_logs(request.GET, request.org, now)
        file = wanted_file(request, table=False)
    except Refused as refusal:
        return refused(request, refusal, "logs")
    reader.limit_time()
    found = logs.search([request.org.id], asked.wanted, asked.place)
    if file:
        return csv_response(f"{request.org.slug}-logs.csv", *records.file(found, request.org.zone))
    fresh = traffic.freshness(now)
    return shown(request, "analytics/logs.html", records.listing(request, asked, found, fresh))


@access("session", "log")
def log_record(request: HttpRequest, org: str, ts: int, id: int) -> HttpResponse:
    """One record with all that is known of it."""
    try:
        record = logs.one(request.org.id, logs.instant(ts), id)
    except ValueError:
        record = None
    if record is None:
        raise Http404
    return shown(request, "analytics/record.html", records.detail(request, record))


def shown(request: HttpRequest, template: str, context: dict) -> HttpResponse:
    """A page whose times are those of the organisation."""
    with timezone.override(request.org.zone):
        return render(request, template, context)


def wanted_file(request: HttpRequest, *, table: bool = True) -> str:
    """The table wanted as CSV, "" for the page. Raises Refused."""
    wanted = request.GET.get("format", "")
    if wanted not in ("", "csv"):
        raise Refused([("format", "format must be csv or left out.")])
    if not wanted or not table:
        return wanted
    name = request.GET.get("table", "requests")
    if name not in FILES:
        raise Refused([("table", f"table must be one of {', '.join(FILES)}.")])
    return name


def page_number(request: HttpRequest) -> int:
    text = request.GET.get("p", "") or "1"
    if not (text.isascii() and text.isdigit() and int(text[:6]) >= 1 and len(text) <= 5):
        raise Refused([("p", "p must be the number of a page.")])
    return int(text)


def refused(request: HttpRequest, refusal: Refused, section: str) -> HttpResponse:
    context = {"problems": refusal.problems, "section": section}
    return render(request, "analytics/refused.html", context, status=400)
