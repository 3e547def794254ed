"""Whether the upstreams of an organisation answer, as gateways that look at them have found."""

import json

from django.db.models import Count, Max, Q
from django.shortcuts import render
from django.utils import timezone

from dashboard.analytics.models import IngestState
from dashboard.analytics.reports.parameters import owned_apis
from dashboard.analytics.uptime.reader import DAY, WEEK, begins, rows_of, targets
from orgs.access import access
from orgs.http import numbered
from orgs.http.spreadsheet import csv_stream
from orgs.http.tables import Column, heads

COLUMNS = (
    Column("API", "fifth"),
    Column("Upstream"),
    Column("Now", "badge"),
    Column("Up, 24 h", "number"),
    Column("Up, 7 days", "number"),
    Column("Latency, 24 h", "number"),
    Column("Last looked at", "time", lesser=True),
)
CSV_HEADER = (
    *("api", "api id", "upstream", "now", "since", "last looked at", "status"),
    *("checks 24 h", "failures 24 h", "mean latency 24 h (ms)", "checks 7 days", "failures 7 days"),
)
# What switches it on, of a gateway and of an API.
GATEWAY = json.dumps(
    {"uptime_tests": {"disable": False, "config": {"enable_uptime_analytics": True, "time_wait": 10}}},
    indent=2,
)
DEFINITION = json.dumps(
    {"uptime_tests": {"check_list": [{"url": "https://upstream.example/health"}]}}, indent=2
)


@access("session", "analytics", instead="owned_analytics")
def uptime(request, org):
    """A row for each upstream that is looked at, of APIs whose traffic the person may see, what is down first; all as
    CSV with format=csv."""
    now = timezone.now()
    sees_apis, owned = request.user.may("apis"), owned_apis(request.user)
    found = targets(now, owned)
    if request.GET.get("format") == "csv":
        lines = list(map(_csv_row, rows_of(list(found), now, whole=sees_apis)))
        return csv_stream("uptime.csv", CSV_HEADER, [lines])
    whole = found.order_by().aggregate(
        count=Count("id"), down=Count("id", filter=Q(place=0)), newest=Max("at")
    )
    place = numbered.asked(request.GET).within(whole["count"])
    some = list(found[place.offset : place.offset + place.size])
    shown = list(rows_of(some, now, whole=sees_apis))
    context = {
        "section": "uptime",
        "heads": heads(COLUMNS),
        "rows": shown,
        "page": numbered.page(place, shown, whole["count"]),
        "csv": "?format=csv",
        "down": whole["down"],
        "newest": whole["newest"],
        "doubt": IngestState.objects.get().doubt,
        "sees_apis": sees_apis,
        "owns_none": owned == (),
        "gateway": GATEWAY,
        "definition": DEFINITION,
        "now": now,
        "day": begins(now, DAY),
        "week": begins(now, WEEK),
        "kept": request.org.retention.days("hours"),
    }
    return render(request, "analytics/uptime.html", context)


def _csv_row(row: dict) -> tuple:
    target, sums = row["target"], row["sums"]
    since, at = (moment.isoformat(timespec="seconds") for moment in (target.since, target.at))
    counts = [sums.get(name) or 0 for name in ("day_checks", "day_failures")]
    week = [sums.get(name) or 0 for name in ("week_checks", "week_failures")]
    facts = (row["name"], target.api_id, row["url"], row["state"], since, at, target.status or "")
    return (*facts, *counts, row["latency"], *week)
