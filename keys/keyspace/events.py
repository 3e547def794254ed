"""Being told by the gateways' Redis that somebody wrote or deleted a session, so that what must not be so is put right
within a second or two and not only by the sweep, and what is of no key of ours is found (keys.adoption.discovery).

Redis tells if its setting `notify-keyspace-events` says so, which managed ones may refuse to change: whether it does is
tried again and again with a name of our own. Notices are lost with a connection; then the sweep remains.
"""

import logging
import time
from itertools import islice

from redis import Redis, ResponseError
from redis.client import PubSub

from apis.gateways import names
from apis.gateways.error_text import described
from keys.adoption import discovery
from keys.keys import repair
from keys.keyspace import own_writes, refill
from keys.models import Sweep
from orgs import scope

logger = logging.getLogger(__name__)

# Of keyspace events (K): those of strings, of all types, of what expired or was evicted. "A" stands for all of these.
_KINDS = "$gxe"
BEAT = 2.0  # seconds between two tries, which also find out that Redis is empty
UNHEARD = 3  # tries in a row after which Redis is taken not to tell
AGAIN = 60.0  # seconds after which it is asked to once more
# Gateways of 5.14 write a session back after every request that they count: each is looked at once in so many seconds.
REST = 2.0
GATHER = 0.2  # seconds in which further names are waited for, which are looked at together
LONGEST = 1.0  # seconds without any; the worker ends no sooner
CHUNK = 500
SHARE = 0.1  # of one core for these looks, at most
_MOST_RESTING = 50_000


def with_needed(flags: str) -> str:
    """A value of notify-keyspace-events, and what is needed here added to it. Pure."""
    needed = "K" if "A" in flags else "K" + _KINDS
    return flags + "".join(flag for flag in needed if flag not in flags)


class Watch:
    """One thread's subscription, and the names that are still to be looked at."""

    def __init__(self) -> None:
        self._subscription: PubSub | None = None
        self._waiting: dict[str, None] = {}  # in their order
        self._looked_at: dict[str, float] = {}  # monotonic
        self._next_beat = self._next_asking = self._rests_until = 0.0
        self._unheard = 0
        self._refusal = ""

    def step(self, redis: Redis) -> bool:
        """Wait a moment for notices and look at what they name. Raises redis.RedisError when Redis is away; the next
        call subscribes again."""
        try:
            if self._subscription is None:
                self._subscribe(redis)
            self._beat(redis)
            self._hear()
            self._look(redis)
        except BaseException:
            self.close()
            raise
        return True

    def close(self) -> None:
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None

    def _subscribe(self, redis: Redis) -> None:
        self._ask(redis)
        place = f"__keyspace@{redis.get_connection_kwargs().get('db') or 0}__:"
        self._subscription = redis.pubsub(ignore_subscribe_messages=True)
        self._subscription.psubscribe(place + names.session("*"))
        self._subscription.subscribe(place + refill.MARK)
        self._unheard = 0

    def _ask(self, redis: Redis) -> None:
        self._refusal = ""
        self._next_asking = time.monotonic() + AGAIN
        try:
            flags = redis.config_get("notify-keyspace-events").get("notify-keyspace-events", "")
            if (needed := with_needed(flags)) != flags:
                redis.config_set("notify-keyspace-events", needed)
        except ResponseError as error:
            self._refusal = described(error)

    def _beat(self, redis: Redis) -> None:
        now = time.monotonic()
        if now < self._next_beat:
            return
        self._next_beat = now + BEAT
        if self._unheard in (0, UNHEARD):
            _note_trouble(self._unheard > 0, self._refusal)
        if self._unheard >= UNHEARD and now >= self._next_asking:
            self._ask(redis)
        self._unheard += 1
        refill.mark(redis)

    def _hear(self) -> None:
        begun = time.monotonic()
        ends = begun + (GATHER if self._waiting else max(min(LONGEST, self._next_beat - begun), 0.0))
        left = 1.0
        while left > 0:
            left = ends - time.monotonic()
            message = self._subscription.get_message(timeout=max(left, 0.0))
            if message is None:
                continue
            if message["type"] == "message":
                self._unheard = 0
                continue
            self._waiting.setdefault(message["channel"].decode(errors="replace").partition(":")[2])
            ends = min(ends, begun + GATHER)

    def _look(self, redis: Redis) -> None:
        now, worked = time.monotonic(), time.thread_time()
        if not self._waiting or now < self._rests_until:
            return
        rested = (name for name in self._waiting if self._looked_at.get(name, now - REST) + REST <= now)
        due = list(islice(rested, CHUNK))
        for name in due:
            del self._waiting[name]
        texts = redis.mget(due) if due else []
        others = [name for name, text in zip(due, texts, strict=True) if not own_writes.recall(name, text)]
        if others:
            self._looked_at |= dict.fromkeys(others, now)
            with scope.every_org():
                discovery.look(repair.look(others, redis), redis)
        if len(self._looked_at) > _MOST_RESTING:
            self._looked_at = {name: at for name, at in self._looked_at.items() if at + REST > now}
        self._rests_until = time.monotonic() + (time.thread_time() - worked) / SHARE


def _note_trouble(unheard: bool, refusal: str) -> None:
    """Have pages say whether Redis tells."""
    text = (refusal or "it is not heard")[:200] if unheard else ""
    if Sweep.objects.filter(id=repair.SWEEP).exclude(unheard=text).update(unheard=text) and text:
        logger.warning(
            "Redis does not tell of sessions that others write, so only the sweep finds them: %s", text
        )
