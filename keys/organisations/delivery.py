"""Organisation keys on their way to the gateways' Redis. What is written follows from the row at the moment of writing.

A gateway that has found no session of an organisation looks for none again until it loads the API anew (seen with both
versions). So a first one is followed by a signal, and one that ended is written without limits, and not deleted.
"""

import time
from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone
from redis import Redis

from apis.gateways import names, outbox
from apis.gateways.telling import forget_sessions
from apis.models import Outbox
from apis.publishing import serving
from keys.keys import token
from keys.keys.session import parsed, same, with_quota_state
from keys.models import OrganisationKey
from keys.organisations.session import encoded, session
from orgs import scope
from orgs.models import Organisation

# Gateways write the session back after each request, as they knew it before a change of ours, so it is looked at again.
KIND, CHECK, CHECK_AFTER = "org-key", "org-key-check", 15


def depart(organisation: Organisation, **_: object) -> None:
    """The organisation is being deleted (apis.publishing.events.apis_departing): its session goes with it."""
    if OrganisationKey.objects.filter(org_id=organisation.id).update(ended_at=timezone.now()):
        outbox.add(KIND, organisation.id, org_id=organisation.id)


def deliver(rows: list[Outbox], redis: Redis) -> None:
    """Bring the sessions of the organisations that messages name to what they should be (a kinds.Handler)."""
    resetting = {row.subject for row in rows if (row.payload or {}).get("reset_quota")}
    org_ids = sorted({row.subject for row in rows})
    for org_id in org_ids:
        if write(org_id, redis, resets=org_id in resetting):
            _have_it_noticed(org_id)
        outbox.add(CHECK, org_id, org_id=org_id)


def check(rows: list[Outbox], redis: Redis) -> None:
    """Deliver messages of kind CHECK."""
    for org_id in _wrong({row.subject for row in rows}, redis):
        write(org_id, redis)
        outbox.add(CHECK, org_id, org_id=org_id)


def sweep(redis: Redis) -> None:
    """Put right what Redis lost or a gateway wrote, of all organisations that have or had a key. Raises
    redis.RedisError."""
    with scope.every_org():
        for org_id in _wrong(OrganisationKey.objects.values_list("org_id", flat=True), redis):
            write(org_id, redis)


def write(org_id: str, redis: Redis, *, resets: bool = False) -> bool:
    """Write the session of an organisation, or delete it with the organisation. Answers whether there was none."""
    wanted, name, now = _wanted([org_id])[org_id], session_name(org_id), int(time.time())
    before = parsed(redis.get(name))
    with redis.pipeline(transaction=True) as pipeline:
        if wanted is None:
            pipeline.delete(name)
        else:
            pipeline.set(name, encoded(with_quota_state(wanted, None if resets else before, now)))
        if resets or wanted is None:
            pipeline.delete(names.quota(token.hashed(org_id, token.LEGACY)))
        forget_sessions(pipeline, [org_id])
        pipeline.execute()
    return before is None and wanted is not None


def session_name(org_id: str) -> str:
    """Where the session of an organisation lies; its name is never hashed."""
    return f"orgkey.{org_id}"


def _wanted(org_ids: Iterable[str]) -> dict[str, dict | None]:
    """What should lie in Redis of each; None: nothing."""
    wanted: dict[str, dict | None] = dict.fromkeys(org_ids)
    there = set(Organisation.everyone.present().filter(id__in=wanted).values_list("id", flat=True))
    for row in OrganisationKey.objects.filter(org_id__in=there):
        wanted[row.org_id] = session(row.org_id, row.members, row.created_at, row.updated_at)
    return wanted


def _wrong(org_ids: Iterable[str], redis: Redis) -> list[str]:
    org_ids = sorted(org_ids)
    stored = redis.mget([session_name(org_id) for org_id in org_ids]) if org_ids else []
    wanted = _wanted(org_ids)
    return [
        org_id for org_id, text in zip(org_ids, stored, strict=True) if not _is_right(wanted[org_id], text)
    ]


def _is_right(wanted: dict | None, text: bytes | None) -> bool:
    return text is None if wanted is None else same(wanted, parsed(text))


@transaction.atomic
def _have_it_noticed(org_id: str) -> None:
    serving.renumber(serving.lock_feed(), org_id=org_id, subject=org_id)
