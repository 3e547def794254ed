"""A reload of all gateways that somebody asks for, though nothing was published."""

from datetime import datetime, timedelta

from django.utils import timezone

from dashboard.nodes.models import NodeSignal
from orgs import scope
from orgs.audit import log
from orgs.models import User

# A reload builds everything anew on every node, so no one gets more of them, however often it is asked.
APART = timedelta(seconds=10)


def ask(actor: User | None) -> datetime:
    """Have all gateways pull, and answer from when on they are told: now, or so long after the last reload that was
    asked for. Who asks meanwhile is answered the same one. The worker tells them, as of a change: only while our feed
    can be pulled, and again until they have. actor: None over the Admin API."""
    now = timezone.now()
    NodeSignal.objects.bulk_create([NodeSignal()], ignore_conflicts=True)
    signal = NodeSignal.objects.select_for_update().get()
    due = signal.reload_at
    if due is None or due <= now:
        due = max(now, due + APART) if due else now
        NodeSignal.objects.update(reload_at=due)
        with scope.nobody():  # the platform's own log
            log.record("gateways.reloaded", "gateways", "", "all gateways", actor=actor)
    return due
