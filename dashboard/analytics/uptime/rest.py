"""`/api/uptime`: whether upstreams answer, as the page has it. Tyk's own routes are described nowhere."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from dashboard.analytics.rest.asked import owned_by_caller
from dashboard.analytics.uptime.reader import DAY, WEEK, begins, rows_of, targets
from orgs.access import access
from orgs.http.rest import json_response, page, stamp


@access("key", "analytics", instead="owned_analytics")
def uptime(request: HttpRequest) -> HttpResponse:
    """A row for each upstream, of all APIs or one (`api_id`), what is down first, ten to a page."""
    now, api_id = timezone.now(), request.GET.get("api_id", "")
    found = targets(now, owned_by_caller(request.user, api_id))
    found = found.filter(api_id=api_id) if api_id else found
    shown, pages = page(request, found)
    rows = [_shown(row) for row in rows_of(shown, now, whole=request.user.may("apis"))]
    spans = {"day_from": stamp(begins(now, DAY)), "week_from": stamp(begins(now, WEEK))}
    return json_response({"data": rows, "pages": pages, **spans})


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
