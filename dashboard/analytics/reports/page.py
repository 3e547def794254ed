"""What the templates of the analytics and home pages are given."""

from collections.abc import Sequence
from datetime import datetime

from django.http import HttpRequest
from django.urls import reverse

from apis.models import ApiDefinition, Revision
from dashboard.analytics.clock import said, said_span, written
from dashboard.analytics.reports import figures, links, plots, reader, tables, tiles, traffic
from dashboard.analytics.reports.parameters import Asked
from dashboard.analytics.reports.periods import RANGES, Period
from dashboard.analytics.reports.plots import Event

LABELS = {"1h": "1 h", "24h": "24 h", "7d": "7 d", "30d": "30 d"}
MOST_EVENTS = 50
MOST_CHOICES = 500


def overview(request: HttpRequest, asked: Asked) -> dict:
    """The whole analytics page."""
    question, path = asked.question, request.path
    seen = traffic.read(question)
    events = published(request, question.period, question.filters.api)
    first = plots.share_plot if asked.kept.get("measure") == "share" else plots.status_plot
    return {
        **head(request, asked, seen.freshness, seen.total.hits),
        "tiles": tile_links(request, asked, seen),
        "plots": [
            (plot, links.link(path, exactly(asked), format="csv", table=plot.name))
            for plot in (
                first(question.period, seen, events),
                plots.latency_plot(question.period, seen, events),
            )
        ],
        "measure_url": links.link(
            path, asked.kept, measure="" if asked.kept.get("measure") == "share" else "share"
        ),
        "events": events,
        "tables": [
            table_links(
                request, asked, tables.table(name, question, seen.total.hits, limit=tables.ON_THE_PAGE)
            )
            for name in tables.KINDS
        ],
    }


def head(request: HttpRequest, asked: Asked, fresh: traffic.Freshness, hits: int) -> dict:
    """Period, freshness, ranges and filters: the top of every page with figures."""
    period, path = asked.question.period, request.path
    return {
        "section": "analytics",
        "zone": period.zone.key,
        "may_create_api": request.user.may("apis", "write"),
        "may_create_key": request.user.may("keys", "write"),
        "may_see_nodes": request.user.may("system"),
        "start": period.start,
        "end": period.seen_end,
        "span": said_span(period.start, period.seen_end, period.now, period.zone),
        "recut": recut(asked),
        "whole_days": period.tier == "days",
        "compared_with": tiles.compared_with(period),
        "compared_how": tiles.compared_how(period),
        "fresh": fresh,
        "waiting": figures.exact(fresh.waiting),
        "empty": not hits,
        "any_traffic": bool(hits) or reader.any_traffic(asked.question.owners.org_ids),
        "ranges": [
            (LABELS[name], links.range_link(path, asked.kept, name), name == period.name) for name in RANGES
        ],
        "exact_url": links.link(path, exactly(asked)),
        "from": clock(period, period.start),
        "to": clock(period, period.seen_end),
        "chips": chips(asked, path),
        "kept": asked.kept,
        "apis": api_choices(asked.kept.get("api", "")),
    }


def recut(asked: Asked) -> str:
    """What a change of the organisation's zone means for the figures shown, as sentences; "" for nothing."""
    cut, period = asked.cut, asked.question.period
    if cut.next_zone:
        return (
            f"The time zone of this organisation is now {cut.next_zone}. Its figures are being counted anew, "
            f"{cut.done} % so far; until that is done they are those of {cut.zone.key}."
        )
    if cut.exact_from and period.start < cut.exact_from:
        return (
            f"Days before {said(cut.exact_from, period.zone, year=True)} were counted in another time zone, and no "
            "single records are kept of them: they stand under their old dates."
        )
    return ""


def api_choices(chosen: str) -> list[tuple[str, str]]:
    """Id and name of the APIs that a filter offers; the one that is in force is always among them."""
    offered = list(ApiDefinition.objects.order_by("name", "id").values_list("api_id", "name")[:MOST_CHOICES])
    if chosen and chosen not in dict(offered):
        offered.insert(0, (chosen, tables.api_names({chosen}).get(chosen, chosen)))
    return offered


def exactly(asked: Asked) -> dict[str, str]:
    """The state of a page with its period as it is, to the minute, wherever and whenever it is opened."""
    period = asked.question.period
    span = {"from": written(period.start, period.zone), "to": written(period.end, period.zone)}
    return {**asked.kept, "range": "custom", **span}


def clock(period: Period, instant: datetime) -> str:
    """An instant as <input type="datetime-local"> wants it."""
    return f"{period.local(instant):%Y-%m-%dT%H:%M}"


def chips(asked: Asked, path: str) -> list[tuple[str, str, str]]:
    """(what, value, link without it) of each filter in force."""
    filters, found = asked.question.filters, []
    if filters.api:
        name = tables.api_names({filters.api}).get(filters.api, filters.api)
        found.append(("API", name, links.link(path, asked.kept, api="")))
    if filters.key:
        newest = reader.newest_of_keys(asked.question.owners.org_ids, [filters.key]).get(filters.key)
        name = (newest and newest[0]) or tables.short_key(filters.key)
        found.append(("Key", name, links.link(path, asked.kept, key="")))
    return found


def tile_links(request: HttpRequest, asked: Asked, seen: traffic.Traffic) -> list[tuple[tiles.Tile, str]]:
    """Each tile with a link to what it counts, where the person may go there."""
    slug, kept = request.org.slug, {**exactly(asked), "measure": ""}
    urls = {"keys": links.link(reverse("analytics-table", args=[slug, "keys"]), kept)}
    if request.user.may("log"):
        path = reverse("logs", args=[slug])
        urls["requests"] = links.link(path, kept)
        urls["errors"] = links.link(path, kept, status="5xx")
        urls["limited"] = links.link(path, kept, status="429")
        [p95] = seen.total.percentiles(0.95)
        urls["latency"] = links.link(path, kept, least_ms=str(int(p95))) if p95 is not None else ""
    return [(tile, urls.get(tile.name, "")) for tile in tiles.tiles(seen)]


def table_links(request: HttpRequest, asked: Asked, table: tables.Table) -> dict:
    """A ranking with its links: each line filters the page, the file and the whole table keep its filters."""
    path = reverse("analytics", args=[request.org.slug])
    return {
        "table": table,
        "lines": [(line, links.link(path, asked.kept, **line.changes)) for line in table.lines],
        "csv_url": links.link(path, exactly(asked), format="csv", table=table.name),
        "all_url": links.link(reverse("analytics-table", args=[request.org.slug, table.name]), asked.kept),
    }


def whole_table(request: HttpRequest, asked: Asked, name: str, number: int) -> dict:
    """One ranking on a page of its own, tables.A_PAGE lines at a time."""
    question = asked.question
    fresh = traffic.freshness(question.period.now)
    total = reader.totals(question.owners, question.period.counts.span, question.filters, histograms=False)
    offset = (number - 1) * tables.A_PAGE
    table = tables.table(name, question, total.hits, limit=tables.A_PAGE, offset=offset)
    last = max(1, -(-table.count // tables.A_PAGE))
    path = request.path
    return {
        **head(request, asked, fresh, total.hits),
        **table_links(request, asked, table),
        "first": offset + 1,
        "newer": links.link(path, asked.kept, p=str(number - 1)) if number > 1 else "",
        "older": links.link(path, asked.kept, p=str(number + 1)) if number < last else "",
        "note": f"Page {number} of {last}",
        "back_url": links.link(reverse("analytics", args=[request.org.slug]), asked.kept),
    }


def published(request: HttpRequest, period: Period, api_id: str) -> list[Event]:
    """The revisions published in a period, of one API or all, newest first."""
    found = Revision.objects.filter(created_at__gte=period.start, created_at__lt=period.end)
    names = {}
    if api_id:
        names = dict(ApiDefinition.objects.filter(api_id=api_id).values_list("id", "name"))
        found = found.filter(definition_id__in=names)
    newest = list(
        found.order_by("-created_at", "-id").only("definition_id", "number", "created_at", "author")[
            :MOST_EVENTS
        ]
    )
    if not api_id:
        ids = {revision.definition_id for revision in newest}
        names = dict(ApiDefinition.objects.filter(id__in=ids).values_list("id", "name"))
    return [_event(request, revision, names, period) for revision in newest]


def _event(request: HttpRequest, revision: Revision, names: dict[str, str], period: Period) -> Event:
    name = names.get(revision.definition_id)
    text = f"{name or 'A deleted API'}, revision {revision.number}, published by {revision.author}"
    url = ""
    if name and request.user.may("apis"):
        url = reverse("api-revision", args=[request.org.slug, revision.definition_id, revision.number])
    when = said(revision.created_at, period.zone, year=period.years, pattern="%H:%M:%S")
    return Event(revision.created_at, text, url, when)


def plot_file(plot_name: str, asked: Asked) -> tuple[list[str], Sequence[Sequence[object]]]:
    """Header and rows of a time chart as a CSV file."""
    period, seen = asked.question.period, traffic.read(asked.question)
    buckets = seen.latency if plot_name == "latency" else seen.counts
    edges = buckets.cut.edges
    rows = [
        [
            period.local(edges[index]).isoformat(),
            period.local(edges[index + 1]).isoformat(),
            "yes" if index < buckets.complete else "no",
            *_file_figures(plot_name, part),
        ]
        for index, part in enumerate(buckets.figures)
    ]
    header = LATENCY_FILE if plot_name == "latency" else REQUESTS_FILE
    return ["from", "to", "complete", *header], rows


LATENCY_FILE = ["timed", "p50_ms", "p95_ms", "p99_ms", "max_ms"]
REQUESTS_FILE = ["requests", "2xx", "3xx", "4xx", "5xx", "429"]


def _file_figures(plot_name: str, part: reader.Figures) -> list[object]:
    if plot_name == "latency":
        return [part.timed, *part.percentiles(*plots.SHARES), part.lat_max if part.timed else None]
    return [part.hits, part.s2, part.s3, part.s4, part.s5, part.limited]
