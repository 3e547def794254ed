"""What pages show of nodes."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Count

from dashboard.nodes.health import GONE_AFTER
from dashboard.nodes.load import FRESH
from dashboard.nodes.models import GatewayControl, Node
from dashboard.nodes.revisions import pulled

BADGES = {"ok": "ok", "pulling": "neutral", "stuck": "bad", "silent": "warn", "gone": "neutral"}
UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def rows_of(sessions: Iterable[str], wanted: int, now: datetime) -> list[dict]:
    """What is shown of these nodes, without those that are gone meanwhile. wanted: the version of the feed that each
    should serve."""
    nodes = Node.objects.in_bulk(list(sessions))
    since = pulled.behind_since(node.served_version for node in nodes.values())
    names = {node.hostname for node in nodes.values()} - {""}
    controls = {row.hostname: row for row in GatewayControl.objects.filter(hostname__in=names)}
    alike = _alike(controls, now)
    found = [_row(nodes[pk], wanted, now, since) for pk in sessions if pk in nodes]
    return [_with_control(row, controls, alike) for row in found]


def _with_control(row: dict, controls: dict[str, GatewayControl], alike: dict[str, int]) -> dict:
    """With what is known of its host name, and with how many live nodes it has that in common."""
    hostname = row["node"].hostname
    return row | {"control": controls.get(hostname), "alike": alike.get(hostname, 0)}


def _alike(hostnames: Iterable[str], now: datetime) -> dict[str, int]:
    live = Node.objects.filter(hostname__in=list(hostnames), last_ping_at__gte=now - GONE_AFTER).order_by()
    return dict(live.values_list("hostname").annotate(Count("pk")))


def _row(node: Node, wanted: int, now: datetime, since: dict[int, datetime]) -> dict:
    health = node.health(wanted, now)
    is_behind = node.served_version != wanted
    return {
        "node": node,
        "state": health.state,
        "badge": BADGES[health.state],
        "since": health.since,
        "advice": health.advice,
        "last_seen": _ago(now - node.last_ping_at),
        "last_pull": _ago(now - node.last_pull_at) if node.last_pull_at else "never",
        "is_behind": is_behind,
        # A signal that it has not answered goes out a moment after something was published.
        "behind_since": (since.get(node.served_version) or node.asked_at) if is_behind else None,
        "load": node.load if node.load_at and now - node.load_at < FRESH else None,
    }


def _ago(passed: timedelta) -> str:
    seconds = max(0, int(passed.total_seconds()))
    size, unit = next(((size, unit) for size, unit in UNITS if seconds >= size), UNITS[-1])
    return f"{seconds // size} {unit} ago"
