"""The sweep: what the gateways' Redis holds, compared with what it should hold.

Redis may have lost sessions, and a gateway writes back a session as it knew it up to ten seconds ago, over
a change, or a revocation, of ours. Called every half minute, so nothing wrong lasts a minute.
"""

from dataclasses import dataclass

from django.db import transaction
from redis import Redis

from keys.keys.delivery import session_name, write
from keys.keys.reader import sessions_of
from keys.keys.session import parsed, same
from keys.models import Key
from orgs import scope
from orgs.models import Organisation

CHUNK = 1000


@dataclass
class Swept:
    """`checked` keys, of which `rewritten` had a session missing or changed and `removed` one that they
    must not have."""

    checked: int = 0
    rewritten: int = 0
    removed: int = 0


def sweep(redis: Redis, *, chunk: int = CHUNK) -> Swept:
    """Repair the sessions of every key of every organisation, revoked ones too. Opens its own scopes and
    transactions, one a chunk. Raises redis.RedisError when Redis is away."""
    swept = Swept()
    for org_id in list(Organisation.everyone.order_by("id").values_list("id", flat=True)):
        with scope.org(org_id):
            last = ""
            while last is not None:
                with transaction.atomic():
                    last = _sweep_chunk(last, chunk, redis, swept)
    return swept


def _sweep_chunk(after: str, chunk: int, redis: Redis, swept: Swept) -> str | None:
    """Sweep the keys of the entered organisation that follow the id `after`; the last one's id, None at the
    end."""
    keys = list(Key.objects.filter(id__gt=after).order_by("id")[:chunk])
    if not keys:
        return None
    if wrong := _wrong(keys, redis):
        _repair(wrong, redis, swept)
    swept.checked += len(keys)
    return keys[-1].id


def _wrong(keys: list[Key], redis: Redis) -> list[Key]:
    wanted = sessions_of(keys)
    stored = redis.mget([session_name(key) for key in keys])
    return [key for key, text in zip(keys, stored, strict=True) if not _right(wanted[key.id], text)]


def _right(wanted: dict | None, text: bytes | None) -> bool:
    return text is None if wanted is None else same(wanted, parsed(text))


def _repair(keys: list[Key], redis: Redis, swept: Swept) -> None:
    """Look again with the rows locked: a change may have been delivered since, and must not be undone. A
    key that is being changed just now is passed over; what its change leaves is for the next sweep."""
    rows = Key.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
    locked = list(rows.filter(id__in=[key.id for key in keys]).order_by("id"))
    wrong = _wrong(locked, redis) if locked else []
    if wrong:
        written = write(wrong, redis).values()
        swept.removed += sum(session is None for session in written)
        swept.rewritten += sum(session is not None for session in written)
