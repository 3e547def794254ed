"""Filling the gateways' Redis again, as fast as it goes, once it has been found empty: a round of the sweep of its own,
which takes no rest. A name of ours in Redis tells whether it has been emptied."""

import threading
from dataclasses import dataclass

from django.utils import timezone
from redis import Redis

from apis.gateways import names
from keys.keys import repair
from keys.models import Key, Sweep
from orgs import scope

MARK = "gatehouse-filled"
SAMPLE = 50  # keys
# Whether the database is to be asked for a round, which another process may have left behind.
_going_on = threading.Event()
_going_on.set()


@dataclass(frozen=True)
class Progress:
    """So many keys of so many have been looked at."""

    done: int
    of: int

    @property
    def percent(self) -> int:
        return min(99, 100 * self.done // self.of) if self.of else 99


def mark(redis: Redis) -> None:
    """Leave the mark again, and begin a round if it was gone with the sessions. Raises redis.RedisError."""
    if redis.set(MARK, 1, xx=True):
        return
    with scope.every_org():
        if _is_emptied(redis):
            begin()
    redis.set(MARK, 1)


def begin() -> None:
    """Look at all keys of all organisations, from the first on, in their scope."""
    facts = {"after_org": "", "after_id": "", "started_at": timezone.now(), "finished_at": None}
    facts |= {"checked": 0, "rewritten": 0, "removed": 0, "total": Key.objects.count()}
    Sweep.objects.update_or_create(id=repair.REFILL, defaults=facts)
    _going_on.set()


def _is_emptied(redis: Redis) -> bool:
    """Whether most of some keys that gateways should know are not there: the mark alone may have been evicted."""
    living = Key.objects.filter(revoked_at=None, delivered_number__gt=0)
    keys = list(living.only("org_id", "token_hash").order_by("org_id", "id")[:SAMPLE])
    there = redis.exists(*(names.session(key.token_hash) for key in keys)) if keys else 0
    return 2 * there < len(keys)


def step(redis: Redis, *, chunk: int = repair.CHUNK) -> bool:
    """Fill in the next keys; True while there are more. Raises redis.RedisError when Redis is away: the same keys come
    next."""
    if not _going_on.is_set():
        return False
    _going_on.clear()
    with scope.every_org():
        sweep = Sweep.objects.filter(id=repair.REFILL, finished_at=None).first()
        if sweep is None:
            return False
        _going_on.set()
        return repair.advance(sweep, redis, chunk)


@dataclass(frozen=True)
class State:
    """What pages say of sessions in Redis. filling: None while nothing is to be filled. unheard: Redis does not tell of
    sessions that others write (keys.keyspace.events). strays: sessions of no organisation."""

    filling: Progress | None
    unheard: bool
    strays: int


def state() -> State:
    rows = Sweep.objects.in_bulk([repair.SWEEP, repair.REFILL])
    sweep, filling = rows.get(repair.SWEEP, Sweep()), rows.get(repair.REFILL)
    going_on = filling is not None and filling.finished_at is None
    progress = Progress(filling.checked, filling.total) if going_on else None
    return State(progress, bool(sweep.unheard), sweep.strays)
