"""The sweep of OAuth clients: what the gateways' Redis holds of them, compared with what it should hold. There are few,
so each round looks at all, deleted ones for a week."""

from datetime import timedelta
from itertools import islice

from django.db.models import Q
from django.utils import timezone
from redis import Redis

from keys.models import OAuthClient
from keys.oauth import rules
from keys.oauth.delivery import name_of, place_of, wanted_of, write
from orgs import scope

CHUNK = 500
KEPT = timedelta(days=7)


def step(redis: Redis) -> None:
    """One round, in no transaction. Raises redis.RedisError when Redis is away."""
    with scope.every_org():
        recent = Q(deleted_at=None) | Q(deleted_at__gt=timezone.now() - KEPT)
        ids = iter(
            list(OAuthClient.objects.filter(recent).order_by("org_id", "id").values_list("org_id", "id"))
        )
        while some := list(islice(ids, CHUNK)):
            orgs, rows = {org_id for org_id, _ in some}, [id for _, id in some]
            look(list(OAuthClient.objects.filter(org_id__in=orgs, id__in=rows)), redis)


def look(clients: list[OAuthClient], redis: Redis) -> int:
    """Put right those of the clients that are not in Redis as they should be; answers how many. Raises
    redis.RedisError."""
    wanted = wanted_of(clients)
    if not wanted:
        return 0
    stored = redis.mget([name_of(place) for place in wanted])
    wrong = {place for place, text in zip(wanted, stored, strict=True) if not rules.same(wanted[place], text)}
    if wrong:
        # Read anew: what was changed meanwhile is not undone.
        write({client.id: client.org_id for client in clients if place_of(client) in wrong}, redis)
    return len(wrong)
