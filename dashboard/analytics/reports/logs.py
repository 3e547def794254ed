"""The log browser: single records, newest first, and one of them with all that is known of it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from time import monotonic
from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from dashboard.analytics.bodies import keeping
from dashboard.analytics.bodies import page as bodies
from dashboard.analytics.clock import LATEST, said, said_span, years
from dashboard.analytics.dimensions import KEPT, RECORDS
from dashboard.analytics.explaining import page
from dashboard.analytics.models import Record
from dashboard.analytics.reports import choices, reader, search
from dashboard.analytics.reports.charts import figures
from dashboard.analytics.reports.errors.reasons import is_refused, reason
from dashboard.analytics.reports.head import (
    LABELS,
    api_names,
    chips,
    refused,
    short_key,
    steps_open_to,
)
from dashboard.analytics.reports.parameters import (
    LogParameters,
    Refused,
    link,
    log_parameters,
    range_link,
)
from dashboard.analytics.reports.periods.period import RANGES
from dashboard.analytics.reports.search import Found, Place, microseconds
from dashboard.analytics.reports.traffic import Freshness
from orgs import scope
from orgs.access import access
from orgs.db import reading
from orgs.http import paging
from orgs.http.spreadsheet import csv_stream
from orgs.http.tables import Column, heads
from orgs.models import User
from orgs.providers import clients

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
COLUMNS = (
    Column("Time", "time"),
    Column("Status", "code"),
    Column("Request"),
    Column("Time taken", "number"),
    Column("API", "fifth"),
    Column("Key", "fifth", lesser=True),
)
MOST_IN_A_FILE = 100_000
LONGEST = 60  # seconds that a file may be searched for
AT_ONCE = 1_000  # records of a file
MOST_AT_ONCE = 200  # rows of a page that is open
FILE = (
    *("time", "method", "path", "status", "milliseconds", "upstream_milliseconds", "api_id", "api"),
    *("key", "alias", "version", "address", "user_agent", "request_bytes"),
    *("oauth_client", "oauth_client_name"),
    "mcp_primitive",
)


@access("session", "log")
def log_list(request: HttpRequest, org: str) -> HttpResponse:
    """Single records, newest first; all that match as CSV with format=csv. With `after`, a place in the list, those
    alone that came since; with format=rows as rows of the table, for a page that is open."""
    now = timezone.now()
    try:
        asked = log_parameters(request.GET, request.org, now)
        file = _wanted_file(request)
    except Refused as refusal:
        return refused(request, refusal, "logs")
    if file == "csv":
        return csv_stream(f"{request.org.slug}-logs.csv", FILE, _batches(request, asked), most=MOST_IN_A_FILE)
    reader.limit_time()
    if file == "rows":
        return render(request, "analytics/log_rows.html", _newer(request, asked, now))
    found = search.search([request.org.id], asked.wanted, asked.place, limit=asked.size)
    fresh = reader.freshness(now)
    return render(request, "analytics/logs.html", _listing(request, asked, found, fresh))


@access("session", "log")
def log_record(request: HttpRequest, org: str, ts: int, id: int) -> HttpResponse:
    """One record with all that is known of it."""
    return render(request, "analytics/record.html", _detail(request, _record(request, ts, id)))


@access("session", "log_bodies", methods="POST", asking=True)
def log_bodies(request: HttpRequest, org: str, ts: int, id: int) -> HttpResponse:
    """The same with its request and answer, which is noted: so nothing but a button leads here."""
    if not request.user.may("log"):
        raise PermissionDenied
    record = _record(request, ts, id)
    body = bodies.found(record) if keeping.is_on(request.org.id) else None
    if body is None:
        raise Http404
    keeping.note_view(record)
    context = _detail(request, record) | {"messages_kept": bodies.shown(body)}
    return render(request, "analytics/record.html", context)


def _record(request: HttpRequest, ts: int, id: int) -> Record:
    """Raises Http404."""
    reader.limit_time()
    try:
        record = search.one(request.org, search.instant(ts), id, timezone.now())
    except ValueError:
        record = None
    if record is None:
        raise Http404
    return record


def _wanted_file(request: HttpRequest) -> str:
    """The form in which records are wanted, "" for the page. Raises Refused."""
    wanted = request.GET.get("format", "")
    if wanted not in ("", "csv", "rows"):
        raise Refused([("format", "format must be csv, rows or left out.")])
    if wanted == "rows" and not request.GET.get("after"):
        raise Refused([("after", "after is missing: rows are those that came since.")])
    return wanted


def _newer(request: HttpRequest, asked: LogParameters, now: datetime) -> dict:
    """What came after a place in the list: the newest MOST_AT_ONCE."""
    owners, wanted = asked.owners, asked.wanted
    records = search.newest(owners.org_ids, wanted, limit=MOST_AT_ONCE)
    names = _Names.of(records)
    in_years = years(wanted.start, now, now, owners.zone)
    return {
        "records": [_line(request, record, names, owners.zone, year=in_years) for record in records],
        "after": _end(records, wanted.after, now),
        "all": len(records) < MOST_AT_ONCE,
        "fresh": reader.freshness(now),
        "zone": owners.zone.key,
    }


def _end(records: Sequence[Record], before: Place | None, now: datetime) -> Place | None:
    """Where a list ends that has these records besides those up to a place."""
    found = search.latest(records, now)
    if found is None or before is None:
        return found or before
    return Place(max(found.ts, before.ts), max(found.id, before.id))


def _listing(request: HttpRequest, asked: LogParameters, found: Found, fresh: Freshness) -> dict:
    path = request.path
    names = _Names.of(found.records, asked.wanted.filters.apis)
    name = request.GET.get("range") or ("custom" if request.GET.get("from") else "24h")
    # Of a time that is over nothing comes any more.
    goes_on = asked.wanted.end >= fresh.now and not asked.place
    live = request.GET.get("live") == "1" and goes_on
    end_of_list = _end(found.records, asked.wanted.after, fresh.now) or Place(fresh.now, 0)
    return {
        "section": "logs",
        "asked": asked,
        **_shown(request, asked, found, names, fresh.now),
        "patient": len(found.records) < asked.size and found.after is not None,
        "page": _page(asked, found, end_of_list if goes_on else None),
        "goes_on": goes_on,
        "tail_url": link(path, asked.kept, format="rows", after=str(end_of_list)),
        "most_at_once": MOST_AT_ONCE,
        "heads": heads(COLUMNS),
        "csv_url": link(path, asked.kept, format="csv"),
        "live": live,
        "live_url": link(path, asked.kept, live="" if live else "1"),
        "ranges": [(LABELS[one], range_link(path, asked.kept, one), one == name) for one in RANGES],
        "chips": chips(asked.kept, path, asked.owners, named=names.apis),
        "kept": asked.kept,
        **choices.of_log(asked),
        "most_in_a_file": figures.exact(MOST_IN_A_FILE),
        "methods": METHODS,
        "any_traffic": bool(found.records) or reader.any_traffic([request.org.id]),
        **steps_open_to(request.user),
        "fresh": fresh,
    }


def _shown(request: HttpRequest, asked: LogParameters, found: Found, names: "_Names", now: datetime) -> dict:
    """The records, and what is said of the time that they were looked for in."""
    zone = asked.owners.zone
    start, end = asked.wanted.start, min(asked.wanted.end, now)
    in_years = years(start, end, now, zone)
    pattern = "%H:%M:%S" if start.second or asked.wanted.end.second else "%H:%M"
    kept_from = asked.owners.since(RECORDS, now)
    days_kept = request.org.retention.days(KEPT[RECORDS].kind)
    return {
        "zone": zone.key,
        "records": [_line(request, record, names, zone, year=in_years) for record in found.records],
        "searched_to": said(found.searched_to, zone, year=in_years),
        "kept_since": said(kept_from, zone, year=True) if asked.asked_from < kept_from else "",
        "days_kept": days_kept,
        "start": start,
        "end": end,
        "span": said_span(start, end, now, zone, pattern),
        "from": f"{start.astimezone(zone):%Y-%m-%dT%H:%M}",
        "to": f"{end.astimezone(zone):%Y-%m-%dT%H:%M}",
        "nothing_found": "Nothing in this time matches. Choose a longer range, or remove a filter. "
        f"Records are kept for {days_kept} day{'' if days_kept == 1 else 's'}.",
    }


def _page(asked: LogParameters, found: Found, end: Place | None) -> paging.Page:
    """Counting what matches, or finding the last of it, would read all of it. end: where what may come is asked for,
    None if nothing may."""
    kept, size = asked.kept, asked.size
    back = {"after": str(asked.wanted.after)} if asked.wanted.after else {}
    return paging.Page(
        items=list(found.records),
        first=None,
        last=None,
        total=None,
        counted=0,
        newest=paging.address(kept, size) if asked.place or back else "",
        newer=paging.address(kept, size, after=str(end)) if end else "",
        older=paging.address(kept, size, before=str(found.after), **back) if found.after else "",
        oldest="",
        size=size,
        sizes=paging.sizes(kept, size),
    )


def _line(
    request: HttpRequest, record: Record, names: "_Names", zone: ZoneInfo, *, year: bool = False
) -> dict:
    milliseconds = f"%H:%M:%S.{record.ts.microsecond // 1000:03}"
    at = (microseconds(record.ts), record.id)
    return {
        "record": record,
        "when": said(record.ts, zone, year=year, pattern=milliseconds),
        "place": Place(record.ts, record.id),
        "url": reverse("log-record", args=[request.org.slug, *at]),
        "api": names.apis.get(record.api_id, record.api_id),
        "client": names.clients.of(record.oauth, record.api_id),
        "status_class": f"{record.status // 100}xx",
        "took": figures.milliseconds(record.latency) if record.timed else _untimed(record),
        "key": record.alias or (short_key(record.key) if record.key else ""),
    }


@dataclass(frozen=True)
class _Names:
    """Of the APIs and OAuth clients that records name by their IDs."""

    apis: dict[str, str]
    clients: clients.Names

    @classmethod
    def of(cls, records: Iterable[Record], filtered: Iterable[str] = ()) -> "_Names":
        """filtered: the IDs of APIs that are asked for, of which there may be no record."""
        records = list(records)
        return cls(
            api_names({*filtered, *(record.api_id for record in records)}),
            clients.names({record.oauth for record in records}),
        )


def _why(record: Record) -> str:
    return reason(
        record.status,
        key=bool(record.key),
        hits=1,
        timed=int(record.timed),
        upstream=record.upstream_latency > 0,
    )


def _untimed(record: Record) -> str:
    return "refused" if is_refused(record.status, timed=False) else "not measured"


def _detail(request: HttpRequest, record: Record) -> dict:
    """One record; its links lead to the records that share something with it."""
    zone = request.org.zone
    names = _Names.of([record])
    own = (
        max(0, record.latency - record.upstream_latency) if record.timed and record.upstream_latency else None
    )
    return {
        "section": "logs",
        **_line(request, record, names, zone),
        "zone": zone.key,
        "when": said(record.ts, zone, year=True, pattern="%H:%M:%S.%f"),
        # Earlier versions kept stamps that no zone east of UTC can show.
        "sent_at": record.sent_at and min(record.sent_at, LATEST),
        "way": page.way(request, record),
        "kept": bodies.kept(request, record, timezone.now()),
        "why": _why(record) if record.status >= 400 else "",
        "upstream": figures.milliseconds(record.upstream_latency or None),
        "gateway": figures.milliseconds(own),
        **_alike(request, record),
    }


def _alike(request: HttpRequest, record: Record) -> dict:
    """Links to the list, to the records of the day that share something with it, and to their figures."""
    slug, day = request.org.slug, f"{record.ts.astimezone(request.org.zone):%Y-%m-%d}"
    path, of_day = reverse("logs", args=[slug]), {"range": "custom", "from": day, "to": day}
    return {
        "list_url": path,
        "same": [
            (text, link(path, of_day, **changes))
            for text, changes in (
                ("Same key, same day", {"key": record.key}),
                ("Same OAuth client, same day", {"oauth": record.oauth}),
                ("Same primitive, same day", {"primitive": record.mcp, "api": record.api_id}),
                ("Same path, same day", {"path": record.path, "api": record.api_id}),
                ("Same API and status, same day", {"api": record.api_id, "status": str(record.status)}),
            )
            if next(iter(changes.values()))
        ],
        "charts": [
            (text, link(reverse("analytics", args=[slug]), of_day, **changes))
            for text, changes in (
                ("Figures of this key, that day", {"key": record.key}),
                ("Figures of this API, that day", {"api": record.api_id}),
            )
            if request.user.may("analytics") and next(iter(changes.values()))
        ],
    }


def _batches(request: HttpRequest, asked: LogParameters) -> Iterator[list[list[object]]]:
    """All records that match, newest first, some at a time, each time in a scope and transaction of its own, as long as
    whoever asks may see them."""
    begun, place, org_id = monotonic(), None, request.org.id
    while True:
        with scope.org(org_id), transaction.atomic():
            sees_log = _sees_log(request.user, org_id)
            if sees_log:
                found, rows = reading.read(partial(_some, org_id, asked, place))
        if not sees_log:
            yield [["This file is cut here: you may not see the log any more."]]
            return
        yield rows
        place = found.after
        if place is None:
            return
        if monotonic() - begun > LONGEST:
            back = said(found.searched_to, asked.owners.zone, year=True, pattern="%H:%M:%S")
            yield [[f"This file is cut here: it took too long. Records before {back} are missing."]]
            return


def _sees_log(user: User, org_id: str) -> bool:
    """Whether somebody may see that of an organisation now: since the request came that may have been taken away."""
    # Who is a super-user is seen from no single organisation.
    with scope.nobody():
        now = User.everyone.filter(pk=user.pk).first()
    return now is not None and (now.is_superuser or now.org_id == org_id) and now.may("log")


def _some(org_id: str, asked: LogParameters, place: Place | None) -> tuple[Found, list[list[object]]]:
    reader.limit_time()
    found = search.search([org_id], asked.wanted, place, limit=AT_ONCE, patience=1)
    return found, _rows(found, asked.owners.zone)


def _rows(found: Found, zone: ZoneInfo) -> list[list[object]]:
    names = _Names.of(found.records)
    return [
        [
            record.ts.astimezone(zone).isoformat(timespec="microseconds"),
            record.method,
            record.path,
            record.status,
            record.latency if record.timed else None,
            record.upstream_latency or None,
            record.api_id,
            names.apis.get(record.api_id, ""),
            record.key,
            record.alias,
            record.version,
            record.ip,
            record.user_agent,
            record.size,
            record.oauth,
            names.clients.of(record.oauth, record.api_id),
            record.mcp,
        ]
        for record in found.records
    ]
