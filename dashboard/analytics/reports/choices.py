"""What the filters of a page offer by name: of an organisation's own, so few that a page can hold them.

Any other value can be asked for too: offered is what is most likely to be."""

# ruff: noqa: S608 - only names and conditions of these modules are put into SQL, every value is a parameter

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from apis.models import ApiDefinition
from dashboard.analytics.dimensions import OTHER, Grain
from dashboard.analytics.models import Endpoint
from dashboard.analytics.reports import reader
from dashboard.analytics.reports.head import short_key
from dashboard.analytics.reports.parameters import MOST_VALUES, NO_KEY, LogParameters, Parameters
from dashboard.analytics.reports.periods import cutting
from dashboard.analytics.reports.periods.period import Span
from dashboard.analytics.reports.rows import dimension_of, rows
from dashboard.analytics.reports.traffic import Filters, Owners
from orgs.db import reading
from orgs.providers import clients

MOST_APIS = 500
MOST_KEYS = 200
MOST_ENDPOINTS = 200
MOST_OTHERS = 100  # of each
# What is likely to be asked for is told by the newest days of a period alone: all of a month is four times as much to
# add up, on every page.
DAYS = 7
STATUSES = ("2xx", "3xx", "4xx", "5xx", "401", "403", "404", "429", "500", "502", "503", "504")
OTHERS = {
    "version": "versions",
    "client": "oauth_clients",
    "country": "countries",
    "tag": "tags",
    "primitive": "primitives",
    "endpoint": "endpoints_of",
}
NEWEST = {"endpoint": 2}  # days: of all APIs there are many
OF_EACH = {"endpoint": f"CASE WHEN value NOT LIKE '{{%%' THEN api_id || ' ' || value ELSE '{OTHER}' END"}

Choices = dict[str, list[tuple[str, str]]]


def of_page(asked: Parameters) -> dict[str, object]:
    """What a page of figures offers: (value, name) of each."""
    question = asked.question
    span = question.period.start, question.period.seen_end
    chosen = bool(asked.kept.get("api"))
    return _offered(question.owners, span, question.filters.apis, asked.owned, chosen=chosen)


def of_log(asked: LogParameters) -> dict[str, object]:
    """What the log browser offers: (value, name) of each."""
    wanted = asked.wanted
    span, apis = (wanted.start, wanted.end), wanted.filters.apis
    offered = _offered(asked.owners, span, apis, None, chosen=bool(apis))
    return offered | {"keys": [(NO_KEY, "no key"), *offered["keys"]]}


def _offered(
    owners: Owners,
    span: tuple[datetime, datetime],
    apis: tuple[str, ...],
    owned: tuple[str, ...] | None,
    *,
    chosen: bool,
) -> dict[str, Any]:
    """apis: the IDs of the APIs whose values alone are offered, none for all; owned: of those that alone may be.
    chosen: APIs are, of which any endpoint can be added; else those that are offered bring theirs."""
    first, last = (instant.astimezone(owners.zone).date() for instant in span)
    names, newest = _apis(owned), partial(_newest, owners, first, last)
    keys, more_keys = _keys(owners, newest(DAYS), apis, owned)
    return {
        "apis": names,
        "keys": keys,
        "more_keys": more_keys,
        "endpoints": _endpoints(owners, apis),
        **_others(owners, newest, apis, dict(names), {"endpoint"} if chosen else set()),
        "codes": STATUSES,
        "most_values": MOST_VALUES,
    }


def _apis(among: tuple[str, ...] | None) -> list[tuple[str, str]]:
    found = ApiDefinition.objects.order_by("name", "id")
    if among is not None:
        found = found.filter(api_id__in=among)
    return list(found.values_list("api_id", "name")[:MOST_APIS])


def _keys(
    owners: Owners, span: Span, apis: tuple[str, ...], owned: tuple[str, ...] | None
) -> tuple[list[tuple[str, str]], bool]:
    """The busiest keys of the newest DAYS by their names, and whether there are more."""
    # Requests without a key, and those of all keys above the number kept, have a row each, too.
    busiest = reader.busiest("key", owners, span, MOST_KEYS + 3, Filters(apis=apis))
    found = [key for key in busiest if key not in ("", OTHER)]
    keys = found[:MOST_KEYS]
    names = reader.newest_of_keys(owners, keys, apis=owned)
    named = [(key, f"{names[key][0] if key in names else ''} {short_key(key)}".strip()) for key in keys]
    return sorted(named, key=lambda pair: pair[1].casefold()), len(found) > MOST_KEYS


def _endpoints(owners: Owners, apis: Sequence[str]) -> list[tuple[str, str]]:
    """Those of some APIs: all of an organisation would be too many to look through."""
    if not apis:
        return []
    of_apis = Endpoint.objects.using(reading.source().alias).filter(
        org_id__in=owners.org_ids, api_id__in=apis
    )
    names = of_apis.order_by("endpoint").values_list("endpoint", flat=True).distinct()[:MOST_ENDPOINTS]
    return [(name, "") for name in names]


def _others(
    owners: Owners,
    newest: Callable[[int], Span],
    apis: tuple[str, ...],
    names: Mapping[str, str],
    without: Collection[str],
) -> Choices:
    """The busiest versions, OAuth clients, countries, tags and MCP primitives of the newest DAYS, and the endpoints of
    the newest two, each as its API's ID and itself. One statement. names: of APIs by their IDs; without: what is not
    offered."""
    filters = Filters(apis=apis)
    pieces = [
        (what, rows(what, owners, newest(NEWEST.get(what, DAYS)), filters, ["hits"]))
        for what in OTHERS
        if what not in without and dimension_of(what, filters, owners.dimension_set) is not None
    ]
    found: Choices = {name: [] for name in OTHERS.values()}
    if not pieces or not owners.org_ids:
        return found
    every = " UNION ALL ".join(
        f"SELECT '{what}' AS what, {OF_EACH.get(what, 'value')} AS value, hits FROM ({sql}) AS r"
        for what, (sql, _) in pieces
    )
    with reading.connection().cursor() as cursor:
        cursor.execute(
            f"""SELECT what, value FROM (
                SELECT what, value, row_number() OVER (PARTITION BY what ORDER BY sum(hits) DESC, value) AS place
                FROM ({every}) AS r GROUP BY what, value) AS ranked WHERE place <= %s ORDER BY what, value""",
            [*(value for _, (_, values) in pieces for value in values), MOST_OTHERS],
        )
        for what, value in cursor.fetchall():
            if value != OTHER:
                found[OTHERS[what]].append((value, ""))
    of_clients = clients.names({value for value, _ in found["oauth_clients"]})
    found["oauth_clients"] = [(value, of_clients.of(value)) for value, _ in found["oauth_clients"]]
    told = [(value, *value.split(" ", 1)) for value, _ in found["endpoints_of"]]
    found["endpoints_of"] = sorted(
        ((value, f"{endpoint} of {names[api]}") for value, api, endpoint in told if api in names),
        key=lambda pair: pair[1].casefold(),
    )
    return found


def _newest(owners: Owners, first: date, last: date, days: int) -> Span:
    return cutting.days(max(first, last - timedelta(days=days - 1)), last, owners.zone, Grain.DAY_DETAIL)
