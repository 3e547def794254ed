"""Tyk's analytics routes: usage by time and by API, activity by key, log records.

Days are those of each organisation's zone. `last_hit` is exact for keys while their records are kept, to
the minute or hour for APIs, and the start of the row for a time series. Upstream extremes and the shortest
latency are not kept and stand as 0. `pages` counts pages of ten rows; a time series comes whole unless `p`
asks for one. Log records are paged through to the newest 10,000 that match.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from dashboard.analytics.dimensions import RECORDS, Grain, kept_for
from dashboard.analytics.models import Record
from dashboard.analytics.reports import periods, reader, zones
from dashboard.analytics.reports.head import api_names
from dashboard.analytics.reports.parameters import RestLogForm, RestUsageForm
from dashboard.analytics.reports.search import Numbered, Wanted
from dashboard.analytics.reports.traffic import Figures, Filters, Owners, together
from orgs.access import access
from orgs.http.rest import RestError, json_response, page, stamp, valid

MOST_ROWS = 5_000
MOST_RECORDS = 10_000
NO_KEY = "00000000"
ORDERS: dict[str, Callable[[dict], object]] = {
    "hits": lambda row: row["hits"],
    "success": lambda row: row["success"],
    "error": lambda row: row["error"],
    "requesttime": lambda row: row["request_time"],
    "latency": lambda row: row["latency"],
    "lasthit": lambda row: row["last_hit"],
}
# Filters of the original which no rollup knows. To pass over them would answer with other figures than asked.
UNKNOWN_FILTERS = ("tags", "api_version")


@access("key", "analytics")
def usage(request: HttpRequest, **dates: str) -> HttpResponse:
    """Requests by hour, day or month (`res`), of all APIs or one (`api_id`)."""
    wanted = _parameters(request)
    first, last = _range(dates)
    unit = wanted["res"] or "day"
    filters = Filters(api=wanted["api_id"])
    merged: dict[datetime, list[Figures]] = {}
    for owners in _owners(request):
        span = periods.days(first, last, owners.zone, Grain.HOUR if unit == "hour" else Grain.DAY)
        for start, sums in reader.by_clock(owners, span, unit, filters):
            merged.setdefault(start, []).append(sums)
    rows = [_row(together(parts), **_clock(start, unit)) for start, parts in sorted(merged.items())]
    return _answer(request, rows, whole=True)


@access("key", "analytics")
def usage_of_apis(request: HttpRequest, **dates: str) -> HttpResponse:
    """Requests by API, the busiest first unless `by` and `sort` say otherwise."""
    wanted = _parameters(request)
    first, last = _range(dates)
    rows = []
    for owners in _owners(request):
        span = periods.days(first, last, owners.zone, Grain.DAY)
        found = reader.ranking("api", owners, span, Filters(api=wanted["api_id"]), limit=MOST_ROWS).rows
        names = api_names({row.api_id for row in found})
        hits = reader.last_hits(owners, (row.api_id for row in found), span.start, span.end)
        rows += [
            _row(
                row.figures,
                last_hit=hits.get(row.api_id),
                api_id=row.api_id,
                api_name=names.get(row.api_id, ""),
            )
            for row in found
        ]
    return _answer(request, _sorted(rows, wanted))


@access("key", "analytics")
def activity_of_keys(request: HttpRequest, **dates: str) -> HttpResponse:
    """Requests by key, the busiest first unless `by` and `sort` say otherwise."""
    wanted = _parameters(request)
    first, last = _range(dates)
    rows = []
    for owners in _owners(request):
        span = periods.days(first, last, owners.zone, Grain.DAY_DETAIL)
        found = reader.ranking("key", owners, span, Filters(api=wanted["api_id"]), limit=MOST_ROWS).rows
        newest = reader.newest_of_keys(owners.org_ids, (row.value for row in found), span.end)
        for row in found:
            alias, last_hit = newest.get(row.value, ("", None))
            rows.append(_row(row.figures, last_hit=last_hit, key=row.value, alias=alias))
    return _answer(request, _sorted(rows, wanted))


@access("key", "log")
def logs(request: HttpRequest) -> HttpResponse:
    """Single records, newest first; of the last 24 hours when `start` and `end` are absent."""
    form = valid(RestLogForm(request.GET))
    reader.limit_time()
    org_ids = [org_id for owners in _owners(request) for org_id in owners.org_ids]
    wanted = _wanted(form.cleaned_data, timezone.now())
    records, pages = page(request, Numbered(org_ids, wanted, MOST_RECORDS))
    names = api_names({record.api_id for record in records})
    return json_response({"data": [_record(record, names) for record in records] or None, "pages": pages})


def _wanted(asked: dict, now: datetime) -> Wanted:
    """Both ends of the range included; a missing end is that of the minute which is running, a missing start 24 hours
    before the end."""
    end = periods.parse({}, ZoneInfo("UTC"), now).end
    if asked["end"] is not None:
        end = datetime.fromtimestamp(asked["end"] + 1, UTC)
    start = end - timedelta(hours=24)
    if asked["start"] is not None:
        start = datetime.fromtimestamp(asked["start"], UTC)
    return Wanted(
        start=start,
        end=end,
        api=asked["api"],
        key=asked["key"],
        status=str(asked["code"] or ""),
        errors=asked["errors"] == "1",
    )


def _parameters(request: HttpRequest) -> dict:
    form = valid(RestUsageForm(request.GET))
    for name in UNKNOWN_FILTERS:
        if request.GET.get(name):
            raise RestError(400, f"{name}: filtering by it is not supported")
    if form.cleaned_data["by"].lower().replace("_", "") not in ("", *ORDERS):
        raise RestError(400, "by: must be one of Hits, Success, Error, RequestTime, Latency, LastHit")
    reader.limit_time()
    return form.cleaned_data


def _range(dates: dict[str, str]) -> tuple[date, date]:
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


def _owners(request: HttpRequest) -> list[Owners]:
    """The caller's organisation; for a super-user all of them, those whose rows are cut alike together."""
    if request.org is not None:
        cut = zones.of(request.org, timezone.now())
        return [Owners((request.org.id,), cut.zone, cut.base)]
    alike: dict[tuple[str, int], list[str]] = {}
    for org_id, cut in sorted(zones.of_everybody().items()):
        alike.setdefault((cut.zone.key, cut.base), []).append(org_id)
    return [Owners(tuple(org_ids), ZoneInfo(zone), base) for (zone, base), org_ids in sorted(alike.items())]


def _clock(start: datetime, unit: str) -> dict[str, int]:
    members = {"day": start.day, "month": start.month, "year": start.year, "hour": start.hour}
    dropped = {"hour": (), "day": ("hour",), "month": ("hour", "day")}[unit]
    return {name: value for name, value in members.items() if name not in dropped}


def _row(sums: Figures, last_hit: datetime | None = None, **group: object) -> dict:
    """A row of Tyk's aggregates; members of `id` that are not grouped by are empty."""
    numbers = dict.fromkeys(("day", "month", "year", "hour", "code"), 0)
    texts = dict.fromkeys(("path", "key", "alias", "url", "iso_country", "api_id", "api_name"), "")
    mean, upstream = round(sums.mean or 0, 3), round(sums.upstream_mean or 0, 3)
    return {
        "id": {**numbers, **texts, **group},
        "hits": sums.hits,
        "success": sums.hits - sums.errors,
        "error": sums.errors,
        "last_hit": stamp(last_hit or sums.last, "auto"),
        "request_time": mean,
        "latency": mean,
        "upstream_latency": upstream,
        "max_latency": sums.latency_max or 0,
        "min_latency": 0,
        "max_upstream_latency": 0,
        "min_upstream_latency": 0,
    }


def _sorted(rows: list[dict], wanted: dict) -> list[dict]:
    order = ORDERS[wanted["by"].lower().replace("_", "") or "hits"]
    return sorted(rows, key=order, reverse=wanted["sort"] != "1")


def _answer(request: HttpRequest, rows: list[dict], *, whole: bool = False) -> HttpResponse:
    if whole and "p" not in request.GET:
        return json_response({"data": rows or None, "pages": 1})
    shown, pages = page(request, rows)
    return json_response({"data": shown or None, "pages": pages})


def _record(record: Record, names: dict[str, str]) -> dict:
    """A record under the gateway's member names. Bodies, networks and cities are not kept."""
    at = record.ts.astimezone(UTC)
    return {
        "Method": record.method,
        "Host": record.host,
        "Path": record.path,
        "RawPath": record.path,
        "ContentLength": record.size,
        "UserAgent": record.user_agent,
        "Day": at.day,
        "Month": at.month,
        "Year": at.year,
        "Hour": at.hour,
        "ResponseCode": record.status,
        "APIKey": record.key or NO_KEY,
        "TimeStamp": stamp(at, "auto"),
        "APIVersion": record.version,
        "APIName": names.get(record.api_id, ""),
        "APIID": record.api_id,
        "OrgID": record.org_id,
        "OauthID": record.oauth,
        "RequestTime": record.latency,
        "Latency": {"Total": record.latency, "Upstream": record.upstream_latency},
        "RawRequest": "",
        "RawResponse": "",
        "IPAddress": record.ip or "",
        "Geo": {"Country": {"ISOCode": record.country}, "City": {"GeoNameID": 0, "Names": None}},
        "Network": {"OpenConnections": 0, "ClosedConnection": 0, "BytesIn": 0, "BytesOut": 0},
        "Tags": record.tags,
        "Alias": record.alias,
        "TrackPath": record.track,
        "ExpireAt": stamp(at + kept_for(RECORDS), "auto"),
    }
