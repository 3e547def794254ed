"""Tyk's activity routes: of keys, OAuth clients, errors, endpoints and countries.

`last_hit` is exact for keys while their records are kept. What a key or an OAuth client did at which endpoint is read
from the newest records; `cut` beside `data` says what is missing then, or since when clients and countries are
counted. The longest latency of requests from no known country stands as 0.
"""

from dataclasses import replace

from django.http import HttpRequest, HttpResponse

from dashboard.analytics.reports import reader
from dashboard.analytics.reports.rows import dimension_of
from dashboard.analytics.rest import reading
from dashboard.analytics.rest.answers import Missing, answer, ordered, row
from dashboard.analytics.rest.asked import asked, key_of, keys_of
from orgs.access import access


@access("key", "analytics")
def of_keys(request: HttpRequest, **dates: str) -> HttpResponse:
    """Requests by key, the busiest first unless `by` and `sort` say otherwise."""
    wanted = asked(request, dates)
    rows, missing = [], Missing()
    for owners, span, found, left_out in reading.rankings(wanted, "key", wanted.filters):
        is_counted = dimension_of("key", wanted.filters, owners.dimension_set) is not None
        missing |= left_out
        newest = reader.newest_of_keys(owners, (line.value for line in found.rows), span.end)
        for line in found.rows:
            alias, last_hit = newest.get(line.value, ("", None))
            last_hit = last_hit if is_counted else line.figures.last
            rows.append(row(line.figures, last_hit=last_hit, key=line.value, alias=alias))
    return answer(request, ordered(rows, wanted.order or "hits", wanted.sort), missing)


@access("key", "analytics")
def of_key(request: HttpRequest, key: str, **dates: str) -> HttpResponse:
    """Requests of one key by hour, day or month (`res`), with rows of those that have none."""
    return _over_time(request, dates, keys=(key_of(key),))


@access("key", "analytics")
def of_several_keys(request: HttpRequest, keys: str, **dates: str) -> HttpResponse:
    """The same of several keys together, with commas between them."""
    return _over_time(request, dates, keys=keys_of(keys))


@access("key", "analytics")
def endpoints_of_key(request: HttpRequest, key: str, **dates: str) -> HttpResponse:
    return _lines(request, dates, "endpoint", path_of, keys=(key_of(key),))


@access("key", "analytics")
def of_client(request: HttpRequest, client: str, **dates: str) -> HttpResponse:
    """Requests of one OAuth client by hour, day or month (`res`), with rows of those that have none."""
    return _over_time(request, dates, clients=(client,))


@access("key", "analytics")
def endpoints_of_client(request: HttpRequest, client: str, **dates: str) -> HttpResponse:
    return _lines(request, dates, "endpoint", path_of, clients=(client,))


@access("key", "analytics", instead="owned_analytics")
def errors(request: HttpRequest, **dates: str) -> HttpResponse:
    """Requests that were answered with 400 or more, by that code."""
    return _lines(request, dates, "code", lambda value: {"code": int(value)})


@access("key", "analytics", instead="owned_analytics")
def endpoints(request: HttpRequest, **dates: str) -> HttpResponse:
    """Requests by API and path, of whichever method."""
    return _lines(request, dates, "endpoint", path_of)


@access("key", "analytics")
def countries(request: HttpRequest, **dates: str) -> HttpResponse:
    """Requests by country, those of which it is not known included."""
    return _lines(request, dates, "country", lambda value: {"iso_country": value})


def _over_time(request: HttpRequest, dates: dict[str, str], **of: object) -> HttpResponse:
    wanted = asked(request, dates)
    rows, missing = reading.over_time(wanted, replace(wanted.filters, **of), zeros=True)
    return answer(request, rows, missing, is_timeline=True)


def _lines(
    request: HttpRequest, dates: dict[str, str], what: str, named: reading.Named, **of: object
) -> HttpResponse:
    wanted = asked(request, dates)
    return answer(request, *reading.lines(wanted, what, replace(wanted.filters, **of), named))


def path_of(endpoint: str) -> dict[str, object]:
    """The path of an endpoint as it is counted, "GET /orders/{id}"; of those counted together, "{other}"."""
    method, _, path = endpoint.partition(" ")
    return {"path": path or method}
