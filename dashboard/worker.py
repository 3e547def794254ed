"""The background loop: what is to be done, how often, and what happens when it fails.

Lanes run side by side, so that a revoked key does not wait for a long chunk of traffic. Within a lane the
step that has been due longest goes first. An error is logged, makes its own step wait longer, ends nothing.
"""

import logging
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.db import DatabaseError, InterfaceError, close_old_connections, connections, transaction
from django.utils import timezone

import keys.keys.delivery
import keys.keys.repair
from apis.gateways import outbox
from dashboard import reachable
from dashboard.analytics.ingest import cuts, drain, housekeeping
from dashboard.nodes import signals
from orgs import scope
from orgs.db.proof import refuse_holes

logger = logging.getLogger(__name__)

BATCH = 100
LONGEST_PAUSE = 30  # seconds between two attempts of a failing step
KEPT_MESSAGES = timedelta(days=7)

DELIVER = {"reload": signals.reload, **dict.fromkeys(keys.keys.delivery.KINDS, keys.keys.delivery.deliver)}


@dataclass
class Step:
    """`work` takes a Redis client and answers True when there is more to do at once. `interval`: seconds."""

    name: str
    interval: float
    work: Callable[[redis.Redis], object]
    due: float = 0
    failures: int = 0

    def take(self, client: redis.Redis) -> None:
        """Do the work once and set when it is next due. Raises nothing."""
        close_old_connections()
        try:
            more = self.work(client)
        except Exception as error:
            self.failures += 1
            # Not the whole traceback: a failing statement quotes its values.
            logger.error("%s: %s (%s)", self.name, described(error), where(error))
            for connection in connections.all(initialized_only=True):
                connection.close()
            pause = min(
                max(self.interval, 1) * 2 ** min(self.failures - 1, 10), max(self.interval, LONGEST_PAUSE)
            )
        else:
            if self.failures:
                logger.info("%s: works again", self.name)
            self.failures = 0
            pause = 0 if more is True else self.interval
        self.due = time.monotonic() + pause


def lanes() -> list[list[Step]]:
    """All steps. Those of a lane never run at the same time."""
    return [
        [
            Step("outbox", 0.2, deliver),
            Step("reload signal", 0.3, signals.tick),
        ],
        [
            Step("traffic", 2, drain.tick),
        ],
        [
            Step("key repair", 30, keys.keys.repair.sweep),
            Step("changed time zones", 5, lambda _: cuts.work()),
            Step("housekeeping", 3600, lambda _: housekeeping.maintain()),
            Step("delivered messages", 3600, forget),
            Step("ended sessions", 3600, lambda _: SessionStore.clear_expired()),
        ],
    ]


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


def deliver(client: redis.Redis) -> bool:
    """Deliver what is due in the outbox; whether there is more."""
    with scope.every_org(), transaction.atomic():
        rows = outbox.take(BATCH)
        for row in rows:
            if not attempt(row, client):
                return False
        return len(rows) == BATCH


def attempt(row, client: redis.Redis) -> bool:
    """Deliver one message, or note why that failed. False when Redis is away, so that others need no try."""
    point = transaction.savepoint()
    try:
        DELIVER[row.kind](row, client)
    except DatabaseError as error:
        transaction.savepoint_rollback(point)
        outbox.retry(row, described(error))
    except Exception as error:
        # What was written stands: a delivery that fails notes the reason in its own tables.
        transaction.savepoint_commit(point)
        outbox.retry(row, described(error))
        return not isinstance(error, redis.ConnectionError | redis.TimeoutError)
    else:
        transaction.savepoint_commit(point)
        outbox.done(row)
    return True


def forget(_: redis.Redis) -> None:
    with scope.every_org(), transaction.atomic():
        outbox.forget(timezone.now() - KEPT_MESSAGES)


def described(error: Exception) -> str:
    """Kind and first line of an error; the lines after it quote values, and secrets are left out anyhow."""
    first_line = (str(error).splitlines() or [""])[0][:200]
    for secret in secrets():
        first_line = first_line.replace(secret, "…")
    return f"{type(error).__name__}: {first_line}"


def secrets() -> list[str]:
    passwords = [
        urlsplit(settings.REDIS_URL).password,
        *(each["PASSWORD"] for each in settings.DATABASES.values()),
    ]
    return [
        secret
        for secret in (settings.SECRET_KEY, settings.ADMIN_SECRET, settings.NODE_SECRET, *passwords)
        if secret
    ]


def where(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{frame.filename}:{frame.lineno}"
