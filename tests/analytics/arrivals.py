"""Helpers of the ingest tests."""

from collections.abc import Callable
from datetime import datetime

from dashboard.analytics.ingest import drain, trust
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
