"""The background loop: what is to be done, how often, and what happens when it fails.

Lanes run side by side, so that a revoked key does not wait for a long chunk of traffic. Within a lane the
step that has been due longest goes first. An error is logged, makes its own step wait longer, ends nothing.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import redis
from django.contrib.sessions.backends.db import SessionStore
from django.db import DatabaseError, InterfaceError, close_old_connections, connections

from apis.gateways import delivery
from apis.gateways.error_text import described, where
from dashboard import reachable
from dashboard.analytics.ingest import claim, cuts, drain, housekeeping
from dashboard.nodes import signals
from keys.keys import repair
from orgs.db.proof import refuse_holes

logger = logging.getLogger(__name__)

LONGEST_PAUSE = 30  # seconds between two attempts of a failing step
# Of one that brings gateways what has been changed: it waits no longer once the database is back.
LONGEST_WAIT = 1


@dataclass
class Step:
    """`work` takes a Redis client and answers True when there is more to do at once, a number of seconds when there is
    more to do after those, or else None or False for `interval` seconds."""

    name: str
    interval: float
    work: Callable[[redis.Redis], object]
    longest_pause: float = LONGEST_PAUSE
    due: float = 0
    failures: int = 0

    def take(self, client: redis.Redis) -> None:
        """Do the work once and set when it is next due. Raises nothing."""
        close_old_connections()
        try:
            more = self.work(client)
        except Exception as error:
            self.failures += 1
            if self.failures.bit_count() == 1:  # the first time, the second, the fourth …
                # Not the whole traceback: a failing statement quotes its values.
                logger.error("%s: %s (%s)", self.name, described(error), where(error))
            for connection in connections.all(initialized_only=True):
                connection.close()
            pause = min(
                max(self.interval, 1) * 2 ** min(self.failures - 1, 10),
                max(self.interval, self.longest_pause),
            )
        else:
            if self.failures:
                logger.info("%s: works again", self.name)
            self.failures = 0
            pause = 0 if more is True else more if isinstance(more, float) else self.interval
        self.due = time.monotonic() + pause


def lanes() -> list[list[Step]]:
    """All steps. Those of a lane never run at the same time."""
    return [
        [
            Step("outbox", 0.2, delivery.deliver, LONGEST_WAIT),
        ],
        [
            # Asks a port of ours first, which may take its time.
            Step("reload signal", 0.3, paced(signals.tick, 1.5, lambda _: delivery.calm(10)), LONGEST_WAIT),
        ],
        [
            Step("traffic", 2, paced(drain.tick, 10, lambda client: not claim.anything(client))),
        ],
        [
            Step("key repair", 30, repair.step),
            Step("changed time zones", 5, lambda _: cuts.work()),
            Step("housekeeping", 3600, lambda _: housekeeping.maintain()),
            Step("unknown messages", 60, lambda _: delivery.note_unknown()),
            Step("delivered messages", 3600, lambda _: delivery.forget()),
            Step("ended sessions", 3600, lambda _: SessionStore.clear_expired()),
        ],
    ]


def paced(work: Callable, seconds: float, calm: Callable[[redis.Redis], bool]) -> Callable:
    """`work`, which while `calm` says that nothing waits for it is done every so many seconds only."""
    done_at = float("-inf")

    def only_if_needed(client: redis.Redis) -> object:
        nonlocal done_at
        if time.monotonic() - done_at < seconds and calm(client):
            return False
        begun = time.monotonic()
        more = work(client)
        # Not of a failure, which is tried again at the pace of failures, however calm it looks.
        done_at = begun
        return more

    return only_if_needed


def run(steps: list[Step], client: redis.Redis, stop: threading.Event) -> None:
    """Take the steps of one lane when they are due, until `stop` is set and the step begun is finished."""
    while not stop.is_set():
        step = min(steps, key=lambda step: step.due)
        if (pause := step.due - time.monotonic()) > 0:
            stop.wait(pause)
        else:
            step.take(client)


def await_proof(stop: threading.Event) -> None:
    """Return once the database has proved that it keeps organisations apart, or when `stop` is set.

    Raises Unprotected, SettingError. The database may be away for now: then it is asked again.
    """
    while not stop.is_set():
        try:
            refuse_holes(connections["default"])
        except (DatabaseError, InterfaceError) as error:
            connections.close_all()
            if not isinstance(about := reachable.of_postgresql("default", error), reachable.Away):
                raise about from None
            logger.warning("the database could not be asked for its isolation: %s", described(error))
            # Not stop.wait(): the signal handler that sets it runs in this thread, and both take the same lock.
            time.sleep(1)
        else:
            connections.close_all()
            return
