"""Keys on their way to the gateways' Redis.

What is written follows from the key's row at the moment of writing, never from the message, so delivering twice, late
or out of order does no harm. Nothing is locked while Redis is asked. Of two workers the slower one could thus write an
older state over a newer one; so whoever has written looks whether what he read is still so, the change number and what
the session should be, and writes again if not. If he dies in between, his claim of the message runs out and somebody
else writes.

Sessions lie under the hash of the token, so gateways must hash keys (`hash_keys: true`). With that off a
gateway looks for the token itself, which nobody has kept.
"""

import time
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from redis import Redis

from apis.gateways import names, outbox
from apis.gateways.telling import forget_sessions
from apis.models import Outbox
from keys.keys.reader import quotas_of, served_to
from keys.keys.session import encoded, parsed, with_quota_state
from keys.keyspace import own_writes
from keys.models import Key
from keys.rotation import counters
from keys.rotation.places import Place, places_of
from keys.sessions.merged import has_quota, scopes, with_periods

# The kinds of message about a key. Access that ends is urgent; what is said of all keys of an organisation is not.
CHANGED, SUSPENDED, REVOKED, AGAIN = "key", "key-suspended", "key-removed", "key-again"
# A generation of a key ends (keys.rotation); due when it does.
ENDING = "key-generation-ends"
# A gateway writes a session back as it knew it up to ten seconds ago, so what was delivered is looked at once more.
CHECK, CHECK_AFTER = "key-check", 15

_ROUNDS = 3  # of writing, while the same key goes on being changed


def deliver(rows: list[Outbox], redis: Redis) -> dict[str, str]:
    """Bring the sessions of the keys that messages name to what they should be (a kinds.Handler). Messages about keys
    that are being changed just now are to be tried again, like all of them on redis.RedisError. Those about many keys
    each: keys.keys.bulk.deliver."""
    resetting = {row.subject for row in rows if (row.payload or {}).get("reset_quota")}
    moving = write({row.subject: row.org_id for row in rows}, redis, resetting=resetting)
    check_later(rows)
    return {row.id: "the key is being changed" for row in rows if row.subject in moving}


def check_later(rows: list[Outbox]) -> None:
    """Have the keys that these messages name looked at once more."""
    subjects = defaultdict(set)
    for row in rows:
        subjects[row.org_id].add(row.subject)
    for org_id, ids in subjects.items():
        outbox.add_many(CHECK, sorted(ids), org_id=org_id)


def write(orgs: Mapping[str, str], redis: Redis, *, resetting: Collection[str] = ()) -> set[str]:
    """Write or delete the sessions of keys, and have gateways forget their cached copies. In no transaction.

    `orgs`: the organisation of each key, by the key's id. `resetting`: those whose quota begins anew. Answers those
    that were changed all the while, or are locked by whoever changes them: what was written of them may be old by now.
    """
    if not settings.GATEWAY_HASH_KEYS:
        raise ImproperlyConfigured(
            "Keys are delivered under the hash of their token: gateways need hash_keys on."
        )
    moved, locked = set(orgs), set()
    for _ in range(_ROUNDS):
        keys = list(_rows({id: orgs[id] for id in moved}))
        if not keys:
            return locked
        wanted = places_of(keys)
        _store(keys, wanted, redis, resetting)
        moved, held = _note(keys, wanted)
        locked |= held
        resetting = ()
    return locked | moved


def _rows(orgs: Mapping[str, str]) -> QuerySet:
    """Keys by id in order; the table is keyed by organisation first."""
    return Key.objects.filter(org_id__in=set(orgs.values()), id__in=orgs).order_by("id")


def _store(keys: list[Key], wanted: dict[str, list[Place]], redis: Redis, resetting: Collection[str]) -> None:
    stored = _read([place for places in wanted.values() for place in places], redis)
    policies = served_to([key for key in keys if _may_have_policies(wanted[key.id][0].session)])
    own = quotas_of(keys)
    now = int(time.time())
    # One MULTI: no gateway can cache an old session again between the write and the notice.
    with redis.pipeline(transaction=True) as pipeline:
        for key in keys:
            places, offered = wanted[key.id], policies.get(key.id, [])
            scoped = ["", *scopes(offered), *own.get(key.id, ())]
            counts = key.quota_max > 0 or key.id in own or has_quota(offered)
            resets = key.id in resetting or counters.is_spent(stored[names.quota(key.counted_under)])
            for place in places:
                begun = None if resets else parsed(counters.begun(place, places, stored))
                _put(names.session(place.token_hash), _written(place, begun, offered, now), pipeline)
            if counts and not resets:
                counters.carry(counters.to_carry(places, stored, scoped, redis), pipeline)
            _count(places, scoped, pipeline, counts=counts, resets=resets)
            for place in places:
                kept = counters.going_on(place, stored[names.session(place.token_hash)])
                counters.pause(kept, pipeline)
        cached = [name for places in wanted.values() for place in places for name in place.cache_keys]
        if cached:
            forget_sessions(pipeline, cached)
        pipeline.execute()


def _read(places: list[Place], redis: Redis) -> dict[str, bytes | None]:
    """What Redis holds under the names of sessions, and of the counters of whole keys."""
    asked = [names.session(place.token_hash) for place in places]
    asked += dict.fromkeys(names.quota(place.counted_under) for place in places)
    return dict(zip(asked, redis.mget(asked), strict=True))


def _written(
    place: Place, begun: dict[str, Any] | None, policies: list[dict[str, Any]], now: int
) -> bytes | None:
    """The session of a place as it is written, with the quota periods that gateways have begun."""
    if place.session is None:
        return None
    # No time to live: an expired key is refused by its `expires`, in words that say so.
    going_on = with_periods(place.session, begun, policies, now)
    return encoded(with_quota_state(going_on, begun, now), place.allowance)


def _put(name: str, text: bytes | None, redis: Redis) -> None:
    own_writes.remember(name, text)
    if text is None:
        redis.delete(name)
    else:
        redis.set(name, text)


def _may_have_policies(session: dict[str, Any] | None) -> bool:
    """Whether the key of this session may have some, although the session names none."""
    return _has_ended(session) or "apply_policies" in (session or {})


def _has_ended(session: dict[str, Any] | None) -> bool:
    return session is None or session["is_inactive"]


def _count(places: list[Place], scoped: list[str], redis: Redis, *, counts: bool, resets: bool) -> None:
    """Have gateways count the requests of what has ended as too many, or anew. scoped: the scopes in which they count;
    counts: whether they do."""
    living = counters.of((place for place in places if not _has_ended(place.session)), scoped)
    ended = [name for name in counters.of(places, scoped) if name not in living]
    if counts:
        counters.spend(ended, redis)
    elif ended:
        redis.delete(*ended)
    if resets and living:
        redis.delete(*living)


@transaction.atomic
def _note(keys: list[Key], written: dict[str, dict[str, Any] | None]) -> tuple[set[str], set[str]]:
    """Note that these keys were delivered as they were read. Answers those that changed since, and those of which that
    cannot be told, because somebody holds them."""
    read, orgs = {key.id: key.change_number for key in keys}, {key.id: key.org_id for key in keys}
    found = list(_rows(orgs).select_for_update(skip_locked=True, no_key=True, of=("self",)))
    # An API that comes or goes changes what its keys open, and no row of theirs.
    wanted = places_of(found)
    same = {
        key.id: key.org_id
        for key in found
        if key.change_number == read[key.id] and wanted[key.id] == written[key.id]
    }
    _rows(same).update(delivered_number=F("change_number"), delivered_at=timezone.now())
    there = {key.id for key in found}
    return there - same.keys(), read.keys() - there


def delivered_of(keys: list[Key]) -> set[str]:
    """The ids of those keys of which the gateways' Redis has the last change, of themselves and of APIs that came or
    went."""
    told = {key.id for key in keys if key.is_delivered}
    about = {"org_id__in": {key.org_id for key in keys}, "payload__subjects__has_any_keys": sorted(told)}
    waiting = Outbox.objects.filter(kind=AGAIN, done_at=None, **about) if told else Outbox.objects.none()
    for subjects in waiting.values_list("payload__subjects", flat=True):
        told.difference_update(subjects)
    return told
