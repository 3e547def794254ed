"""The analytics page: tiles, time charts and rankings of a period, and each of them as a file."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from dashboard.analytics.clock import written
from dashboard.analytics.dimensions import RECORDS
from dashboard.analytics.reports import choices, rankings, reader
from dashboard.analytics.reports.charts import marks, plots, tiles
from dashboard.analytics.reports.charts.tiles import compared_how, compared_with
from dashboard.analytics.reports.head import (
    clock,
    compressed_where_fixed,
    exactly,
    head,
    refused,
    sample,
)
from dashboard.analytics.reports.parameters import COMPARE, Parameters, Refused, link, page_parameters
from dashboard.analytics.reports.traffic import Figures, Traffic
from orgs.access import access
from orgs.http.spreadsheet import csv_stream

FILES = (*rankings.KINDS, "requests", "latency")


@access("session", "analytics", instead="owned_analytics")
@compressed_where_fixed
def overview(request: HttpRequest, org: str) -> HttpResponse:
    """The page; one of its tables as CSV with format=csv&table=…"""
    try:
        asked = page_parameters(request.GET, request.org, timezone.now(), request.user)
        file = _wanted_file(request)
    except Refused as refusal:
        return refused(request, refusal, "analytics")
    reader.limit_time()
    if file:
        of_table = _plot_file
        if file in rankings.KINDS:
            rankings.check_right(request.user, file)
            of_table = rankings.file
        header, rows, left_out = of_table(file, asked)
        name, most = f"{request.org.slug}-{file}.csv", rankings.IN_A_FILE
        return csv_stream(name, header, [rows], most=most, left_out=left_out)
    return render(request, "analytics/overview.html", _context(request, asked))


def _wanted_file(request: HttpRequest) -> str:
    """The table wanted as CSV, "" for the page. Raises Refused."""
    wanted = request.GET.get("format", "")
    if wanted not in ("", "csv"):
        raise Refused([("format", "format must be csv or left out.")])
    if not wanted:
        return ""
    name = request.GET.get("table", "requests")
    if name not in FILES:
        raise Refused([("table", f"table must be one of {', '.join(FILES)}.")])
    return name


def _context(request: HttpRequest, asked: Parameters) -> dict:
    question, path = asked.question, request.path
    period, closer = question.period, closer_looks(request, asked)
    seen = reader.traffic(question)
    shown = [name for name, kind in rankings.KINDS.items() if kind.top]
    tables = rankings.tables(shown, asked, seen.total.hits, seen.freshness)
    if seen.keys is None:
        # Made from the same records, which are then read once less.
        seen = replace(seen, keys=tables["keys"].count)
    events = marks.events(request, question)
    first = plots.share_plot if asked.kept.get("measure") == "share" else plots.status_plot
    return {
        **head(request, asked, seen.freshness, seen.total.hits),
        "tiles": tile_links(request, asked, seen),
        "plots": [
            (replace(plot, links=closer), link(path, exactly(asked), format="csv", table=plot.name))
            for plot in (first(period, seen, events), plots.latency_plot(period, seen, events))
        ],
        "comparisons": _comparisons(request, asked),
        "measure_url": link(
            path, asked.kept, measure="" if asked.kept.get("measure") == "share" else "share"
        ),
        "events": events,
        **choices.of_page(asked),
        "tables": [rankings.links(request, asked, table) for table in tables.values()],
        "hours_url": link(
            reverse("analytics-hours", args=[request.org.slug]),
            asked.kept,
            **dict.fromkeys(("measure", "sort", *COMPARE), ""),
        ),
        "rare": [
            (
                kind.title,
                link(reverse("analytics-table", args=[request.org.slug, name]), asked.kept),
            )
            for name, kind in rankings.KINDS.items()
            if not kind.top and (not kind.personal or request.user.may("log"))
        ],
    }


def _comparisons(request: HttpRequest, asked: Parameters) -> dict:
    """What the charts can be compared with: (label, address, whether it is) of each, and both ends of another."""
    period, path = asked.question.period, request.path
    compared = period.compared
    chosen = compared.how if compared.drawn else ""
    weeks = -(-max(period.days_covered - 1, 1) // 7)
    named = [
        ("Period before", "before"),
        ("Same weekdays, a week before" if weeks == 1 else f"Same weekdays, {weeks} weeks before", "week"),
    ]
    return {
        "links": [
            (label, link(path, asked.kept, compare=how, compare_to=""), how == chosen) for label, how in named
        ],
        "none_url": link(path, asked.kept, compare="", compare_to="") if chosen else "",
        "start": clock(period, compared.start),
        "end": clock(period, compared.end) if compared.whole else "",
        "what": compared_with(period) if chosen else "",
        "how": compared_how(period),
    }


def closer_looks(request: HttpRequest, asked: Parameters) -> tuple[tuple[tuple[str, str], ...], ...]:
    """For each bucket of the charts the links, as (text, address), to its time on this page, where that shows more, and
    to its records, where they are kept and the person may see them."""
    period, kept = asked.question.period, {**asked.kept, "range": "custom"}
    logs = reverse("logs", args=[request.org.slug]) if request.user.may("log") else ""
    found = []
    for start, end in pairwise(period.counts.edges):
        span = {"from": written(start, period.zone), "to": written(end, period.zone)}
        links = []
        if period.tells_more(start, end):
            links.append(("Zoom in", link(request.path, {**kept, **span})))
        if logs and end > period.since(RECORDS):
            links.append(("Logs", link(logs, {**kept, **span}, measure="", sort="")))
        found.append(tuple(links))
    return tuple(found)


def tile_links(request: HttpRequest, asked: Parameters, seen: Traffic) -> list[tuple[tiles.Tile, str]]:
    """Each tile with a link to what it counts, where the person may go there."""
    slug, kept = request.org.slug, {**exactly(asked), "measure": ""}
    urls = {"keys": link(reverse("analytics-table", args=[slug, "keys"]), kept)}
    urls["errors"] = link(reverse("errors", args=[slug]), kept, status="5xx")
    # There they stand by key and endpoint, each with its reason.
    urls["limited"] = link(reverse("errors", args=[slug]), kept, status="429")
    urls["latency"] = link(reverse("analytics", args=[slug]), kept, sort="p95")
    if request.user.may("log"):
        path = reverse("logs", args=[slug])
        urls["requests"] = link(path, kept)
        [p95] = seen.total.percentiles(0.95)
        if p95 is not None:
            urls["latency"] = link(path, kept, least_ms=str(int(p95)))
    return [(tile, urls.get(tile.name, "")) for tile in tiles.tiles(seen)]


def _plot_file(plot_name: str, asked: Parameters) -> tuple[list[str], Sequence[Sequence[object]], str]:
    """Header and rows of a time chart as a CSV file, and what it leaves out, in words."""
    period, seen = asked.question.period, reader.traffic(asked.question)
    buckets = seen.latency if plot_name == "latency" else seen.counts
    edges = buckets.cut.edges
    compared = plots.compared_latency if plot_name == "latency" else plots.compared_requests
    beside = [None if value is None else round(value, 3) for value in compared(period, seen)]
    rows = [
        [
            period.local(edges[index]).isoformat(),
            period.local(edges[index + 1]).isoformat(),
            "yes" if index < buckets.complete else "no",
            *_file_figures(plot_name, part),
            *beside[index : index + 1],
        ]
        for index, part in enumerate(buckets.figures)
    ]
    header = LATENCY_FILE if plot_name == "latency" else REQUESTS_FILE
    return (
        ["from", "to", "complete", *header, *(["compared"] if beside else [])],
        rows,
        sample(asked.question),
    )


LATENCY_FILE = ["timed", "p50_ms", "p95_ms", "p99_ms", "max_ms", "upstream_timed", "upstream_mean_ms"]
REQUESTS_FILE = ["requests", "2xx", "3xx", "4xx", "5xx", "429"]


def _file_figures(plot_name: str, part: Figures) -> list[object]:
    if plot_name == "latency":
        mean = part.upstream_mean
        return [
            *(part.timed, *part.percentiles(*plots.SHARES), part.latency_max if part.timed else None),
            *(part.upstream_hits, None if mean is None else round(mean, 3)),
        ]
    return [part.hits, part.status_2xx, part.status_3xx, part.status_4xx, part.status_5xx, part.limited]
