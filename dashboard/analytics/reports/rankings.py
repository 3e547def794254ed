"""The rankings: which APIs, keys and endpoints the traffic goes through; a whole one page by page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from dashboard.analytics.clock import said
from dashboard.analytics.reports import choices, reader, traffic
from dashboard.analytics.reports.charts import figures, geometry
from dashboard.analytics.reports.head import (
    api_names,
    compressed_where_fixed,
    exactly,
    head,
    refused,
    short_key,
)
from dashboard.analytics.reports.parameters import (
    COMPARE,
    Parameters,
    Refused,
    link,
    narrowed,
    page_number,
    page_parameters,
)
from dashboard.analytics.reports.periods.period import Period
from dashboard.analytics.reports.rows import (
    dimension_of,
    looks_at_no_others,
    sampled,
)
from dashboard.analytics.reports.traffic import (
    Figures,
    Freshness,
    Question,
    Ranking,
    Row,
    newest_of,
)
from orgs.access import access
from orgs.http import numbered
from orgs.http.tables import Column, heads
from orgs.models import User
from orgs.providers import clients

ON_THE_PAGE = 10
IN_A_FILE = 5_000
MOST_SORTED = 250  # of which percentiles are made to sort by them
WITHOUT_API = "(no API)"
OR_BEFORE = ", or came before the days for which single records are kept"


@dataclass(frozen=True)
class Kind:
    """What a ranking is of.

    lines: what tells its lines apart (rows.LINES); parameter: what filters a page by a line, and by its API where the
    lines are of APIs; top: its title on the overview, "" if that shows none.
    without: what the requests have in common that no line holds; a request with several tags is in a line of each.
    personal: what tells people apart, which only who may see single records sees, and a line leads to those.
    """

    lines: str
    parameter: str
    title: str
    one: str
    columns: tuple[str, ...]  # of a file, before the figures
    top: str = ""
    without: str = ""
    personal: bool = False


KINDS = {
    "apis": Kind("api", "api", "APIs", "API", ("api_id", "api"), top="Top APIs"),
    "keys": Kind("key", "key", "Keys", "Key", ("key", "alias"), top="Top keys", without="carried no key"),
    "endpoints": Kind(
        "endpoint",
        "endpoint",
        "Endpoints",
        "Endpoint",
        ("api_id", "api", "endpoint"),
        top="Top endpoints",
    ),
    "clients": Kind(
        "client",
        "oauth",
        "OAuth clients",
        "OAuth client",
        ("oauth_client", "oauth_client_name"),
        without="carried no token of an OAuth client",
    ),
    "versions": Kind(
        "version",
        "version",
        "Versions",
        "Version",
        ("api_id", "api", "version"),
        without="named no version",
    ),
    "countries": Kind(
        "country", "country", "Countries", "Country", ("country",), without="came from no known country"
    ),
    "tags": Kind(
        "tag", "tag", "Tags", "Tag", ("tag",), without="have no tag, or others are counted for several"
    ),
    "primitives": Kind(
        "primitive",
        "primitive",
        "MCP primitives",
        "Primitive",
        ("api_id", "api", "primitive"),
        without="called no primitive of an MCP proxy",
    ),
    "agents": Kind(
        "agent",
        "user_agent",
        "User agents",
        "User agent",
        ("user_agent",),
        without=f"named no user agent{OR_BEFORE}",
        personal=True,
    ),
    "addresses": Kind(
        "address",
        "address",
        "Addresses",
        "Address",
        ("address",),
        without=f"came from no known address{OR_BEFORE}",
        personal=True,
    ),
}

FILE_FIGURES = (
    "requests",
    "2xx",
    "3xx",
    "4xx",
    "5xx",
    "429",
    "timed",
    "mean_ms",
    "max_ms",
)
FILE_PERCENTILES = ("p50_ms", "p95_ms", "p99_ms")


@dataclass(frozen=True)
class Line:
    """`changes`: the parameters that filter a page by this line; `bar`: an SVG width."""

    name: str
    note: str
    title: str
    changes: Mapping[str, str]
    bar: str
    hits: str
    share: str
    failed: str
    failing: bool
    limited: str
    took: str


@dataclass(frozen=True)
class Table:
    name: str
    title: str
    top_title: str
    one: str  # what a line is
    measure: str  # what `took` is: "p95", or "Mean" where no histograms are kept
    lines: tuple[Line, ...]
    count: int
    rest: str  # what the lines do not hold, in words; "" for nothing
    folding: str  # since when lines are told apart as they are, in words; "" for always


@access("session", "analytics", instead="owned_analytics")
@compressed_where_fixed
def whole(request: HttpRequest, org: str, table: str) -> HttpResponse:
    """A whole ranking, page by page."""
    if table not in KINDS:
        raise Http404
    check_right(request.user, table)
    try:
        asked = page_parameters(request.GET, request.org, timezone.now(), request.user)
        place = page_number(request.GET)
    except Refused as refusal:
        return refused(request, refusal, "analytics")
    reader.limit_time()
    context = _context(request, asked, table, place)
    if place.number > 1 and not context["lines"]:
        raise Http404
    return render(request, "analytics/table.html", context)


def check_right(user: User, name: str) -> None:
    """Raises PermissionDenied for a ranking that a person may not see."""
    if KINDS[name].personal and not user.may("log"):
        raise PermissionDenied


def _context(request: HttpRequest, asked: Parameters, name: str, place: numbered.Asked) -> dict:
    """One ranking on a page of its own."""
    question = asked.question
    fresh = reader.freshness(question.period.now)
    total = reader.totals(question.owners, question.period.counts.span, question.filters, histograms=False)
    ranking = table(name, asked, total.hits, fresh, limit=place.size, offset=place.offset)
    listed = min(ranking.count, MOST_SORTED) if _by_percentile(name, asked) else ranking.count
    return {
        **head(request, asked, fresh, total.hits),
        **links(request, asked, ranking),
        **choices.of_page(asked),
        "page": numbered.page(place, list(ranking.lines), listed, asked.kept),
        "back_url": link(reverse("analytics", args=[request.org.slug]), asked.kept),
    }


def links(request: HttpRequest, asked: Parameters, table: Table) -> dict:
    """A ranking with its links: each line filters the page, or the records behind it, the file and the whole table keep
    its filters."""
    path = reverse("analytics", args=[request.org.slug])
    kept = asked.kept
    if KINDS[table.name].personal:
        path_of_lines = reverse("logs", args=[request.org.slug])
        kept = {**exactly(asked), **dict.fromkeys(("measure", "sort", *COMPARE), "")}
    else:
        path_of_lines = path
    ordered_by = {"requests": "requests", "errors": "5xx", "p95": table.measure}
    columns = (
        Column(table.one),
        Column("Requests", "count", "requests", falling=True),
        Column("Share", "number", lesser=True),
        Column("5xx", "count", "errors", falling=True),
        Column("429", "number", lesser=True),
        Column(table.measure, "number", "p95", falling=True),
    )
    return {
        "table": table,
        "label": f"{table.title} by {ordered_by[asked.sort]}",
        "heads": heads(columns, asked.kept, default=asked.sort),
        "lines": [(line, link(path_of_lines, kept, **narrowed(kept, line.changes))) for line in table.lines],
        "csv_url": link(path, exactly(asked), format="csv", table=table.name),
        "all_url": link(reverse("analytics-table", args=[request.org.slug, table.name]), asked.kept),
    }


def tables(names: Sequence[str], asked: Parameters, all_hits: int, fresh: Freshness) -> dict[str, Table]:
    """The first lines of several rankings."""
    question, read = asked.question, {}
    if asked.sort != "p95":
        read = reader.rankings_of_newest(
            [KINDS[name].lines for name in names],
            question.owners,
            question.period.tables,
            question.filters,
            limit=ON_THE_PAGE,
            order=asked.sort,
        )
    return {
        name: table(name, asked, all_hits, fresh, limit=ON_THE_PAGE, ranking=read.get(KINDS[name].lines))
        for name in names
    }


def table(
    name: str,
    asked: Parameters,
    all_hits: int,
    fresh: Freshness,
    *,
    limit: int,
    offset: int = 0,
    ranking: Ranking | None = None,
) -> Table:
    """One ranking, as it was read or to be read. all_hits: the requests of the whole span, to say what the ranking
    leaves out."""
    question = asked.question
    ranking = ranking or _ranking(name, asked, limit, offset)
    names = Names.of(name, asked, ranking)
    top = max((row.figures.hits for row in ranking.rows), default=0)
    histograms = has_histograms(name, question)
    kind = KINDS[name]
    return Table(
        name=name,
        title=kind.title,
        top_title=kind.top,
        one=kind.one,
        measure="p95" if histograms else "Mean",
        lines=tuple(
            _line(name, row, names, top=top, all_hits=all_hits, histograms=histograms) for row in ranking.rows
        ),
        count=ranking.count,
        rest=_rest(name, question, ranking, all_hits, sorted_by_percentile=_by_percentile(name, asked)),
        folding=_folding(name, question.period, fresh) or _counted_since(name, question),
    )


def has_histograms(name: str, question: Question) -> bool:
    """Whether there are percentiles of the lines."""
    dimension_set = question.owners.dimension_set
    counted = dimension_of(KINDS[name].lines, question.filters, dimension_set)
    return counted is None or counted.has_histogram(dimension_set)


def _by_percentile(name: str, asked: Parameters) -> bool:
    """Whether the lines are sorted by what is made of the MOST_SORTED busiest only."""
    return asked.sort == "p95" and has_histograms(name, asked.question)


def file(name: str, asked: Parameters) -> tuple[list[str], list[list[object]], str]:
    """Header and rows of one ranking as a CSV file, one more than IN_A_FILE where there are more, and what it leaves
    out, in words."""
    question, ranking = asked.question, _ranking(name, asked, IN_A_FILE + 1, 0)
    names = Names.of(name, asked, ranking)
    histograms = has_histograms(name, question)
    columns, rows = KINDS[name].columns, []
    for row in ranking.rows:
        told = {
            "api_id": row.api_id,
            "api": names.apis.get(row.api_id, ""),
            "alias": names.alias(row.value),
            "oauth_client_name": names.clients.of(row.value),
        }
        percentiles = row.figures.percentiles(0.5, 0.95, 0.99) if histograms else ()
        who = (told.get(column, row.value) for column in columns)
        rows.append([*who, *file_figures(row.figures), *percentiles])
    header = [*columns, *FILE_FIGURES, *(FILE_PERCENTILES if histograms else ())]
    return header, rows, _left_out(name, question)


def _left_out(name: str, question: Question) -> str:
    """What a file leaves out that is made from the newest records, in words; "" for nothing."""
    owners, period, filters = question.owners, question.period, question.filters
    if dimension_of(KINDS[name].lines, filters, owners.dimension_set):
        return ""
    since = reader.newest_begin(KINDS[name].lines, owners, period.tables, filters)
    if since is None:
        return ""
    newest, begin = (
        figures.exact(traffic.MOST_RECORDS),
        said(since, period.zone, year=True, pattern="%H:%M:%S"),
    )
    return (
        f"This file is made from the newest {newest} {newest_of(filters)}: those before {begin} are missing."
    )


def file_figures(sums: Figures) -> list[object]:
    mean = sums.mean
    return [
        *(
            sums.hits,
            sums.status_2xx,
            sums.status_3xx,
            sums.status_4xx,
            sums.status_5xx,
            sums.limited,
            sums.timed,
        ),
        None if mean is None else round(mean, 3),
        sums.latency_max if sums.timed else None,
    ]


@dataclass(frozen=True)
class Names:
    """Names of APIs and OAuth clients as they are now, and what each key's newest record says of it."""

    apis: Mapping[str, str]
    keys: Mapping[str, tuple[str, datetime]]
    clients: clients.Names

    @classmethod
    def of(cls, kind: str, asked: Parameters, ranking: Ranking) -> "Names":
        if kind == "keys":
            keys = (row.value for row in ranking.rows)
            newest = reader.newest_of_keys(asked.question.owners, keys, apis=asked.owned)
            return cls({}, newest, clients.Names())
        if kind == "clients":
            return cls({}, {}, clients.names({row.value for row in ranking.rows}))
        return cls(api_names({row.api_id for row in ranking.rows}), {}, clients.Names())

    def alias(self, key: str) -> str:
        return self.keys[key][0] if key in self.keys else ""


def _ranking(name: str, asked: Parameters, limit: int, offset: int) -> Ranking:
    question = asked.question
    read = partial(
        reader.ranking, KINDS[name].lines, question.owners, question.period.tables, question.filters
    )
    if not _by_percentile(name, asked):
        # Counted by an earlier set of dimensions, keys have no percentiles.
        order = "mean" if asked.sort == "p95" else asked.sort
        return read(limit=limit, offset=offset, order=order)
    busiest = read(limit=max(MOST_SORTED, limit))
    rows = sorted(busiest.rows, key=lambda row: row.figures.percentiles(0.95)[0] or -1, reverse=True)
    return replace(busiest, rows=tuple(rows[offset : offset + limit]))


def _line(kind: str, row: Row, names: Names, *, top: int, all_hits: int, histograms: bool) -> Line:
    sums = row.figures
    name, note, title = _named(KINDS[kind], row, names)
    failed = figures.share(sums.status_5xx, sums.hits)
    return Line(
        name=name,
        note="" if note == name else note,
        title=title,
        changes=_narrowing(KINDS[kind], row),
        bar=geometry.bar_width(sums.hits, top),
        hits=figures.exact(sums.hits),
        share=figures.per_cent(figures.share(sums.hits, all_hits)),
        failed=f"{figures.exact(sums.status_5xx)} ({figures.per_cent(failed)})" if sums.status_5xx else "0",
        failing=bool(failed and failed >= 1),
        limited=figures.exact(sums.limited),
        took=figures.milliseconds(sums.percentiles(0.95)[0] if histograms else sums.mean),
    )


def _named(kind: Kind, row: Row, names: Names) -> tuple[str, str, str]:
    """A line's name, what is said beside it, and what is said of it where there is room."""
    api = names.apis.get(row.api_id) or row.api_id or WITHOUT_API
    match kind.lines:
        case "api":
            return api, "", row.api_id
        case "key":
            return names.alias(row.value) or short_key(row.value), short_key(row.value), row.value
        case "client":
            return names.clients.of(row.value), row.value, row.value
        case "endpoint" | "version" | "primitive":
            return row.value, api, row.api_id
        case _:
            return row.value, "", ""


def _narrowing(kind: Kind, row: Row) -> dict[str, str]:
    api = {"api": row.api_id} if "api_id" in kind.columns else {}
    return {kind.parameter: row.value, **api}


def _rest(
    kind: str, question: Question, ranking: Ranking, all_hits: int, *, sorted_by_percentile: bool
) -> str:
    rest, said = all_hits - ranking.hits, []
    owners, span, filters = question.owners, question.period.tables, question.filters
    most, without = sampled(KINDS[kind].lines, owners, span, filters, all_hits), KINDS[kind].without
    if rest > 0 and without and not (most and looks_at_no_others(filters)):
        older = f", or came before the newest {figures.exact(most)} {newest_of(filters)}" if most else ""
        said.append(f"{figures.counted(rest, 'request')} {without}{older}.")
    elif rest > 0:
        made_from = most if most and looks_at_no_others(filters) else ranking.hits
        said.append(f"Made from the newest {figures.exact(made_from)} of {figures.exact(all_hits)} requests.")
    if sorted_by_percentile and ranking.count > MOST_SORTED:
        said.append(f"Sorted are the {figures.exact(MOST_SORTED)} with most requests.")
    return " ".join(said)


def _counted_since(kind: str, question: Question) -> str:
    """Since when a kind of lines is counted, where a period begins before."""
    owners, period = question.owners, question.period
    counted = dimension_of(KINDS[kind].lines, question.filters, owners.dimension_set)
    if counted is None or counted.since == 1 or period.start >= (owners.dimensions_from or period.start):
        return ""
    return f"{KINDS[kind].title} are counted since {said(owners.dimensions_from, period.zone, year=True)}."


def _folding(kind: str, period: Period, fresh: Freshness) -> str:
    if kind != "endpoints" or fresh.folded_since is None or period.start >= fresh.folded_since:
        return ""
    since = said(fresh.folded_since, period.zone, year=True)
    return f"Since {since}, paths with ids of letters and digits are one line; before, each was counted under its own."
