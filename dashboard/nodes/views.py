"""The pages which show the gateways: to an organisation, and to super-users."""

from datetime import datetime, timedelta

from django.conf import settings
from django.shortcuts import render
from django.utils import timezone

from dashboard.nodes import connecting
from dashboard.nodes.models import Node, NodeSignal, wanted_version
from orgs.access import access

# Who needs a hand comes first.
STATES = ("stuck", "silent", "pulling", "ok", "gone")
BADGES = {"ok": "ok", "pulling": "neutral", "stuck": "bad", "silent": "warn", "gone": "neutral"}
# Gateways that were killed say no goodbye.
SHOWN_FOR = timedelta(days=1)
UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


@access("session", "system")
def nodes(request, org):
    """For people of an organisation: nodes serve it, but the installation's addresses are not theirs."""
    context = _page(request, connecting.REDIS_PLACEHOLDER) | {"section": "nodes"}
    return render(request, "nodes/nodes.html", context)


@access("super")
def fleet(request):
    """For super-users."""
    context = _page(request, settings.REDIS_URL) | {"section": "fleet", "addresses": True}
    return render(request, "nodes/nodes.html", context)


def _page(request, redis_url: str) -> dict:
    now = timezone.now()
    wanted = wanted_version()
    rows = [_row(node, wanted, now) for node in Node.objects.filter(last_ping_at__gte=now - SHOWN_FOR)]
    rows.sort(key=lambda row: STATES.index(row["state"]))
    return {
        "rows": rows,
        "stuck": [row for row in rows if row["state"] == "stuck"],
        "live": sum(row["state"] in ("ok", "pulling", "stuck") for row in rows),
        "wanted": wanted,
        "signal": NodeSignal.objects.first(),
        "now": now,
        "zone": request.org.zone if request.org else timezone.get_default_timezone(),
        "configuration": connecting.configuration(request.build_absolute_uri("/").rstrip("/"), redis_url),
    }


def _row(node: Node, wanted: int, now: datetime) -> dict:
    health = node.health(wanted, now)
    return {
        "node": node,
        "state": health.state,
        "badge": BADGES[health.state],
        "since": health.since,
        "advice": health.advice,
        "last_seen": _ago(now - node.last_ping_at),
        "last_pull": _ago(now - node.last_pull_at) if node.last_pull_at else "never",
    }


def _ago(passed: timedelta) -> str:
    seconds = max(0, int(passed.total_seconds()))
    size, unit = next(((size, unit) for size, unit in UNITS if seconds >= size), UNITS[-1])
    return f"{seconds // size} {unit} ago"
