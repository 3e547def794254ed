"""What the templates of the log browser are given."""

from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.urls import reverse

from dashboard.analytics.clock import said, said_span, years
from dashboard.analytics.ingest import partitions
from dashboard.analytics.ingest.clean import LATEST
from dashboard.analytics.models import Record
from dashboard.analytics.reports import figures, links, logs, tables
from dashboard.analytics.reports.logs import Found
from dashboard.analytics.reports.page import LABELS, api_choices
from dashboard.analytics.reports.parameters import AskedLogs
from dashboard.analytics.reports.periods import RANGES
from dashboard.analytics.reports.traffic import Freshness

STATUSES = ("2xx", "3xx", "4xx", "5xx", "401", "403", "404", "429", "500", "502", "503", "504")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
FILE = (
    *("time", "method", "path", "status", "milliseconds", "upstream_milliseconds", "api_id", "api"),
    *("key", "alias", "version", "address", "user_agent", "request_bytes"),
)


def listing(request: HttpRequest, asked: AskedLogs, found: Found, fresh: Freshness) -> dict:
    zone, path = asked.zone, request.path
    names = tables.api_names({record.api_id for record in found.records})
    name = request.GET.get("range") or ("custom" if request.GET.get("from") else "24h")
    live = request.GET.get("live") == "1" and not asked.place
    start, end = asked.wanted.start, min(asked.wanted.end, fresh.now)
    in_years = years(start, end, fresh.now, zone)
    pattern = "%H:%M:%S" if start.second or asked.wanted.end.second else "%H:%M"
    oldest = partitions.oldest("record", fresh.now)
    return {
        "section": "logs",
        "zone": zone.key,
        "asked": asked,
        "records": [line(request, record, names, zone, year=in_years) for record in found.records],
        "searched_to": said(found.searched_to, zone, year=in_years),
        "kept_since": said(oldest, zone, year=True) if start < oldest else "",
        "start": start,
        "end": end,
        "span": said_span(start, end, fresh.now, zone, pattern),
        "patient": len(found.records) < logs.PAGE and found.after is not None,
        "older": links.link(path, asked.kept, before=str(found.after)) if found.after else "",
        "newest": links.link(path, asked.kept) if asked.place else "",
        "csv_url": links.link(path, asked.kept, before=request.GET.get("before", ""), format="csv"),
        "from": f"{start.astimezone(zone):%Y-%m-%dT%H:%M}",
        "to": f"{end.astimezone(zone):%Y-%m-%dT%H:%M}",
        "live": live,
        "live_url": links.link(path, asked.kept, live="" if live else "1"),
        "ranges": [(LABELS[one], links.range_link(path, asked.kept, one), one == name) for one in RANGES],
        "chips": _chips(asked, path, names),
        "kept": asked.kept,
        "apis": api_choices(asked.wanted.api),
        "statuses": STATUSES,
        "methods": METHODS,
        "fresh": fresh,
    }


def line(
    request: HttpRequest, record: Record, names: dict[str, str], zone: ZoneInfo, *, year: bool = False
) -> dict:
    milliseconds = f"%H:%M:%S.{record.ts.microsecond // 1000:03}"
    at = (logs.microseconds(record.ts), record.id)
    return {
        "record": record,
        "when": said(record.ts, zone, year=year, pattern=milliseconds),
        "url": reverse("log-record", args=[request.org.slug, *at]),
        "api": names.get(record.api_id, record.api_id),
        "status_class": f"{record.status // 100}xx",
        "took": figures.milliseconds(record.lat_total) if record.timed else "refused",
        "key": record.alias or (tables.short_key(record.key) if record.key else ""),
    }


def detail(request: HttpRequest, record: Record) -> dict:
    """One record; its links lead to the records that share something with it."""
    zone, slug = request.org.zone, request.org.slug
    path = reverse("logs", args=[slug])
    day = {"range": "custom", "from": f"{record.ts.astimezone(zone):%Y-%m-%d}"}
    day["to"] = day["from"]
    names = tables.api_names({record.api_id})
    own = max(0, record.lat_total - record.lat_up) if record.timed and record.lat_up else None
    return {
        "section": "logs",
        **line(request, record, names, zone),
        "zone": zone.key,
        "when": said(record.ts, zone, year=True, pattern="%H:%M:%S.%f"),
        # Earlier versions kept stamps that no zone east of UTC can show.
        "sent_at": record.sent_at and min(record.sent_at, LATEST),
        "list_url": path,
        "upstream": figures.milliseconds(record.lat_up or None),
        "gateway": figures.milliseconds(own),
        "same": [
            (text, links.link(path, day, **changes))
            for text, changes in (
                ("Same key, same day", {"key": record.key}),
                ("Same path, same day", {"path": record.path, "api": record.api_id}),
                ("Same API and status, same day", {"api": record.api_id, "status": str(record.status)}),
            )
            if next(iter(changes.values()))
        ],
    }


def file(found: Found, zone: ZoneInfo) -> tuple[str, list[list[object]]]:
    names = tables.api_names({record.api_id for record in found.records})
    rows = [
        [
            record.ts.astimezone(zone).isoformat(timespec="microseconds"),
            record.method,
            record.path,
            record.status,
            record.lat_total if record.timed else None,
            record.lat_up or None,
            record.api_id,
            names.get(record.api_id, ""),
            record.key,
            record.alias,
            record.version,
            record.ip,
            record.user_agent,
            record.size,
        ]
        for record in found.records
    ]
    return FILE, rows


def _chips(asked: AskedLogs, path: str, names: dict[str, str]) -> list[tuple[str, str, str]]:
    values = {
        "API": ("api", names.get(asked.wanted.api, asked.wanted.api)),
        "Key": ("key", tables.short_key(asked.wanted.key) if asked.wanted.key else ""),
    }
    return [
        (what, text, links.link(path, asked.kept, **{field: ""}))
        for what, (field, text) in values.items()
        if text
    ]
