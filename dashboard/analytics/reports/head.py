"""The top of every page with figures: period, zone, freshness, ranges and filters."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.gzip import gzip_page

from apis.definitions import kinds
from apis.models import ApiDefinition, Revision
from dashboard.analytics.clock import said, said_span, written
from dashboard.analytics.reports import reader, traffic
from dashboard.analytics.reports.charts import figures, tiles
from dashboard.analytics.reports.parameters import (
    NO_KEY,
    Kept,
    Parameters,
    Refused,
    link,
    range_link,
)
from dashboard.analytics.reports.periods.period import RANGES, Period
from dashboard.analytics.reports.traffic import Freshness, Owners, Question, newest_of
from orgs.models import User
from orgs.providers import clients

LABELS = {"1h": "1 h", "24h": "24 h", "7d": "7 d", "30d": "30 d"}
FILTER_LABELS = {
    "api": "API",
    "key": "Key",
    "endpoint": "Endpoint",
    "oauth": "OAuth client",
    "version": "Version",
    "country": "Country",
    "tag": "Tag",
    "status": "Status",
    "primitive": "Primitive",
    "user_agent": "User agent",
    "address": "Address",
}
FIXED = {"", *(f"range={name}" for name in RANGES)}


def compressed_where_fixed(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The view, whose page is compressed where its address holds nothing that somebody could choose.

    A filter is text of the address that comes back beside hashes of keys, and what a compressed page measures would
    tell how alike they are (BREACH). At the few addresses that the navigation and the ranges lead to nobody has a say;
    the token of a form is masked anew in each answer, and the length of each varies by chance.
    """
    compressed = gzip_page(view)

    @wraps(view)
    def answer(request: HttpRequest, *args: str, **named: str) -> HttpResponse:
        fixed = request.META.get("QUERY_STRING", "") in FIXED
        return (compressed if fixed else view)(request, *args, **named)

    return answer


def refused(request: HttpRequest, refusal: Refused, section: str) -> HttpResponse:
    context = {"problems": refusal.problems, "section": section}
    return render(request, "analytics/refused.html", context, status=400)


def head(request: HttpRequest, asked: Parameters, fresh: Freshness, hits: int) -> dict:
    """Period, freshness, ranges and filters: the top of every page with figures."""
    period, path = asked.question.period, request.path
    return {
        "section": "analytics",
        "zone": period.zone.key,
        **steps_open_to(request.user),
        "start": period.start,
        "end": period.seen_end,
        "span": said_span(period.start, period.seen_end, period.now, period.zone),
        "recut": recut(asked),
        "gap": gap(asked.question.period),
        "sample": sample(asked.question),
        "whole_days": period.tier == "days",
        "compared_with": tiles.compared_with(period),
        "compared_how": tiles.compared_how(period),
        "fresh": fresh,
        "empty": not hits,
        "any_traffic": bool(hits)
        or asked.owned is not None
        or reader.any_traffic(asked.question.owners.org_ids),
        "owned_only": asked.owned is not None,
        "owns_none": asked.owned == (),
        "ranges": [
            (LABELS[name], range_link(path, asked.kept, name), name == period.name) for name in RANGES
        ],
        "exact_url": link(path, exactly(asked)),
        "from": clock(period, period.start),
        "to": clock(period, period.seen_end),
        "chips": chips(asked.kept, path, asked.question.owners, of_all=asked.owned is None),
        "kept": asked.kept,
    }


def steps_open_to(user: User) -> dict[str, bool]:
    """Which steps to the first traffic a page without any may link to."""
    return {
        "may_create_api": user.may("apis", "write"),
        "may_create_key": user.may("keys", "write"),
        "may_see_nodes": user.may("system"),
    }


def gap(period: Period) -> str:
    """What a page says of time that it was asked for and that is not kept any more; "" for nothing."""
    if period.asked_from is None:
        return ""
    since, asked_from = (said(each, period.zone, year=True) for each in (period.start, period.asked_from))
    return (
        f"What these figures are made of is kept since {since}. Of the time before, from {asked_from} on, nothing is "
        "known any more, and nothing of it is shown."
    )


def sample(question: Question) -> str:
    """What a page says of requests that are not among the newest, from which its figures are made; "" for nothing."""
    since = reader.sample_begins(question)
    if since is None:
        return ""
    newest, period = figures.exact(traffic.MOST_RECORDS), question.period
    return (
        f"No table counts this: all figures are of those among the newest {newest} "
        f"{newest_of(question.filters)}, since "
        f"{said(since, period.zone, year=True, pattern='%H:%M:%S')}, and are compared with nothing."
    )


def recut(asked: Parameters) -> str:
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


def exactly(asked: Parameters) -> dict[str, str | tuple[str, ...]]:
    """The state of a page with its period as it is, to the minute, wherever and whenever it is opened."""
    period = asked.question.period
    span = {"from": written(period.start, period.zone), "to": written(period.end, period.zone)}
    return {**asked.kept, "range": "custom", **span}


def clock(period: Period, instant: datetime) -> str:
    """An instant as <input type="datetime-local"> wants it."""
    return f"{period.local(instant):%Y-%m-%dT%H:%M}"


def chips(
    kept: Kept, path: str, owners: Owners, *, of_all: bool = True, named: Mapping[str, str] | None = None
) -> list[tuple[str, str, str]]:
    """(what, value, link without it) of each value of the filters in force. of_all: whether names of keys may be told
    that call others' APIs. named: the names of the APIs among them, if somebody has asked for them already."""
    asked = {name: kept[name] for name in FILTER_LABELS if name in kept}
    apis, keys, oauth = (asked.get(name, ()) for name in ("api", "key", "oauth"))
    newest = reader.newest_of_keys(owners, set(keys) - {NO_KEY} if of_all else ())
    of_clients = clients.names(set(oauth))
    named = api_names(set(apis)) if named is None else named
    names = {("api", api_id): name for api_id, name in named.items()}
    names |= {("key", key): newest.get(key, ("",))[0] or short_key(key) for key in keys if key != NO_KEY}
    names |= {("oauth", client_id): of_clients.of(client_id) for client_id in oauth}
    return [
        (
            FILTER_LABELS[filtered],
            names.get((filtered, value), value),
            link(path, kept, **{filtered: tuple(other for other in values if other != value)}),
        )
        for filtered, values in asked.items()
        for value in values
    ]


def api_names(api_ids: set[str]) -> dict[str, str]:
    """Names by id: of APIs that are deleted the last one they had."""
    names = dict(ApiDefinition.objects.filter(api_id__in=api_ids).values_list("api_id", "name"))
    missing = api_ids - names.keys() - {""}
    if missing:
        last = Revision.objects.filter(api_id__in=missing).order_by("api_id", "-created_at", "-number")
        for revision in last.distinct("api_id"):
            names[revision.api_id] = f"{kinds.names(revision.definition).name or revision.api_id} (deleted)"
    return names


def short_key(key: str) -> str:
    """The end of a key's hash, enough to tell it from others of an organisation."""
    return f"\N{HORIZONTAL ELLIPSIS}{key[-6:]}"
