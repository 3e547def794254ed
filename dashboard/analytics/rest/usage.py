"""Tyk's usage routes: requests by time and by API, and the versions that they can be filtered by.

Days are those of each organisation's zone. `last_hit` is exact where the records are read, to the minute or hour for
APIs, and the start of the row for a time series. Upstream extremes and the shortest latency are not kept and stand as
0. `pages` counts pages of ten rows; a time series comes whole unless `p` asks for one. What no rollup knows is read
from the newest records; `cut` beside `data` says what is missing then.
"""

from django.http import HttpRequest, HttpResponse

from apis.definitions import kinds
from apis.models import ApiDefinition
from dashboard.analytics.dimensions import NOT_VERSIONED, Dimension
from dashboard.analytics.reports import reader
from dashboard.analytics.reports.head import api_names
from dashboard.analytics.reports.rows import dimension_of
from dashboard.analytics.rest import reading
from dashboard.analytics.rest.answers import Missing, answer, ordered, row
from dashboard.analytics.rest.asked import asked, owned_by_caller
from orgs.access import access
from orgs.http.rest import RestError, json_response


@access("key", "analytics", instead="owned_analytics")
def usage(request: HttpRequest, **dates: str) -> HttpResponse:
    """Requests by hour, day or month (`res`), of all APIs or one (`api_id`)."""
    wanted = asked(request, dates)
    return answer(request, *reading.over_time(wanted, wanted.filters), is_timeline=True)


@access("key", "analytics", instead="owned_analytics")
def usage_of_api(request: HttpRequest, api: str, **dates: str) -> HttpResponse:
    """The same of the API in the address."""
    wanted = asked(request, dates, api=api)
    return answer(request, *reading.over_time(wanted, wanted.filters), is_timeline=True)


@access("key", "analytics", instead="owned_analytics")
def usage_of_apis(request: HttpRequest, **dates: str) -> HttpResponse:
    """Requests by API, the busiest first unless `by` and `sort` say otherwise."""
    wanted = asked(request, dates)
    rows, missing = [], Missing()
    for owners, span, found, left_out in reading.rankings(wanted, "api", wanted.filters):
        missing |= left_out
        apis = {line.api_id for line in found.rows}
        names, hits = api_names(apis), {}
        if dimension_of("api", wanted.filters) == Dimension.API:
            hits = reader.last_hits(owners, apis, span.start, span.end)
        rows += [
            row(
                line.figures,
                last_hit=hits.get(line.api_id),
                api_id=line.api_id,
                api_name=names.get(line.api_id, ""),
            )
            for line in found.rows
        ]
    return answer(request, ordered(rows, wanted.order or "hits", wanted.sort), missing)


@access("key", "analytics", instead="owned_analytics")
def versions(request: HttpRequest) -> HttpResponse:
    """The names of the versions of one API (`api_id`) as records of its traffic spell them, for `api_version`."""
    api_id = request.GET.get("api_id")
    if not api_id:
        raise RestError(400, "api_id: This field is required.")
    owned_by_caller(request.user, api_id)
    names = sorted({name for api in ApiDefinition.objects.filter(api_id=api_id) for name in _versions(api)})
    return json_response({"data": names or None, "pages": 1})


def _versions(api: ApiDefinition) -> list[str]:
    said = kinds.as_classic(api.definition).get("version_data") or {}
    return [NOT_VERSIONED] if said.get("not_versioned") else api.versions
