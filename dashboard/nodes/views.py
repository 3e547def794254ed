"""The pages which show the gateways: to an organisation, and to super-users."""

from collections import Counter
from datetime import datetime, timedelta

from django.conf import settings
from django.core.paginator import Paginator
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.gzip import gzip_page

from dashboard.nodes import connecting
from dashboard.nodes.health import LIVENESS_SILENT_AFTER, Heard, health
from dashboard.nodes.models import HEARD, Node, NodeSignal, wanted_version
from orgs.access import access
from orgs.http.tables import Column, heads

# Who needs a hand comes first.
STATES = ("stuck", "silent", "pulling", "ok", "gone")
BADGES = {"ok": "ok", "pulling": "neutral", "stuck": "bad", "silent": "warn", "gone": "neutral"}
# Gateways that were killed say no goodbye.
SHOWN_FOR = timedelta(days=1)
A_PAGE = 50
COLUMNS = (
    Column("Node", "name"),
    Column("State"),
    Column("Last seen", "badge"),
    Column("Last pull", "badge"),
    Column("Served version", "number"),
    Column("Wanted version", "number", lesser=True),
    Column("Known since", "time", lesser=True),
)
MOST_CALLED_OUT = 3
UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


@access("session", "system")
@gzip_page
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
    wanted, signal = wanted_version(), NodeSignal.objects.first()
    states = _states(wanted, now)
    page = Paginator(list(states), A_PAGE).get_page(request.GET.get("p"))
    nodes = Node.objects.in_bulk(page.object_list)
    rows = [_row(nodes[pk], wanted, now) for pk in page if pk in nodes]
    counts = Counter(states.values())
    return {
        "heads": heads(COLUMNS),
        "rows": rows,
        "page": page,
        "position": f"{page.start_index():,} to {page.end_index():,} of {page.paginator.count:,}",
        "newer": f"?p={page.number - 1}" if page.has_previous() else "",
        "older": f"?p={page.number + 1}" if page.has_next() else "",
        "counts": [(counts[state], state, BADGES[state]) for state in STATES if counts[state]],
        # The first of those that need a hand; they lead the table as well.
        "stuck": [row for row in rows if row["state"] == "stuck"][:MOST_CALLED_OUT],
        "wanted": wanted,
        "signal": signal,
        "unheard": _is_unheard(signal, now),
        "now": now,
        "configuration": connecting.configuration(request.build_absolute_uri("/").rstrip("/"), redis_url),
    }


def _is_unheard(signal: NodeSignal | None, now: datetime) -> bool:
    """Whether nobody heard the last signal, though a gateway that lives was there to hear it."""
    if signal is None or signal.sent_at is None or signal.receivers:
        return False
    return Node.objects.filter(
        registered_at__lt=signal.sent_at, last_ping_at__gte=now - LIVENESS_SILENT_AFTER
    ).exists()


def _states(wanted: int, now: datetime) -> dict[str, str]:
    """The state of every node that is shown, by its session, in the order of the table: worst first, then by name.

    Times alone are read of all of them; the rest only of those on the page.
    """
    nodes = Node.objects.filter(last_ping_at__gte=now - SHOWN_FOR).values_list("pk", *HEARD)
    states = {pk: health(Heard(*heard), wanted, now).state for pk, *heard in nodes}
    return dict(sorted(states.items(), key=lambda item: STATES.index(item[1])))


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
