"""What gateways count requests of keys with, in their Redis: one counter for the whole key, one for each API that a
right of its own limits, and one for each scope of its policies (keys.sessions.merged.scopes)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from redis import Redis

from apis.gateways import names
from keys.keys.session import COUNTED_UNDER, parsed
from keys.rotation.places import Place

# Gateways of 5.14 write a session back after every request that they count against a quota, however long it took,
# and so undo what ended the key meanwhile, again and again while there is traffic. What counts its requests they obey
# at once, and never write: so it says that the quota is spent, until we see that the session stays as it should be.
SPENT = 2**62
SPENT_FOR = 86_400  # seconds; the sweep says it anew as often as it finds the session written back

Counts = dict[str, tuple[bytes, int]]


def spend(counters: Iterable[str], redis: Redis) -> None:
    """Have gateways count all further requests as too many."""
    for counter in counters:
        redis.set(counter, SPENT, ex=SPENT_FOR)


def is_spent(count: bytes | None) -> bool:
    """Whether we said so, of a key that was suspended: when it is resumed, its quota begins anew."""
    return count is not None and count.isdigit() and int(count) >= SPENT


def of(places: Iterable[Place], scopes: Iterable[str]) -> list[str]:
    """The names of the counters of some places."""
    counted = dict.fromkeys(name for place in places for name in place.counters)
    scoped = list(scopes)
    return [names.quota(name, scope) for name in counted for scope in scoped]


def to_carry(
    places: Sequence[Place], stored: Mapping[str, bytes | None], scopes: Iterable[str], redis: Redis
) -> Counts:
    """{counter: (count, milliseconds that are left of its period)} of what those sessions have to go on from that are
    new to gateways, or that are counted under another name from now on: the requests that were counted so far. What
    Redis holds says what that is, so nothing is carried twice. Raises redis.RedisError."""
    scoped = list(scopes)
    moves = {
        names.quota(new, scope): names.quota(old, scope)
        for place in places
        for old, new in _renamed(place, places, stored)
        for scope in scoped
    }
    if not moves:
        return {}
    sources = list(dict.fromkeys(moves.values()))
    with redis.pipeline(transaction=False) as pipeline:
        for source in sources:
            pipeline.get(source)
            pipeline.pttl(source)
        found = pipeline.execute()
    counts = dict(zip(sources, zip(found[::2], found[1::2], strict=True), strict=True))
    return {
        target: counts[source]
        for target, source in moves.items()
        if counts[source][0] and counts[source][0].isdigit() and not is_spent(counts[source][0])
    }


def carry(counts: Counts, redis: Redis) -> None:
    """Have gateways go on from these, unless they have begun to count."""
    for counter, (count, left) in counts.items():
        redis.set(counter, count, px=left if left > 0 else None, nx=True)


def begun(place: Place, places: Iterable[Place], stored: Mapping[str, bytes | None]) -> bytes | None:
    """The session in Redis that the one of a place goes on from: its own, or else that of another generation."""
    each = (stored.get(names.session(other.token_hash)) for other in (place, *places))
    return next((text for text in each if text), None)


def _renamed(
    place: Place, places: Sequence[Place], stored: Mapping[str, bytes | None]
) -> Iterator[tuple[str, str]]:
    """(old, new) names of what the requests of a place are counted under."""
    told = {
        other.token_hash: _told(text) or other.token_hash
        for other in (place, *places)
        if (text := stored[names.session(other.token_hash)])
    }
    old = next(iter(told.values()), None)
    if old is None or place.session is None or not place.allowance:
        return
    if told.get(place.token_hash) != place.allowance != old:
        yield old, place.allowance
    if place.token_hash not in told:
        yield old, place.token_hash


def _told(text: bytes) -> str:
    """What a session in Redis says its requests are to be counted under."""
    name = ((parsed(text) or {}).get("meta_data") or {}).get(COUNTED_UNDER)
    return name if isinstance(name, str) else ""
