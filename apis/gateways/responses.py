"""Responses that gateways keep of an API (its `cache_options`), which are dropped when somebody asks for it."""

from itertools import islice

from redis import Redis

from apis.gateways import names, outbox
from apis.models import ApiDefinition, Outbox
from orgs.audit import log
from orgs.models import User

KIND = "responses-dropped"
_CHUNK = 1_000


def drop(api: ApiDefinition, actor: User) -> None:
    """Have the worker drop all responses that gateways keep of an API, for which it looks through all of Redis: what is
    asked for again before it has begun is done once."""
    waiting = Outbox.objects.filter(org_id=api.org_id, kind=KIND, subject=api.api_id)
    if not waiting.filter(done_at=None, claimed_until=None).exists():
        outbox.add(KIND, api.api_id, org_id=api.org_id)
    log.record("api.cache-dropped", "api", api.id, api.name, actor=actor, org=api.org_id)


def deliver(rows: list[Outbox], redis: Redis) -> None:
    """Deliver messages whose subjects are ids that gateways know APIs by (a kinds.Handler), all in one look. Raises
    redis.RedisError."""
    begin = tuple(names.responses(row.subject).encode() for row in rows)
    found = redis.scan_iter(match=names.responses_of_all(), count=_CHUNK)
    theirs = (name for name in found if name.startswith(begin))
    while some := list(islice(theirs, _CHUNK)):
        redis.unlink(*some)
