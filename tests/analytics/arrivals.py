"""Helpers of the ingest tests."""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime

from django.db import connection, connections, transaction

from dashboard.analytics.ingest import cuts, drain, trust
from dashboard.analytics.models import RollupCut
from orgs import scope
from orgs.models import Organisation
from tests import make
from tests.analytics import recordings


def organisations(zone_a: str, zone_b: str) -> tuple[Organisation, Organisation]:
    """The two organisations of the recordings."""
    return (
        make.organisation("Alpha", "alpha", id=recordings.ORG_A, time_zone=zone_a),
        make.organisation("Beta", "beta", id=recordings.ORG_B, time_zone=zone_b),
    )


def clock_at(moment: datetime) -> Callable[[], datetime]:
    return lambda: moment


def drained(redis, moment: datetime) -> None:
    """Drain until nothing waits, at a fixed time: the recordings keep the dates they were made on.

    An operator vouches for the clock, because tests leap about in time.
    """
    with scope.every_org():
        trust.vouch(moment)
    while drain.tick(redis, clock_at(moment)):
        pass


def open_since(org_ids: Sequence[str], moment: datetime) -> None:
    """Of hours since a moment the organisations have rows of hours alone (ingest/closing.py)."""
    with scope.every_org():
        cuts.prepare(org_ids, moment)
        RollupCut.objects.filter(org__in=org_ids).update(days_until=moment)


# Whether anybody waits for this transaction. Other tests lock in other databases of the same server meanwhile.
BLOCKED = """SELECT EXISTS (
    SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))"""


def at_once(first: Callable[[], None], second: Callable[[], object]) -> tuple[bool, object]:
    """Whether `second` waited for a lock of `first`, which was done but not committed; and its answer."""
    answers = []

    def run():
        answers.append(second())
        connections.close_all()

    thread = threading.Thread(target=run)
    with scope.every_org(), transaction.atomic(), connection.cursor() as cursor:
        first()
        thread.start()
        waits = False
        while thread.is_alive() and not waits:
            cursor.execute(BLOCKED)
            [waits] = cursor.fetchone()
    thread.join(60)
    return waits, *answers
