"""Deleting sessions that are no keys of ours, by messages: of their organisation alone, and again if a gateway writes
one back as it knew it."""

from collections.abc import Iterable

from redis import Redis

from apis.gateways import names, outbox
from apis.gateways.telling import forget_sessions
from apis.models import Outbox
from keys.adoption.discovery import read
from keys.rotation.counters import SPENT, SPENT_FOR
from keys.rotation.places import kept

ENDED, ENDED_CHECK = "session-ended", "session-ended-check"


def deliver(rows: list[Outbox], redis: Redis) -> None:
    """Deliver messages whose subjects are names of sessions (a kinds.Handler). Raises redis.RedisError."""
    ours = kept([row.subject for row in rows])
    ended = [row for row in _there(rows, redis) if row.subject not in ours]
    if not ended:
        return
    with redis.pipeline(transaction=True) as pipeline:
        for row in ended:
            pipeline.delete(names.session(row.subject))
            # What counts its requests gateways obey at once, whatever they remember of it.
            pipeline.set(names.quota(row.subject), SPENT, ex=SPENT_FOR)
        # Nobody knows what gateways call one under another hash in their memory: they forget it within ten seconds.
        cached = [row.subject for row in ended if len(row.subject) == 16]
        if cached:
            forget_sessions(pipeline, cached)
        pipeline.execute()
    for row in ended:
        outbox.add(ENDED_CHECK, row.subject, org_id=row.org_id)


def _there(rows: Iterable[Outbox], redis: Redis) -> list[Outbox]:
    """Those whose session is in Redis and says that it is their organisation's."""
    rows = list(rows)
    sessions = read({row.subject: row.subject for row in rows}, redis)
    return [row for row in rows if sessions.get(row.subject, {}).get("org_id") == row.org_id]
