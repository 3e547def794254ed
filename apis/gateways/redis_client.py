"""The gateways' Redis."""

import redis
from django.conf import settings


def client() -> redis.Redis:
    """A client that gives up quickly: Redis away is an ordinary state, not a reason to hang."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=10)
