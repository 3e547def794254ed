"""The reload signal: tells gateways over Redis to pull, and goes on telling them until they have."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone
from redis import Redis, RedisError

from apis.gateways.signing import CHANNEL, signed
from apis.publishing import feed as published
from dashboard.nodes import envelope, feed_check
from dashboard.nodes.health import LIVENESS_SILENT_AFTER
from dashboard.nodes.models import Node, NodeSignal, wanted_version
from dashboard.nodes.repeats import AFTER_REFUSAL, due_at

logger = logging.getLogger(__name__)

# Gateways may have lost their reload while nothing here ran, so a signal follows every start.
STARTED_AT = timezone.now()
AFTER_TROUBLE = timedelta(seconds=2)
CHECKS = 3  # of the feed, while others publish between our reading it and asking for it
FORGOTTEN_AFTER = timedelta(days=30)


class NotSent(Exception):
    """The signal could not be sent; the message says why."""


def reload(row, redis: Redis) -> None:
    """Deliver an outbox row of kind "reload". Raises NotSent while gateways cannot be told.

    Which API changed does not matter: a gateway pulls everything, so the rows of a second share a signal.
    """
    tick(redis)
    trouble = NodeSignal.objects.values_list("trouble", flat=True).first()
    if trouble:
        raise NotSent(trouble)


def tick(redis: Redis) -> bool:
    """Send the reload signal if one is due; whether it was sent. Cheap when none is: call it all the time."""
    if _due_series(NodeSignal.objects.first() or NodeSignal(), timezone.now()) is None:
        return False
    with transaction.atomic():
        NodeSignal.objects.bulk_create([NodeSignal()], ignore_conflicts=True)
        signal = NodeSignal.objects.select_for_update().get()
        now = timezone.now()
        started_at = _due_series(signal, now)
        # Another worker may have been quicker.
        return started_at is not None and _send(signal, started_at, now, redis)


def _due_series(signal: NodeSignal, now: datetime) -> datetime | None:
    """The start of the series of which a signal is due at `now`, None if none is."""
    if signal.trouble_at is not None and now < signal.trouble_at + AFTER_TROUBLE:
        return None
    started_at = _series(signal, now)
    if now < due_at(started_at, signal.sent_at):
        return None
    is_first = signal.sent_at is None or signal.sent_at < started_at
    return started_at if is_first or _behind(started_at, now).exists() else None


def _series(signal: NodeSignal, now: datetime) -> datetime:
    """When the latest reason to tell every node arose."""
    if signal.version != wanted_version():
        return now
    refused = Node.objects.filter(refused_at__lte=now - AFTER_REFUSAL).aggregate(last=Max("refused_at"))
    reasons = [STARTED_AT, signal.started_at, refused["last"] and refused["last"] + AFTER_REFUSAL]
    return max(reason for reason in reasons if reason is not None)


def _live(now: datetime):
    return Node.objects.filter(last_ping_at__gte=now - LIVENESS_SILENT_AFTER)


def _behind(started_at: datetime, now: datetime):
    """Live nodes that have not pulled since the series began, or have pulled another version."""
    pulled = Q(served_version=wanted_version(), last_pull_at__gte=started_at)
    return _live(now).exclude(pulled)


def _send(signal: NodeSignal, started_at: datetime, now: datetime, redis: Redis) -> bool:
    feed, trouble = _checked_feed()
    if not trouble:
        try:
            signal.receivers = redis.publish(CHANNEL, signed("ApiUpdated", "", settings.NODE_SECRET))
        except RedisError as error:
            trouble = f"Redis cannot be reached ({type(error).__name__})"
    if trouble:
        if trouble != signal.trouble:
            logger.warning("no reload signal: %s", trouble)
        signal.trouble, signal.trouble_at = trouble, now
        signal.save()
        return False
    signal.started_at, signal.sent_at, signal.version = started_at, now, feed.version
    signal.trouble, signal.trouble_at = "", None
    signal.save()
    # After the message, so that no row is locked while Redis is slow; who pulled meanwhile has answered it.
    _live(now).filter(asked_at=None).exclude(last_pull_at__gt=now).update(asked_at=now)
    Node.objects.filter(last_ping_at__lt=now - FORGOTTEN_AFTER).delete()
    return True


def _checked_feed():
    """The feed gateways would be given, and why they would not be: "" if they would."""
    try:
        for _ in range(CHECKS):
            # Its bytes are for the processes that serve it.
            feed = published.outline()
            trouble = _trouble(feed)
            if not trouble or published.outline().stamp == feed.stamp:
                break
    except published.FeedInDoubt as error:
        return None, str(error)
    return feed, trouble


def _trouble(feed) -> str:
    if not settings.FEED_CHECK_URL:
        return ""
    return feed_check.trouble(
        settings.FEED_CHECK_URL, settings.NODE_SECRET, envelope.etag(feed.stamp), feed.size
    )
