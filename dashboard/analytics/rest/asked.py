"""What a call asks for: days, filters, order, and whose traffic. What cannot be meant is a 400 that names it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.http import HttpRequest
from django.utils import timezone

from dashboard.analytics.clock import EARLIEST
from dashboard.analytics.reports import reader, zones
from dashboard.analytics.reports.parameters import MOST_VALUES, STATUS, RestUsageForm, owned_apis
from dashboard.analytics.reports.traffic import Filters, Owners
from dashboard.analytics.rest.answers import ORDERS
from orgs.http.rest import RestError, valid
from orgs.models import User

MOST_TAGS = 100
LONGEST_TAG = 200  # characters
NOT_OWNED = "User does not have access to the API with ID"
UNDECODABLE = "Key could not be decoded."
MOST_KEYS = 100
LONGEST_KEY = 128  # characters


@dataclass(frozen=True)
class Asked:
    """`first` and `last` are days of each owner's zone, both included. order: a name of ORDERS, "" for the usual one;
    sort: "1", "-1" or ""."""

    first: date
    last: date
    unit: str  # of time rows: "hour", "day" or "month"
    filters: Filters
    order: str
    sort: str
    owners: list[Owners]
    now: datetime


def asked(request: HttpRequest, dates: Mapping[str, str], *, api: str = "") -> Asked:
    """api: the one in the address, if any. Also bounds the time of each statement from here on.

    Whoever may see only what he owns asks for that. Raises RestError 400, or 403 for another API than that.
    """
    wanted = valid(RestUsageForm(request.GET)).cleaned_data
    order = wanted["by"].lower().replace("_", "")
    if order and order not in ORDERS:
        raise RestError(400, "by: must be one of Hits, Success, Error, RequestTime, Latency, LastHit")
    api = api or wanted["api_id"]
    owned = owned_by_caller(request.user, api)
    filters = Filters(
        apis=(api,) if api else owned or (),
        versions=tuple(filter(None, (wanted["api_version"],))),
        tags=_tags(request),
        statuses=_statuses(request),
    )
    first, last = _range(dates)
    reader.limit_time()
    return Asked(
        first,
        last,
        wanted["res"] or "day",
        filters,
        order,
        wanted["sort"],
        owners_of(request) if owned != () else [],
        timezone.now(),
    )


def owned_by_caller(user: User, api: str = "") -> tuple[str, ...] | None:
    """The IDs of the APIs that a person may see traffic of; None for all. api: the one that is asked for, if any.

    Raises RestError 403 if he may not see that one's, which says nothing of whether there is any.
    """
    owned = owned_apis(user)
    if owned is not None and api and api not in owned:
        raise RestError(403, NOT_OWNED)
    return owned


def key_of(name: str) -> str:
    """The hash of a key as an address has it. Raises RestError 400."""
    if len(name) > LONGEST_KEY:
        raise RestError(400, UNDECODABLE)
    return name


def keys_of(names: str) -> tuple[str, ...]:
    """Those of a list with commas, which may end with one. Raises RestError 400."""
    found = tuple(dict.fromkeys(key_of(name) for name in names.split(",") if name))
    if not 0 < len(found) <= MOST_KEYS:
        raise RestError(400, f"keys: must be 1 to {MOST_KEYS}")
    return found


def owners_of(request: HttpRequest) -> list[Owners]:
    """The caller's organisation; for a super-user all of them, those whose rows are cut and kept alike together."""
    if request.org is not None:
        return [zones.of(request.org, timezone.now()).owners(request.org.id)]
    alike: dict[tuple, list[str]] = {}
    cuts = zones.of_everybody(timezone.now())
    for org_id, cut in sorted(cuts.items()):
        since = cut.dimensions_from or EARLIEST
        kept = tuple(sorted(cut.held.items()))
        like = cut.zone.key, cut.base, kept, cut.dimension_set, since, cut.open_hours
        alike.setdefault(like, []).append(org_id)
    return [cuts[org_ids[0]].owners(*org_ids) for _, org_ids in sorted(alike.items())]


def _tags(request: HttpRequest) -> tuple[str, ...]:
    """Those of a parameter that may be repeated, have commas, or both."""
    found = _listed(request, "tags")
    if len(found) > MOST_TAGS or any(len(tag) > LONGEST_TAG for tag in found):
        raise RestError(400, f"tags: must be {MOST_TAGS} at most, of {LONGEST_TAG} characters at most")
    return found


def _statuses(request: HttpRequest) -> tuple[str, ...]:
    """Likewise."""
    found = _listed(request, "status")
    if len(found) > MOST_VALUES or not all(re.match(STATUS, status) for status in found):
        raise RestError(
            400, f"status: must be codes such as 404 or classes such as 5xx, {MOST_VALUES} at most"
        )
    return found


def _listed(request: HttpRequest, name: str) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(each for value in request.GET.getlist(name) for each in value.split(",") if each)
    )


def _range(dates: Mapping[str, str]) -> tuple[date, date]:
    first = _date("start", dates["d1"], dates["m1"], dates["y1"])
    last = _date("end", dates["d2"], dates["m2"], dates["y2"])
    if last < first:
        raise RestError(400, "The end date must not be earlier than the start date")
    return first, last


def _date(which: str, day: str, month: str, year: str) -> date:
    parts = (day, month, year)
    if not all(part.isascii() and part.isdigit() and len(part) <= 4 for part in parts):
        raise RestError(400, f"The {which} date must be numbers: day/month/year")
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        raise RestError(400, f"The {which} date {day}/{month}/{year} does not exist") from None
    if not 1970 <= found.year < 3000:
        raise RestError(400, f"The year of the {which} date must be between 1970 and 2999")
    return found
