"""`/api/uptime`: whether upstreams answer, as the page has it. Tyk's own routes are described nowhere."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from dashboard.analytics.rest.asked import owned_by_caller
from dashboard.analytics.uptime.reader import DAY, WEEK, begins, rows_of, worst_first
from orgs.access import access
from orgs.http.rest import json_response, page, stamp


@access("key", "analytics", instead="owned_analytics")
def uptime(request: HttpRequest) -> HttpResponse:
    """A row for each upstream, of all APIs or one (`api_id`), what is down first, ten to a page."""
    now, api_id = timezone.now(), request.GET.get("api_id", "")
    owned = owned_by_caller(request.user, api_id)
    day, week = begins(now, DAY), begins(now, WEEK)
    rows = [
        row
        for row in rows_of(now, day, week, whole=request.user.may("apis"))
        if (owned is None or row["target"].api_id in owned) and api_id in ("", row["target"].api_id)
    ]
    shown, pages = page(request, sorted(rows, key=worst_first))
    spans = {"day_from": stamp(day), "week_from": stamp(week)}
    return json_response({"data": [_shown(row) for row in shown], "pages": pages, **spans})


def _shown(row: dict) -> dict:
    target, sums = row["target"], row["sums"]
    counts = {
        f"{span}_{name}": sums.get(f"{span}_{name}") or 0
        for span in ("day", "week")
        for name in ("checks", "failures")
    }
    return {
        "org_id": target.org_id,
        "api_id": target.api_id,
        "api_name": row["name"],
        "url": row["url"],
        "state": row["state"],
        "since": stamp(target.since),
        "last_check": stamp(target.at),
        "status": target.status,
        **counts,
        "day_latency": row["latency"],
    }
