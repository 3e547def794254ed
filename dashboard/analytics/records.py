"""What the templates of the log browser are given."""

from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.urls import reverse

from apis.models import ApiDefinition
from dashboard.analytics import figures, links, logs, tables
from dashboard.analytics.asked import AskedLogs
from dashboard.analytics.clean import LATEST
from dashboard.analytics.logs import Found
from dashboard.analytics.models import Record
from dashboard.analytics.page import LABELS, MOST_CHOICES
from dashboard.analytics.periods import RANGES
from dashboard.analytics.traffic import Freshness

STATUSES = ("2xx", "3xx", "4xx", "5xx", "401", "403", "404", "429", "500", "502", "503", "504")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
FILE = (
    *("time", "method", "path", "status", "milliseconds", "upstream_milliseconds", "api_id", "api"),
    *("key", "alias", "version", "address", "user_agent", "request_bytes"),
)


def listing(request: HttpRequest, asked: AskedLogs, found: Found, fresh: Freshness) -> dict:
    zone, path = request.org.zone, request.path
    names = tables.api_names({record.api_id for record in found.records})
    name = request.GET.get("range") or ("custom" if request.GET.get("from") else "24h")
    live = request.GET.get("live") == "1" and not asked.place
    return {
        "section": "logs",
        "zone": zone.key,
        "asked": asked,
        "records": [line(request, record, names) for record in found.records],
        "searched_to": found.searched_to,
        "start": asked.wanted.start,
        "end": min(asked.wanted.end, fresh.now),
        "patient": len(found.records) < logs.PAGE and found.after is not None,
        "older": links.link(path, asked.kept, before=str(found.after)) if found.after else "",
        "newest": links.link(path, asked.kept) if asked.place else "",
        "csv_url": links.link(path, asked.kept, before=request.GET.get("before", ""), format="csv"),
        "from": f"{asked.wanted.start.astimezone(zone):%Y-%m-%dT%H:%M}",
        "to": f"{min(asked.wanted.end, fresh.now).astimezone(zone):%Y-%m-%dT%H:%M}",
        "live": live,
        "live_url": links.link(path, asked.kept, live="" if live else "1"),
        "ranges": [(LABELS[one], links.range_link(path, asked.kept, one), one == name) for one in RANGES],
        "chips": _chips(asked, path, names),
        "kept": asked.kept,
        "apis": ApiDefinition.objects.order_by("name", "id").values_list("api_id", "name")[:MOST_CHOICES],
        "statuses": STATUSES,
        "methods": METHODS,
        "fresh": fresh,
    }


def line(request: HttpRequest, record: Record, names: dict[str, str]) -> dict:
    at = (logs.microseconds(record.ts), record.id)
    return {
        "record": record,
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
        **line(request, record, names),
        "zone": zone.key,
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
