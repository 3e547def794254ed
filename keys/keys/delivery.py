"""Keys on their way to the gateways' Redis.

What is written follows from the key's row at the moment of writing, never from the outbox row, so
delivering twice, late or out of order does no harm. Each key's row is locked meanwhile: of two workers the
later one writes the newer state.

Sessions lie under the hash of the token, so gateways must hash keys (`hash_keys: true`). With that off a
gateway looks for the token itself, which nobody has kept.
"""

import time
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, transaction
from django.db.models import F
from django.utils import timezone
from redis import Redis

from apis.gateways.signing import CHANNEL, forget_sessions
from keys.keys.reader import sessions_of
from keys.keys.session import encoded, parsed, with_quota_state
from keys.models import Key

KINDS = ("key", "key-removed", "key-again")


class Busy(Exception):
    """The key's row is locked by somebody else."""


def deliver(row, redis: Redis) -> None:
    """Do what an outbox row of one of KINDS asks for. In a transaction, with a scope that holds the row's
    organisation. Raises redis.RedisError when Redis is away and Busy while the key is being changed: the row
    is to be tried again."""
    key = _locked(row.org_id, row.subject)
    if key is not None:
        write([key], redis, reset_quota=bool((row.payload or {}).get("reset_quota")))


def _locked(org_id: str, key_id: str) -> Key | None:
    """The key, its row locked until the transaction ends. Raises Busy instead of waiting: one transaction may
    deliver many keys, and another which changes many would wait for it in a circle."""
    try:
        with transaction.atomic():
            rows = Key.objects.select_for_update(nowait=True, no_key=True, of=("self",))
            return rows.filter(org_id=org_id, id=key_id).first()
    except OperationalError as error:
        raise Busy("the key is being changed") from error


def write(keys: list[Key], redis: Redis, *, reset_quota: bool = False) -> dict[str, Any]:
    """Bring the sessions of keys, whose rows the caller has locked, to what they should be and have gateways
    forget their cached copies. The answer is what was written, by key id; None: it was deleted."""
    if not settings.GATEWAY_HASH_KEYS:
        raise ImproperlyConfigured(
            "Keys are delivered under the hash of their token: gateways need hash_keys on."
        )
    wanted, now = sessions_of(keys), int(time.time())
    stored = dict(zip(keys, redis.mget([session_name(key) for key in keys]), strict=True))
    # One MULTI: no gateway can cache an old session again between the write and the notice.
    with redis.pipeline(transaction=True) as pipeline:
        for key in keys:
            session = wanted[key.id]
            if session is None:
                pipeline.delete(session_name(key))
            else:
                begun = None if reset_quota else parsed(stored[key])
                # No time to live: an expired key is refused by its `expires`, in words that say so.
                pipeline.set(session_name(key), encoded(with_quota_state(session, begun, now)))
            if reset_quota or session is None:
                pipeline.delete(f"quota-{key.token_hash}")
        pipeline.publish(CHANNEL, forget_sessions([key.cache_key for key in keys], settings.NODE_SECRET))
        pipeline.execute()
    Key.objects.filter(org_id__in={key.org_id for key in keys}, id__in=[key.id for key in keys]).update(
        delivered_number=F("change_number"), delivered_at=timezone.now()
    )
    return wanted


def session_name(key: Key) -> str:
    """Where the key's session lies in the gateways' Redis."""
    return f"apikey-{key.token_hash}"
