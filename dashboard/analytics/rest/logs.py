"""Tyk's log route: single records.

They are paged through to the newest 10,000 that match.
"""

from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone

from dashboard.analytics.bodies import keeping
from dashboard.analytics.bodies import page as bodies
from dashboard.analytics.dimensions import RECORDS, Grain, kept_for
from dashboard.analytics.models import Record
from dashboard.analytics.reports import reader
from dashboard.analytics.reports.head import api_names
from dashboard.analytics.reports.parameters import RestLogForm
from dashboard.analytics.reports.periods import asking
from dashboard.analytics.reports.search import Numbered, Wanted, instant
from dashboard.analytics.reports.traffic import Filters
from dashboard.analytics.rest.answers import parts
from dashboard.analytics.rest.asked import owners_of
from orgs.access import access
from orgs.http.rest import json_response, page, stamp, valid

MOST_RECORDS = 10_000
NO_KEY = "00000000"
RAW = ("RawRequest", "RawResponse")
CALLED = ("JSONRPCMethod", "PrimitiveType", "PrimitiveName")


@access("key", "log")
def logs(request: HttpRequest) -> HttpResponse:
    """Single records, newest first; of the last 24 hours when `start` and `end` are absent."""
    form = valid(RestLogForm(request.GET))
    reader.limit_time()
    everybody = owners_of(request)
    org_ids = [org_id for owners in everybody for org_id in owners.org_ids]
    past = [(owners.org_ids, owners.held[RECORDS]) for owners in everybody if RECORDS in owners.held]
    now = timezone.now()
    days_from = max([owners.since(Grain.DAY, now) for owners in everybody], default=now)
    wanted = replace(_wanted(form.cleaned_data, now), past=tuple(past), days_from=days_from)
    records, pages = page(request, Numbered(org_ids, wanted, MOST_RECORDS))
    names = api_names({record.api_id for record in records})
    return json_response({"data": [_record(record, names) for record in records] or None, "pages": pages})


@access("key", "log_bodies")
def log(request: HttpRequest, ts: int, id: int) -> HttpResponse:
    """One record, with its request and answer if they are kept; that is noted. ts, id: its LogID."""
    if not request.user.may("log"):
        raise PermissionDenied
    record = _one(request, ts, id)
    body = bodies.found(record) if keeping.is_on(record.org_id) else None
    data = _record(record, api_names({record.api_id})) | {"cut": []}
    if body is not None:
        keeping.note_view(record)
        data |= {
            "RawRequest": b64encode(body.request.encode()).decode(),
            "RawResponse": b64encode(body.response.encode()).decode(),
            "cut": [
                name for name, cut in zip(RAW, (body.request_cut, body.response_cut), strict=True) if cut
            ],
        }
    return json_response(data)


def _one(request: HttpRequest, ts: int, id: int) -> Record:
    """Raises Http404."""
    everybody = owners_of(request)
    org_ids = [org_id for owners in everybody for org_id in owners.org_ids]
    try:
        found = Record.objects.filter(org_id__in=org_ids, ts=instant(ts), id=id).first()
    except ValueError:
        found = None
    if found is None:
        raise Http404
    [owners] = [each for each in everybody if found.org_id in each.org_ids]
    if owners.from_when(found.ts, RECORDS) > found.ts:
        raise Http404
    return found


def _wanted(asked: dict, now: datetime) -> Wanted:
    """Both ends of the range included; a missing end is that of the minute which is running, a missing start 24 hours
    before the end."""
    end = asking.parse({}, ZoneInfo("UTC"), now).end
    if asked["end"] is not None:
        end = datetime.fromtimestamp(asked["end"] + 1, UTC)
    start = end - timedelta(hours=24)
    if asked["start"] is not None:
        start = datetime.fromtimestamp(asked["start"], UTC)
    return Wanted(
        start=start,
        end=end,
        filters=Filters(
            apis=tuple(filter(None, (asked["api"],))),
            keys=tuple(filter(None, (asked["key"],))),
            statuses=(str(asked["code"]),) if asked["code"] else (),
        ),
        errors=asked["errors"] == "1",
    )


def _record(record: Record, names: dict[str, str]) -> dict:
    """A record under the gateway's member names. Networks and cities are not kept; requests and answers are given of
    one record alone, and what was called of those of MCP proxies alone."""
    at = record.ts.astimezone(UTC)
    return {
        "LogID": f"{keeping.place(record.ts)}/{record.id}",
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
        **({"MCPStats": {"IsMCP": True, **parts(record.mcp, CALLED)}} if record.mcp else {}),
    }
