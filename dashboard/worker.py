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
from apis.gateways.notices import Notices
from dashboard import reachable
from dashboard.alerts import evaluation
from dashboard.alerts.sending import delivery as alert_messages
from dashboard.analytics.ingest import claim, closing, cuts, drain, housekeeping
from dashboard.analytics.ingest.upkeep import forgetting, indexing, recounting
from dashboard.analytics.uptime import looks
from dashboard.nodes.confirming import reading
from dashboard.nodes.load import Listening
from dashboard.nodes.reloads import signals
from keys.adoption import discovery
from keys.certificates import repair as certificate_repair
from keys.keys import repair
from keys.keyspace import events, refill
from keys.oauth import repair as oauth_repair
from keys.organisations import delivery as organisation_keys
from orgs.db.proof import refuse_holes

logger = logging.getLogger(__name__)

LONGEST_PAUSE = 30  # seconds between two attempts of a failing step
# Of one that brings gateways what has been changed: it waits no longer once the database is back.
LONGEST_WAIT = 1
# Of new messages there are notices; one that is lost costs so much. How soon after the last message that is relied on.
SELDOM = 1.0
CALM = 10
# Notices come one by one, messages are delivered in batches.
BETWEEN_NOTICES = 0.05


@dataclass
class Step:
    """`work` takes a Redis client and answers True when there is more to do at once, a number of seconds when there is
    more to do after those, or else None or False for `interval` seconds. hears: due at once when its lane's bell rings.
    """

    name: str
    interval: float
    work: Callable[[redis.Redis], object]
    longest_pause: float = LONGEST_PAUSE
    hears: bool = False
    due: float = 0
    ended: float = 0
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
        self.ended = time.monotonic()
        self.due = self.ended + pause

    def wake(self) -> None:
        """Its lane's bell rang."""
        if self.hears and not self.failures:
            self.due = min(self.due, self.ended + BETWEEN_NOTICES)


def threads(client: redis.Redis, stop: threading.Event, notices: Notices) -> list[threading.Thread]:
    """A thread for each lane, yet to be started. All end when `stop` is set and `notices` are ended."""

    def lane(steps: list[Step], bell: threading.Event) -> None:
        run(steps, client, stop, bell)
        connections.close_all()

    return [threading.Thread(target=lane, args=(steps, notices.bell())) for steps in lanes(notices)]


def lanes(notices: Notices) -> list[list[Step]]:
    """All steps. Those of a lane never run at the same time."""

    def calm() -> bool:
        return notices.calm(CALM) and delivery.calm(CALM)

    return [
        [
            Step("notices", 0, lambda _: notices.hear()),
        ],
        [
            Step("outbox", 0.2, slower(delivery.deliver, SELDOM, calm), LONGEST_WAIT, hears=True),
        ],
        [
            # Asks a port of ours first, which may take its time.
            Step("reload signal", 0.3, slower(signals.tick, 1.5, calm), LONGEST_WAIT, hears=True),
        ],
        [
            Step("traffic", 2, paced(drain.tick, 10, lambda client: not claim.anything(client))),
            Step("uptime", 10, looks.tick),
        ],
        [
            # Waits for notices itself.
            Step("tampering", 0, events.Watch().step, LONGEST_WAIT),
        ],
        [
            # Waits for what gateways tell each other.
            Step("node load", 30, Listening().step),
        ],
        [
            # Waits for gateways, which may take their time.
            Step("control APIs", 5, reading.step),
        ],
        [
            Step("refill", 2, refill.step, LONGEST_WAIT),
        ],
        [
            # A day of many requests takes its time.
            Step("figures counted anew", 5, recounting.step),
            Step("indexes of days that are over", 600, indexing.step),
        ],
        [
            # Waits for mail servers and receivers of webhooks.
            Step("alerts", 15, evaluation.step),
            Step("alert messages", 5, alert_messages.step),
        ],
        [
            Step("key repair", 30, repair.step),
            Step("organisation keys", 30, organisation_keys.sweep),
            Step("sessions made elsewhere", 30, discovery.Search().step),
            Step("OAuth client repair", 30, oauth_repair.step),
            Step("certificate repair", 30, certificate_repair.step),
            Step("changed time zones", 5, lambda _: cuts.work()),
            Step("hours that are over", 30, lambda _: closing.work()),
            Step("housekeeping", 3600, lambda _: housekeeping.maintain()),
            Step("ended periods", 3600, forgetting.Forgetting().step),
            Step("unknown messages", 60, lambda _: delivery.note_unknown()),
            Step("delivered messages", 3600, lambda _: delivery.forget()),
            Step("former alerts", 3600, lambda _: forget_alerts()),
            Step("ended sessions", 3600, lambda _: SessionStore.clear_expired()),
        ],
    ]


def forget_alerts() -> None:
    evaluation.forget()
    alert_messages.forget()


def slower(work: Callable, seconds: float, calm: Callable[[], bool]) -> Callable:
    """`work`, which is due again after so many seconds instead of its interval if it found nothing and all is calm."""
    return lambda client: work(client) or (seconds if calm() else None)


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


def run(
    steps: list[Step], client: redis.Redis, stop: threading.Event, bell: threading.Event | None = None
) -> None:
    """Take the steps of one lane when they are due, until `stop` is set and the step begun is finished.

    bell: set when steps which hear are due at once, and when `stop` is.
    """
    while not stop.is_set():
        step = min(steps, key=lambda step: step.due)
        if (pause := step.due - time.monotonic()) <= 0:
            step.take(client)
        elif bell is None:
            stop.wait(pause)
        elif bell.wait(pause):
            bell.clear()
            for each in steps:
                each.wake()


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
