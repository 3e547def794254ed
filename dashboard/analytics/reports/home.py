"""The home page of an organisation: how it fares, what changed last, and the first steps until traffic comes."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from dashboard.analytics.reports import reader
from dashboard.analytics.reports.head import compressed_where_fixed, head
from dashboard.analytics.reports.overview import tile_links
from dashboard.analytics.reports.parameters import page_parameters
from orgs import declarations
from orgs.access import access
from orgs.audit.changes import NO_CHANGES
from orgs.audit.views import rows
from orgs.http.tables import Column, heads
from orgs.models import AuditEntry
from orgs.providers import attention

RECENT = 8
CHANGES = (Column("Time", "date"), Column("Who"), Column("Action", "time"), Column("Object"))


@access("session")
@compressed_where_fixed
def home(request: HttpRequest, org: str) -> HttpResponse:
    reader.limit_time()
    return render(request, "analytics/home.html", _context(request, timezone.now()))


def _context(request: HttpRequest, now: datetime) -> dict:
    """Each part only for those who may see its page."""
    context = {
        "section": "home",
        "zone": request.org.time_zone,
        "may_see": _may_see(request),
        "attention": attention.items(request.org, request.user, now),
        "now": now,
    }
    if request.user.may("analytics") or request.user.may("owned_analytics"):
        asked = page_parameters({}, request.org, now, request.user)
        seen = reader.traffic(asked.question)
        context |= head(request, asked, seen.freshness, seen.total.hits)
        context |= {"section": "home", "tiles": tile_links(request, asked, seen)}
    if request.user.may("audit_logs"):
        changes = AuditEntry.objects.filter(org=request.org).exclude(action__in=NO_CHANGES)
        newest = changes.order_by("-at", "-id")[:RECENT]
        context |= {"changes": rows(request, list(newest)), "change_heads": heads(CHANGES)}
    return context | {"steps": _first_steps(request, bool(context.get("any_traffic")))}


def _may_see(request: HttpRequest) -> bool:
    return any(request.user.may(name) for name in ("analytics", "audit_logs", "apis", "keys"))


def _first_steps(request: HttpRequest, any_traffic: bool) -> list[dict]:
    """From an empty organisation to its first request; empty once traffic has come."""
    if any_traffic or reader.any_traffic([request.org.id]):
        return []
    slug = request.org.slug
    return [
        {
            "title": step.title,
            "text": step.text,
            "url": reverse(step.url_name, args=[slug])
            if request.user.may(step.permission, step.level)
            else "",
            "done": step.is_done(),
        }
        for step in declarations.first_steps()
    ]
