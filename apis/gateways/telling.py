"""Telling gateways something over their Redis. Each checks a message by the node secret that it has, so there is one
message for every secret that they may have; a gateway logs the others as invalid and does nothing.
"""

from django.conf import settings
from redis import Redis

from apis.gateways.names import CHANNEL
from apis.gateways.signing import signed


def tell(redis: Redis, command: str, payload: str = "") -> int:
    """Publish a command, and answer how many connections heard it. redis: or a pipeline, which answers nothing yet.
    Raises redis.RedisError."""
    secrets = filter(None, (settings.NODE_SECRET, settings.NODE_SECRET_FORMER))
    first, *_ = [redis.publish(CHANNEL, signed(command, payload, secret)) for secret in secrets]
    return first


def forget_sessions(redis: Redis, cache_keys: list[str]) -> None:
    """Make gateways drop sessions from their caches. With anything but the cache key (murmur64 of the token) they go
    on with the old session for ten seconds."""
    tell(redis, "KeySpaceUpdateNotification", ",".join(cache_keys))
