"""The sweep of certificates: what the gateways' Redis holds of them, compared with what it should hold. There are few,
so each round looks at all, deleted ones for a week."""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone
from redis import Redis

from apis.gateways import names
from keys.certificates.delivery import wanted_of, write
from keys.models import Certificate
from orgs import scope

CHUNK = 200
KEPT = timedelta(days=7)


def step(redis: Redis) -> None:
    """One round, in no transaction. Raises redis.RedisError when Redis is away."""
    with scope.every_org():
        recent = Q(deleted_at=None) | Q(deleted_at__gt=timezone.now() - KEPT)
        ids = list(Certificate.objects.filter(recent).order_by("org_id", "id").values_list("org_id", "id"))
        for at in range(0, len(ids), CHUNK):
            orgs, rows = zip(*ids[at : at + CHUNK], strict=True)
            look(list(Certificate.objects.filter(org_id__in=set(orgs), id__in=rows)), redis)


def look(rows: list[Certificate], redis: Redis) -> int:
    """Put right those that are not in Redis as they should be; answers how many. Raises redis.RedisError."""
    wanted = wanted_of(rows)
    if not wanted:
        return 0
    stored = redis.mget([names.certificate(id) for id in wanted])
    listed = _listed({id[:24] for id in wanted}, redis)
    wrong = {
        id
        for (id, text), there in zip(wanted.items(), stored, strict=True)
        if there != text or (f"raw-{id}".encode() in listed) != (text is not None)
    }
    if wrong:
        # Read anew: what was changed meanwhile is not undone.
        write({row.id: row.org_id for row in rows if row.served_id in wrong}, redis)
    return len(wrong)


def _listed(orgs: set[str], redis: Redis) -> set[bytes]:
    return {member for org_id in orgs for member in redis.lrange(names.certificates(org_id), 0, -1)}
