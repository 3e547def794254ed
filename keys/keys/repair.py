"""The sweep: what the gateways' Redis holds, compared with what it should hold, round after round.

Redis may have lost sessions, and a gateway writes back a session as it knew it up to ten seconds ago, over a change, or
a revocation, of ours. Keys that were changed are looked at once more by a message of their own
(keys.keys.delivery.CHECK); the sweep looks at all of them, a chunk at a time, and remembers in the database how far it
is. A round takes half a minute, or as long as it takes when a twentieth of one core is spent on it: 50 minutes for a
million keys, measured.
"""

import time
from collections.abc import Collection
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone
from redis import Redis

from apis.gateways import names
from apis.models import Outbox
from keys.keys.delivery import check_later, write
from keys.keys.reader import served_to
from keys.keys.session import encoded, parsed, same
from keys.models import Key, Sweep
from keys.rotation.places import Place, of_hashes, places_of
from keys.sessions.merged import accepted
from orgs import scope

CHUNK = 500
SHARE = 0.05  # of one core, at most
ENGINES = 1.2  # PostgreSQL and Redis work an eighth of what this process does (measured), and on a busy machine more
# The rows of the sweep, and of the round that fills an empty Redis (keys.keyspace.refill).
SWEEP, REFILL = 1, 2
ROUND = timedelta(seconds=30)  # from the beginning of one to the next, at least


def step(redis: Redis, *, chunk: int = CHUNK) -> float:
    """Sweep the next keys, revoked ones too, in no transaction; the answer is in how many seconds those after them are
    due. Raises redis.RedisError when Redis is away: the same keys come next."""
    begun, worked = time.monotonic(), time.thread_time()
    with scope.every_org():
        sweep = Sweep.objects.get_or_create(id=SWEEP)[0]
        if not sweep.after_id:
            sweep.begin()
        more = advance(sweep, redis, chunk)
    rest = pause(time.thread_time() - worked, time.monotonic() - begun)
    if more:
        return rest
    return max(rest, (sweep.started_at + ROUND - timezone.now()).total_seconds())


def advance(sweep: Sweep, redis: Redis, chunk: int) -> bool:
    """Look at the next keys of a round and remember how far it is, in the scope of every organisation; whether there
    are more. Raises redis.RedisError."""
    keys = _next(sweep, chunk)
    _repair(keys, redis, sweep)
    sweep.go_on_after(keys[-1] if len(keys) == chunk else None)
    # Since others write into the same row.
    sweep.save(update_fields=Sweep.OF_ROUND)
    return bool(sweep.after_id)


def look(sessions: Collection[str], redis: Redis) -> set[str]:
    """Put right those of the keys whose sessions have these names, in the scope of every organisation and in no
    transaction. Answers the names that are of no key. Raises redis.RedisError."""
    hashes = [name.removeprefix(names.session("")) for name in sessions]
    keys = of_hashes(hashes)
    wanted = places_of(keys)
    write({key.id: key.org_id for key in _wrong(keys, wanted, redis)}, redis)
    return set(sessions) - {names.session(place.token_hash) for places in wanted.values() for place in places}


def pause(worked: float, took: float) -> float:
    """The seconds without work after some in which this process `worked`, over what `took` so many by the clock."""
    return max(worked * ENGINES / SHARE - took, 0.0)


def _next(sweep: Sweep, chunk: int) -> list[Key]:
    """The keys that follow, organisation by organisation. In two statements, so that each reads only its own rows."""
    rows = Key.objects.order_by("org_id", "id")
    keys = list(rows.filter(org_id=sweep.after_org, id__gt=sweep.after_id)[:chunk])
    return keys + list(rows.filter(org_id__gt=sweep.after_org)[: chunk - len(keys)])


def _repair(keys: list[Key], redis: Redis, sweep: Sweep) -> None:
    wanted = places_of(keys)
    found = _wrong(keys, wanted, redis)
    # Read anew there: what is being delivered just now is not undone.
    write({key.id: key.org_id for key in found}, redis)
    removed = sum(wanted[key.id][0].session is None for key in found)
    sweep.checked += len(keys)
    sweep.removed += removed
    sweep.rewritten += len(found) - removed


def check(rows: list[Outbox], redis: Redis) -> None:
    """Deliver messages of kind CHECK: put right what gateways wrote over the keys that they name, and look at those
    once more. Raises redis.RedisError."""
    named = Q(org_id__in={row.org_id for row in rows}, id__in={row.subject for row in rows})
    found = wrong(list(Key.objects.filter(named)), redis)
    write({key.id: key.org_id for key in found}, redis)
    check_later([row for row in rows if row.subject in {key.id for key in found}])


def wrong(keys: list[Key], redis: Redis) -> list[Key]:
    """Those of which Redis does not hold what it should. Raises redis.RedisError."""
    return _wrong(keys, places_of(keys), redis)


def _wrong(keys: list[Key], wanted: dict[str, list[Place]], redis: Redis) -> list[Key]:
    """Those of which a session is not as it should be, whichever generation's."""
    placed = [(key, place) for key in keys for place in wanted[key.id]]
    stored = redis.mget([names.session(place.token_hash) for _, place in placed]) if placed else []
    other = [
        (key, place, text)
        for (key, place), text in zip(placed, stored, strict=True)
        if not _as_written(place, text)
    ]
    having = {key.id: key for key, place, _ in other if "apply_policies" in (place.session or {})}
    policies = served_to(list(having.values()))
    found = {
        key.id: key for key, place, text in other if not _right(place.session, text, policies.get(key.id, []))
    }
    return list(found.values())


def _as_written(place: Place, text: bytes | None) -> bool:
    """Mostly it is, which is seen without reading it."""
    return text == (None if place.session is None else encoded(place.session, place.allowance))


def _right(wanted: dict | None, text: bytes | None, policies: list[dict]) -> bool:
    if wanted is None or text is None:
        return False
    by_policies = "apply_policies" in wanted
    return accepted(wanted, parsed(text), policies) if by_policies else same(wanted, parsed(text))
