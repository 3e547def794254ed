"""Tyk's routes of MCP proxies: the figures of those APIs alone, by what their requests called.

A gateway of 5.14 and later says it: JSON-RPC's method, what kind of primitive (tool, resource or prompt) and which one.
Of what came through others the sums alone are known, and no row of a primitive.
"""

from collections.abc import Callable
from dataclasses import replace

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apis.models import ApiDefinition
from dashboard.analytics.rest import reading
from dashboard.analytics.rest.answers import Missing, answer, parts
from dashboard.analytics.rest.asked import Asked, asked, key_of
from orgs.access import access
from orgs.http import paging
from orgs.http.rest import RestError
from orgs.http.spreadsheet import csv_stream

MEMBERS = ("mcp_method", "mcp_primitive_type", "mcp_primitive_name")
FILE_FIGURES = ("hits", "success", "error", "last_hit", "request_time", "upstream_latency", "max_latency")


@access("key", "analytics", instead="owned_analytics")
def usage(request: HttpRequest, **dates: str) -> HttpResponseBase:
    """Requests by hour, day or month (`res`), of all MCP proxies or one (`api_id`)."""
    wanted, missing = _asked(request, dates)
    rows, cut = reading.over_time(wanted, wanted.filters)
    return _answer(request, rows, missing | cut, is_timeline=True)


@access("key", "analytics", instead="owned_analytics")
def primitives(request: HttpRequest, **dates: str) -> HttpResponseBase:
    """Requests by MCP proxy and primitive, the busiest first unless `by` and `sort` say otherwise."""
    return _answer(request, *_lines(request, dates))


@access("key", "analytics", instead="owned_analytics")
def failing_primitives(request: HttpRequest, **dates: str) -> HttpResponseBase:
    """Those of which requests were answered with 400 or more."""
    rows, missing = _lines(request, dates)
    return _answer(request, [row for row in rows if row["error"]], missing)


@access("key", "analytics")
def of_key(request: HttpRequest, key: str, **dates: str) -> HttpResponseBase:
    """Requests of one key to MCP proxies, with rows of times that have none."""
    wanted, missing = _asked(request, dates)
    rows, cut = reading.over_time(wanted, replace(wanted.filters, keys=(key_of(key),)), zeros=True)
    return _answer(request, rows, missing | cut, is_timeline=True)


def _asked(request: HttpRequest, dates: dict[str, str]) -> tuple[Asked, Missing]:
    """And what the primitives leave out that are narrowed to. Raises RestError as `asked` does."""
    wanted = asked(request, dates)
    proxies = ApiDefinition.objects.filter(kind="mcp")
    if wanted.filters.apis:
        proxies = proxies.filter(api_id__in=wanted.filters.apis)
    ids = tuple(proxies.order_by("api_id").values_list("api_id", flat=True))
    # No APIs would be those of any.
    of_proxies = replace(
        wanted, filters=replace(wanted.filters, apis=ids), owners=wanted.owners if ids else []
    )
    return _narrowed(of_proxies, {name: request.GET[name] for name in MEMBERS if request.GET.get(name)})


def _narrowed(wanted: Asked, called: dict[str, str]) -> tuple[Asked, Missing]:
    """To the primitives that have some of MEMBERS as they are asked for, among the busiest of an organisation."""
    if not called:
        return wanted, Missing()
    busiest, missing = reading.busiest(wanted, "primitive", wanted.filters)
    found = {value for value in busiest if called.items() <= parts(value, MEMBERS).items()}
    filters = replace(wanted.filters, primitives=tuple(sorted(found)))
    return replace(wanted, filters=filters, owners=wanted.owners if found else []), missing


def _lines(request: HttpRequest, dates: dict[str, str]) -> tuple[list[dict], Missing]:
    wanted, missing = _asked(request, dates)
    rows, cut = reading.lines(wanted, "primitive", wanted.filters, _grouped(request.GET.get("group_by", "")))
    return rows, missing | cut


def _grouped(group_by: str) -> Callable[[str], dict[str, object]]:
    """What rows are told apart by beside their API. group_by: some of MEMBERS with commas between, "" for all."""
    names = tuple(filter(None, group_by.split(","))) or MEMBERS
    if not set(names) <= set(MEMBERS):
        raise RestError(400, f"group_by: must be some of {', '.join(MEMBERS)}")
    return lambda value: {name: part if name in names else "" for name, part in parts(value, MEMBERS).items()}


def _answer(
    request: HttpRequest, rows: list[dict], missing: Missing, *, is_timeline: bool = False
) -> HttpResponseBase:
    """At most `limit` rows; as a file with type=csv."""
    kind = request.GET.get("type", "")
    if kind not in ("", "json", "csv"):
        raise RestError(400, "type: must be json or csv")
    try:
        limit = paging.whole_number(request.GET, "limit")
    except paging.BadPlace as error:
        raise RestError(400, str(error)) from None
    if limit == 0:
        raise RestError(400, "limit: must be 1 or more")
    rows = rows[:limit]
    if kind != "csv":
        return answer(request, rows, missing, is_timeline=is_timeline)
    named = ("year", "month", "day", "hour") if is_timeline else ("api_id", "api_name", *MEMBERS)
    lines = [
        [row["id"].get(name, "") for name in named] + [row[name] for name in FILE_FIGURES] for row in rows
    ]
    return csv_stream("mcp.csv", [*named, *FILE_FIGURES], [lines], most=len(lines), left_out=_said(missing))


def _said(missing: Missing) -> str:
    """What a file leaves out, in words; "" for nothing."""
    if missing.since is not None:
        return f"Figures are whole since {missing.since.isoformat()} only."
    return f"These are the busiest of {missing.rows}." if missing.rows else ""
