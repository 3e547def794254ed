"""What gateways count requests of keys with, in their Redis: one counter for the whole key, one for each API that a
right of its own limits, and one for each scope of its policies (keys.sessions.merged.scopes)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from redis import Redis

from apis.gateways import names
from keys.keys.session import COUNTED_UNDER, parsed
from keys.rotation.places import Place

# Gateways of 5.14 write a session back after every request that they count against a quota, however long it took,
# and so undo what ended the key meanwhile, again and again while there is traffic. What counts its requests they obey
# at once, and never write: so it says that the quota is spent, until we see that the session stays as it should be.
SPENT = 2**62
SPENT_FOR = 86_400  # seconds; the sweep says it anew as often as it finds the session written back
# The greatest number that Redis counts to: a gateway of 5.14 that cannot count refuses, and writes nothing back. One of
# 3.0 does not count then, but never writes a session back but when a period begins.
UNCOUNTABLE = 2**63 - 1
# For how long a gateway that is not told goes on with its copy of a session, and a little.
FORGOTTEN_AFTER = 12  # seconds

Counts = dict[str, tuple[bytes, int]]


def spend(counters: Iterable[str], redis: Redis) -> None:
    """Have gateways count all further requests as too many."""
    for counter in counters:
        redis.set(counter, SPENT, ex=SPENT_FOR)


def pause(counters: Iterable[str], redis: Redis) -> None:
    """Have gateways of 5.14 refuse requests, and write no session back, until they have forgotten their copies."""
    for counter in counters:
        redis.set(counter, UNCOUNTABLE, ex=FORGOTTEN_AFTER)


def going_on(place: Place, text: bytes | None) -> list[str]:
    """The counters of the session that lies at a place, if it opens what that of the place does not and gateways cannot
    be told to forget their copies of it, as nobody knows under which name these lie: one of 5.14 then writes its
    copy back with each request that it counts, and reads it again when the copy is too old. Pure."""
    found = parsed(text) if text else None
    if found is None or place.session is None or place.cache_keys or not _loses(found, place.session):
        return []
    rights = _rights(found).items()
    scopes = [
        right.get("allowance_scope") or api_id for api_id, right in rights if _quota(right.get("limit"))
    ]
    return of([place], dict.fromkeys(["", *scopes] if _quota(found) else scopes))


def _loses(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether the first may open something that the second does not. With policies, a session's own rights have no
    effect; without any of both, it opens all."""
    if policies := found.get("apply_policies"):
        return not set(policies) <= set(wanted.get("apply_policies") or ())
    before = _rights(found)
    return not before or not before.keys() <= _rights(wanted).keys()


def _rights(session: Mapping[str, Any]) -> dict[str, dict]:
    rights = session.get("access_rights")
    named = rights.items() if isinstance(rights, dict) else ()
    return {api_id: right for api_id, right in named if isinstance(right, dict)}


def _quota(limits: Any) -> bool:
    most = limits.get("quota_max") if isinstance(limits, dict) else None
    return isinstance(most, int | float) and most > 0


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
