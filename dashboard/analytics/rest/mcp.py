"""Tyk's routes of MCP proxies: the figures of those APIs alone.

What a call names inside is not kept, neither its method nor the tool, resource or prompt, so a primitive is the path
that was called, as endpoints are counted. What asks for more is refused, and never answered as if it had been counted.
"""

from dataclasses import replace

from django.http import HttpRequest, HttpResponse

from apis.models import ApiDefinition
from dashboard.analytics.rest import reading
from dashboard.analytics.rest.activity import path_of
from dashboard.analytics.rest.answers import Missing, answer
from dashboard.analytics.rest.asked import Asked, asked, key_of
from orgs.access import access
from orgs.http import paging
from orgs.http.rest import RestError

UNKNOWN = ("mcp_method", "mcp_primitive_type", "mcp_primitive_name", "group_by")


@access("key", "analytics", instead="owned_analytics")
def usage(request: HttpRequest, **dates: str) -> HttpResponse:
    """Requests by hour, day or month (`res`), of all MCP proxies or one (`api_id`)."""
    wanted = _asked(request, dates)
    return answer(request, *reading.over_time(wanted, wanted.filters), is_timeline=True)


@access("key", "analytics", instead="owned_analytics")
def primitives(request: HttpRequest, **dates: str) -> HttpResponse:
    """Requests by MCP proxy and path, the busiest first unless `by` and `sort` say otherwise."""
    return _primitives(request, *_lines(request, dates))


@access("key", "analytics", instead="owned_analytics")
def failing_primitives(request: HttpRequest, **dates: str) -> HttpResponse:
    """Those of which requests were answered with 400 or more."""
    rows, missing = _lines(request, dates)
    return _primitives(request, [row for row in rows if row["error"]], missing)


@access("key", "analytics")
def of_key(request: HttpRequest, key: str, **dates: str) -> HttpResponse:
    """Requests of one key to MCP proxies, with rows of times that have none."""
    wanted = _asked(request, dates)
    rows, missing = reading.over_time(wanted, replace(wanted.filters, keys=(key_of(key),)), zeros=True)
    return answer(request, rows, missing, is_timeline=True)


def _asked(request: HttpRequest, dates: dict[str, str]) -> Asked:
    """Raises RestError as `asked` does, and 400 for what is not counted."""
    for name in UNKNOWN:
        if request.GET.get(name):
            raise RestError(400, f"{name}: is not counted; requests are by API, path, key and time")
    if request.GET.get("type", "json") not in ("", "json"):
        raise RestError(400, "type: must be json")
    wanted = asked(request, dates)
    proxies = ApiDefinition.objects.filter(kind="mcp")
    if wanted.filters.apis:
        proxies = proxies.filter(api_id__in=wanted.filters.apis)
    ids = tuple(proxies.order_by("api_id").values_list("api_id", flat=True))
    # No APIs would be those of any.
    return replace(
        wanted,
        filters=replace(wanted.filters, apis=ids),
        owners=wanted.owners if ids else [],
    )


def _lines(request: HttpRequest, dates: dict[str, str]) -> tuple[list[dict], Missing]:
    wanted = _asked(request, dates)
    return reading.lines(wanted, "endpoint", wanted.filters, path_of)


def _primitives(request: HttpRequest, rows: list[dict], missing: Missing) -> HttpResponse:
    try:
        limit = paging.whole_number(request.GET, "limit")
    except paging.BadPlace as error:
        raise RestError(400, str(error)) from None
    if limit == 0:
        raise RestError(400, "limit: must be 1 or more")
    return answer(request, rows[:limit], missing)
