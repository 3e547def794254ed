"""The gateways' Redis."""

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

HASTE = 0.3  # seconds


def client() -> redis.Redis:
    """A client that gives up quickly: Redis away is an ordinary state, not a reason to hang."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=10)


def hasty_client() -> redis.Redis:
    """A client for a page, which is shown without an answer rather than late."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=HASTE,
        socket_timeout=HASTE,
        retry=Retry(NoBackoff(), 0),
    )
