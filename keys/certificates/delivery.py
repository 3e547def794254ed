"""Certificates on their way to the gateways' Redis.

What is written follows from the row at the moment of writing, as with OAuth clients. A certificate lies under its id,
where gateways look for it when a definition or a client names it (once, then for five minutes in their memory), and in
a list of the organisation's, from which they list certificates.
"""

import contextlib
from collections.abc import Iterable, Mapping

from django.conf import settings
from redis import Redis

from apis.gateways import names
from apis.models import Outbox
from keys.certificates.served import served
from keys.keyspace import delivered
from keys.models import Certificate
from orgs.sealing import NotOpened, unseal

CHANGED = "certificate"
_ROUNDS = 3  # of writing, while the same certificate goes on being changed


class NotKnown(Exception):
    """No secret is set that gateways could decrypt private keys with."""


def deliver(rows: list[Outbox], redis: Redis) -> dict[str, str]:
    """Bring certificates to what they should be (a kinds.Handler). What cannot be written the sweep tries again. Raises
    redis.RedisError."""
    moving = write({row.subject: row.org_id for row in rows}, redis)
    return {row.id: "the certificate is being changed" for row in rows if row.subject in moving}


def write(orgs: Mapping[str, str], redis: Redis) -> set[str]:
    """Write or delete certificates, in no transaction. orgs: the organisation of each, by its row's id. Answers those
    that were changed all the while."""
    moved = set(orgs)
    for _ in range(_ROUNDS):
        rows = list(delivered.rows(Certificate, {id: orgs[id] for id in moved})) if moved else []
        if not rows:
            return set()
        wanted = wanted_of(rows)
        store(wanted, redis)
        moved = delivered.note(Certificate, [row for row in rows if row.served_id in wanted])
    return moved


def store(wanted: Mapping[str, bytes | None], redis: Redis) -> None:
    """Write what gateways should find (`wanted_of`)."""
    with redis.pipeline(transaction=True) as pipeline:
        for id, text in wanted.items():
            index = names.certificates(id[:24])
            pipeline.lrem(index, 0, f"raw-{id}")
            if text is None:
                pipeline.delete(names.certificate(id))
            else:
                pipeline.set(names.certificate(id), text)
                pipeline.rpush(index, f"raw-{id}")
            # Without it a gateway that finds no list looks through all names there are.
            pipeline.set(f"{index}-migrated", "1")
        pipeline.execute()


def wanted_of(rows: Iterable[Certificate]) -> dict[str, bytes | None]:
    """What gateways should find under these ids; None: nothing. Without those whose private key does not open, or
    cannot be encrypted for gateways: they stay as they are."""
    rows = list(rows)
    living = {
        row.served_id: row
        for row in Certificate.objects.filter(
            org_id__in={row.org_id for row in rows},
            fingerprint__in={row.fingerprint for row in rows},
            deleted_at=None,
        )
    }
    wanted: dict[str, bytes | None] = {}
    for id in {row.served_id for row in rows}:
        with contextlib.suppress(NotOpened, NotKnown):
            wanted[id] = text_of(living[id]) if id in living else None
    return wanted


def text_of(row: Certificate) -> bytes:
    """As gateways read it. Raises NotOpened, NotKnown."""
    key = unseal(row, "sealed_key")
    secret: str = settings.GATEWAY_CERTIFICATE_SECRET
    if key and not secret:
        raise NotKnown
    return served(row.pem, key, secret)
