"""What gateways tell each other of themselves, so that they can share rate limits out: every 2 s, over their Redis, the
requests that reached the rate limiter in the last second, and their tags, written one after the other without a space.

A gateway says 1 for none. One that limits rates through Redis says nothing. Taken is only what is signed with the node
secret; a nonce, a host name and an address are of no use here.
"""

import hashlib
import hmac
import json
import time
from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from redis import Redis
from redis.client import PubSub

from apis.gateways.names import CHANNEL
from dashboard.nodes.models import Node

NOTICE = "NoticeGatewayDRLNotification"
LISTENING = 6.5  # seconds: three notices of each gateway
REST = 23.5  # seconds between two times of listening
LONGEST = 1.0  # seconds; the worker ends no sooner
FRESH = timedelta(seconds=90)
# At once, whatever is published there.
MOST_MESSAGES = 5_000


class Listening:
    """One thread's subscription while it listens, and what it has heard: (tags, requests a second) by node id."""

    def __init__(self) -> None:
        self._subscription: PubSub | None = None
        self._heard: dict[str, list[tuple[str, int]]] = {}
        self._ends = 0.0  # monotonic

    def step(self, redis: Redis) -> bool | float:
        """Listen for a moment; at the end write down what live nodes said, and rest. Raises redis.RedisError when Redis
        is away; the next call begins anew."""
        try:
            if self._subscription is None:
                self._begin(redis)
            self._hear()
            if time.monotonic() < self._ends:
                return True
        except BaseException:
            self._close()
            raise
        self._close()
        write(self._heard)
        return REST

    def _begin(self, redis: Redis) -> None:
        self._heard = {}
        self._ends = time.monotonic() + LISTENING
        self._subscription = redis.pubsub(ignore_subscribe_messages=True)
        self._subscription.subscribe(CHANNEL)

    def _hear(self) -> None:
        ends = min(self._ends, time.monotonic() + LONGEST)
        for _ in range(MOST_MESSAGES):
            left = ends - time.monotonic()
            if left <= 0:
                return
            message = self._subscription.get_message(timeout=left)
            if message and (said := notice(message["data"], _secrets())):
                node_id, *rest = said
                self._heard.setdefault(node_id, []).append(tuple(rest))

    def _close(self) -> None:
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None


def notice(message: bytes, secrets: list[str]) -> tuple[str, str, int] | None:
    """(node id, tags, requests a second) of a message that a gateway signed with one of the secrets; else None."""
    if NOTICE.encode() not in message:
        return None
    try:
        outer = json.loads(message)
        payload, signature = outer["payload"], outer["signature"]
        if not _is_signed(payload, signature, secrets):
            return None
        said = json.loads(payload)
        node_id, tags, load = said["ID"], said.get("TagHash") or "", said["LoadPerSec"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    texts = isinstance(node_id, str) and isinstance(tags, str)
    # An id of ours is plain text; PostgreSQL can store neither NUL nor half a character.
    if not (texts and node_id.isprintable() and node_id and type(load) is int and 0 <= load < 1 << 31):
        return None
    return node_id[:128], tags.replace("\0", "").encode(errors="replace").decode()[:300], load


def _is_signed(payload: str, signature: str, secrets: list[str]) -> bool:
    return any(
        hmac.compare_digest(
            hashlib.sha256(f"{NOTICE}{payload}{secret}".encode()).hexdigest().encode(), signature.encode()
        )
        for secret in secrets
    )


def _secrets() -> list[str]:
    return [secret for secret in (settings.NODE_SECRET, settings.NODE_SECRET_FORMER) if secret]


def write(heard: dict[str, list[tuple[str, int]]]) -> None:
    """Of nodes that are known: the mean of the readings, and the tags of the last."""
    now = timezone.now()
    nodes = list(Node.objects.filter(node_id__in=heard).only("session_id", "node_id"))
    for node in nodes:
        said = heard[node.node_id]
        node.tags, node.load, node.load_at = (
            said[-1][0],
            round(sum(load for _, load in said) / len(said)),
            now,
        )
    Node.objects.bulk_update(nodes, ["tags", "load", "load_at"], batch_size=500)
