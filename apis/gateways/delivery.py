"""What the worker does with messages: claim, commit, deliver, commit. Nothing is locked while anything outside is
asked, so no page ever waits for a gateway, its Redis, or a port that does not answer.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import groupby

from django.utils import timezone
from redis import ConnectionError as RedisConnectionError
from redis import Redis
from redis import TimeoutError as RedisTimeoutError

from apis.gateways import kinds, outbox
from apis.gateways.error_text import described
from apis.models import Outbox
from orgs import scope

BATCH = 200
KEPT = timedelta(days=7)
# Redis away is nobody's fault, and what waits goes out when it is back.
_SECONDS_UNTIL_BACK = 2

_served: dict[int, str] = {}
_stirred_at = float("-inf")  # monotonic; when a message was last seen


def calm(seconds: float) -> bool:
    """Whether no message was seen for so long."""
    return time.monotonic() - _stirred_at > seconds


def deliver(redis: Redis) -> bool:
    """Deliver one batch of what is most urgent; whether there may be more to do at once."""
    global _stirred_at  # noqa: PLW0603  one for the process, as the outbox is one
    with scope.every_org():
        rows = outbox.claim(BATCH, _served)
        if rows:
            _stirred_at = time.monotonic()
        batches = list(_batches(rows))
        for number, batch in enumerate(batches):
            if not _attempt(batch, redis):
                outbox.release([row for rest in batches[number + 1 :] for row in rest])
                return False
    return bool(rows)


def _batches(rows: Sequence[Outbox]) -> Iterator[list[Outbox]]:
    """Messages with the same handler, in order."""
    for _, batch in groupby(rows, lambda row: kinds.get(row.kind).handler):
        yield list(batch)


def _attempt(rows: list[Outbox], redis: Redis) -> bool:
    """Deliver messages with one handler, or note why that failed. False when Redis is away, so that others need no
    try."""
    handler = kinds.get(rows[0].kind).handler
    try:
        again = handler(rows, redis) or {}
    except (RedisConnectionError, RedisTimeoutError) as error:
        outbox.retry(rows[:1], described(error), _SECONDS_UNTIL_BACK)
        outbox.release(rows[1:])
        return False
    except Exception as error:
        if len(rows) == 1:
            outbox.retry(rows, described(error))
            return True
        # One of them may be to blame, and the others must not suffer for it.
        return _one_by_one(rows, redis)
    outbox.done([row for row in rows if row.id not in again])
    for reason in set(again.values()):
        outbox.retry([row for row in rows if again.get(row.id) == reason], reason)
    return True


def _one_by_one(rows: list[Outbox], redis: Redis) -> bool:
    for number, row in enumerate(rows):
        if not _attempt([row], redis):
            outbox.release(rows[number + 1 :])
            return False
    return True


def forget() -> None:
    """Delete what was delivered long ago. Reads the whole table: once an hour."""
    with scope.every_org():
        outbox.forget(timezone.now() - KEPT)


def note_unknown() -> None:
    """Say of what nobody delivers why it stays."""
    with scope.every_org():
        outbox.note_unknown()
