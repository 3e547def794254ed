"""Whether the upstreams of an organisation answer, as gateways that look at them have found."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Q, Sum
from django.shortcuts import render
from django.utils import timezone

from apis.models import ApiDefinition
from dashboard.analytics.models import IngestState, Uptime, UptimeHour
from orgs.access import access
from orgs.http import numbered
from orgs.http.spreadsheet import csv_stream
from orgs.http.tables import Column, heads

# Gateways look every 10 s unless told otherwise, and the worker asks as often.
FRESH = timedelta(minutes=10)
DAY, WEEK = timedelta(hours=24), timedelta(days=7)
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
WORST_FIRST = ("down", "unknown", "up")


@access("session", "analytics")
def uptime(request, org):
    """A row for each upstream that is looked at, what is down first; all as CSV with format=csv."""
    now = timezone.now()
    day, week = begins(now, DAY), begins(now, WEEK)
    sees_apis = request.user.may("apis")
    rows = sorted(_rows(now, day, week, whole=sees_apis), key=_order)
    if request.GET.get("format") == "csv":
        return csv_stream("uptime.csv", CSV_HEADER, [map(_csv_row, rows)])
    place = numbered.asked(request.GET).within(len(rows))
    shown = rows[place.offset : place.offset + place.size]
    context = {
        "section": "uptime",
        "heads": heads(COLUMNS),
        "rows": shown,
        "page": numbered.page(place, shown, len(rows)),
        "csv": "?format=csv",
        "down": sum(row["state"] == "down" for row in rows),
        "newest": max((row["target"].at for row in rows), default=None),
        "doubt": IngestState.objects.get().doubt,
        "sees_apis": sees_apis,
        "gateway": GATEWAY,
        "definition": DEFINITION,
        "now": now,
        "day": day,
        "week": week,
    }
    return render(request, "analytics/uptime.html", context)


def begins(now: datetime, length: timedelta) -> datetime:
    """The beginning of the hour in which a span up to now begins: what is kept is whole hours."""
    return (now - length).replace(minute=0, second=0, microsecond=0)


def _rows(now: datetime, day: datetime, week: datetime, *, whole: bool) -> Iterable[dict]:
    """whole: whether URLs have their queries, in which definitions may have an upstream's key."""
    targets = list(Uptime.objects.filter(at__gte=week))
    sums = _sums(day, week)
    apis = ApiDefinition.objects.filter(api_id__in={target.api_id for target in targets})
    known = {api_id: (id, name) for api_id, id, name in apis.values_list("api_id", "id", "name")}
    for target in targets:
        found = sums.get((target.api_id, target.url), {})
        state = "unknown" if now - target.at > FRESH else "up" if target.is_up else "down"
        id, name = known.get(target.api_id, ("", ""))
        yield {
            "target": target,
            "url": target.url if whole else _without_query(target.url),
            "name": name,
            "id": id,
            "state": state,
            "sums": found,
            "day": share(found.get("day_checks"), found.get("day_failures")),
            "week": share(found.get("week_checks"), found.get("week_failures")),
            "latency": mean(found.get("day_latency"), found.get("day_answered")),
        }


def _without_query(url: str) -> str:
    address, mark, _ = url.partition("?")
    return f"{address}{mark}…" if mark else address


def _sums(day: datetime, week: datetime) -> dict[tuple[str, str], dict]:
    in_day = Q(ts__gte=day)
    hours = UptimeHour.objects.filter(ts__gte=week).order_by().values("api_id", "url")
    sums = hours.annotate(
        week_checks=Sum("checks"),
        week_failures=Sum("failures"),
        day_checks=Sum("checks", filter=in_day),
        day_failures=Sum("failures", filter=in_day),
        day_answered=Sum("answered", filter=in_day),
        day_latency=Sum("latency_sum", filter=in_day),
    )
    return {(found["api_id"], found["url"]): found for found in sums}


def share(checks: int | None, failures: int | None) -> str:
    """How many of the checks found it up, in per cent; never 100 if one did not, nor 0 if one did. "" for none."""
    if not checks:
        return ""
    good = checks - (failures or 0)
    rounded = round(100 * good / checks, 2)
    if good < checks:
        rounded = min(rounded, 99.99)
    if good:
        rounded = max(rounded, 0.01)
    return f"{rounded:.2f} %"


def mean(total: int | None, count: int | None) -> int | None:
    """Whole milliseconds; None where nothing was answered."""
    return round((total or 0) / count) if count else None


def _order(row: dict) -> tuple:
    return WORST_FIRST.index(row["state"]), row["name"] or row["target"].api_id, row["target"].url


def _csv_row(row: dict) -> tuple:
    target, sums = row["target"], row["sums"]
    since, at = (moment.isoformat(timespec="seconds") for moment in (target.since, target.at))
    counts = [sums.get(name) or 0 for name in ("day_checks", "day_failures")]
    week = [sums.get(name) or 0 for name in ("week_checks", "week_failures")]
    facts = (row["name"], target.api_id, row["url"], row["state"], since, at, target.status or "")
    return (*facts, *counts, row["latency"], *week)
