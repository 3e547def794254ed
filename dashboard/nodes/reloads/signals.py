"""The reload signal: tells gateways over Redis to pull, and goes on telling them until they have."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.utils import timezone
from redis import Redis, RedisError

from apis.gateways.telling import tell
from apis.models import FeedVersion, Outbox
from apis.publishing import feed as published
from dashboard.nodes import envelope
from dashboard.nodes.health import LIVENESS_SILENT_AFTER
from dashboard.nodes.models import Node, NodeSignal, wanted_version
from dashboard.nodes.reloads import feed_check
from dashboard.nodes.reloads.repeats import AFTER_REFUSAL, due_at
from dashboard.nodes.revisions import pulled
from keys.policies.serving import POLICIES

logger = logging.getLogger(__name__)

# Gateways may have lost their reload while nothing here ran, so a signal follows every start.
STARTED_AT = timezone.now()
AFTER_TROUBLE = timedelta(seconds=2)
# At a start the port is open before a process answers there, so the first question waits for it.
STARTING = timedelta(seconds=20)
# A claim, apart from the time in which the feed must have come.
LEASE = timedelta(seconds=10)
CHECKS = 3  # of the feed, while others publish between our reading it and asking for it
FORGOTTEN_AFTER = timedelta(days=30)


def confirm(rows: list[Outbox], redis: Redis) -> dict[str, str]:
    """Deliver messages of kind "reload" (a kinds.Handler). `tick` sends the signal; they say whether it was sent, each
    for the feed whose number it carries.

    Which API changed does not matter: a gateway pulls everything, so the changes of a second share a signal.
    """
    pulled.note_published(rows)
    signal, wanted = NodeSignal.objects.first() or NodeSignal(), wanted_version()
    reason = signal.trouble or "the signal is about to be sent"
    return {row.id: reason for row in rows if (signal.version or 0) < (row.payload or wanted)}


def tick(redis: Redis) -> bool:
    """Send the reload signal if one is due; whether it was sent. Cheap when none is: call it all the time, in no
    transaction. Nothing is locked while the feed is asked for and Redis told, so others only see that somebody does."""
    now = timezone.now()
    signal, wanted, refused_at = _facts(now)
    started_at = _due_series(signal, now, wanted, refused_at)
    if started_at is None:
        return False
    NodeSignal.objects.bulk_create([NodeSignal()], ignore_conflicts=True)
    return _claim(signal, now) and _send(signal, started_at, redis)


def _facts(now: datetime) -> tuple[NodeSignal, int, datetime | None]:
    """The last signal, the version of the feed, and when the last node registered again whose reload has failed by now:
    in one question, because it is asked for ever."""
    columns = ", ".join(f"s.{field.column}" for field in NodeSignal._meta.concrete_fields)
    version, refused_at, *signal = connection.ask(
        f"""SELECT f.number, (SELECT max(refused_at) FROM {Node._meta.db_table}
                              WHERE refused_at <= '{(now - AFTER_REFUSAL).isoformat()}'), {columns}
            FROM {FeedVersion._meta.db_table} f LEFT JOIN {NodeSignal._meta.db_table} s ON true"""  # noqa: S608  ours
    )
    return NodeSignal(*signal) if signal[0] else NodeSignal(), version, refused_at


def _claim(signal: NodeSignal, now: datetime) -> bool:
    """Make the next signal this worker's business, unless another was quicker."""
    as_seen = NodeSignal.objects.filter(sent_at=signal.sent_at, trouble_at=signal.trouble_at)
    free = as_seen.filter(Q(claimed_until=None) | Q(claimed_until__lte=now))
    signal.claimed_until = now + LEASE
    return free.update(claimed_until=signal.claimed_until) == 1


def _keep(signal: NodeSignal, seconds: float) -> None:
    """Go on claiming it for so long and a little longer."""
    until = timezone.now() + timedelta(seconds=seconds) + LEASE
    _note(signal, claimed_until=until)
    signal.claimed_until = until


def _note(signal: NodeSignal, **facts: object) -> None:
    """Write down of a claimed signal what became of it. Whose claim has run out writes nothing."""
    NodeSignal.objects.filter(claimed_until=signal.claimed_until).update(**facts)


def _due_series(
    signal: NodeSignal, now: datetime, wanted: int, refused_at: datetime | None
) -> datetime | None:
    """The start of the series of which a signal is due at `now`, None if none is."""
    trouble_at, sent_at = _before(signal.trouble_at, now), _before(signal.sent_at, now)
    if trouble_at is not None and now < trouble_at + AFTER_TROUBLE:
        return None
    started_at = _series(signal, now, wanted, refused_at)
    if now < due_at(started_at, sent_at):
        return None
    is_first = sent_at is None or sent_at < started_at
    return started_at if is_first or _behind(started_at, now).exists() else None


def _series(signal: NodeSignal, now: datetime, wanted: int, refused_at: datetime | None) -> datetime:
    """When the latest reason to tell every node arose."""
    if signal.version != wanted:
        return now
    asked_for = signal.reload_at if signal.reload_at and signal.reload_at <= now else None
    reasons = [STARTED_AT, signal.started_at, refused_at and refused_at + AFTER_REFUSAL, asked_for]
    return max((reason for reason in reasons if _before(reason, now)), default=now)


def _before(moment: datetime | None, now: datetime) -> datetime | None:
    """The moment, None for one to come: our clock was set back since. Those of several workers may differ a little."""
    return moment if moment is not None and moment <= now + LEASE else None


def _live(now: datetime):
    return Node.objects.filter(last_ping_at__gte=now - LIVENESS_SILENT_AFTER)


def _behind(started_at: datetime, now: datetime):
    """Live nodes that have not pulled since the series began, or have pulled another version."""
    pulled = Q(served_version=wanted_version(), last_pull_at__gte=started_at)
    return _live(now).exclude(pulled)


def _send(signal: NodeSignal, started_at: datetime, redis: Redis) -> bool:
    feed, trouble = _checked_feed(signal)
    now = timezone.now()
    if not trouble:
        try:
            receivers = tell(redis, "ApiUpdated")
        except RedisError as error:
            trouble = f"Redis cannot be reached ({type(error).__name__})"
    if trouble:
        _note_trouble(signal, trouble, now)
        return False
    _note(
        signal,
        started_at=started_at,
        sent_at=now,
        version=feed.version,
        receivers=receivers,
        trouble="",
        trouble_at=None,
        claimed_until=None,
    )
    # Who pulled meanwhile has answered it.
    _live(now).filter(asked_at=None).exclude(last_pull_at__gt=now).update(asked_at=now)
    Node.objects.filter(last_ping_at__lt=now - FORGOTTEN_AFTER).delete()
    return True


def _note_trouble(signal: NodeSignal, trouble: str, now: datetime) -> None:
    if trouble.startswith(feed_check.UNREACHABLE) and _starting() > 0:
        _note(signal, claimed_until=None)
        return
    if trouble != signal.trouble:
        logger.warning("no reload signal: %s", trouble)
    _note(signal, trouble=trouble, trouble_at=now, claimed_until=None)


def _starting() -> float:
    """For how many more seconds the processes that serve the feed may be still on their way, as this one was."""
    return (STARTED_AT + STARTING - timezone.now()).total_seconds()


def _checked_feed(signal: NodeSignal):
    """The feed gateways would be given, APIs and policies, and why they would not be: "" if they would."""
    apis, trouble = _checked(signal, published.APIS, settings.FEED_CHECK_URL)
    if trouble:
        return apis, trouble
    policies, trouble = _checked(signal, POLICIES, feed_check.beside(settings.FEED_CHECK_URL, "policies"))
    if trouble:
        return policies, f"policies: {trouble}"
    return apis._replace(version=min(policies.version, apis.version)), ""


def _checked(signal: NodeSignal, source: published.Source, url: str):
    try:
        for _ in range(CHECKS):
            # Its bytes are for the processes that serve it.
            feed = source.outline()
            trouble = _trouble(signal, feed, url)
            if not trouble or source.outline().stamp == feed.stamp:
                break
    except published.FeedInDoubt as error:
        return None, str(error)
    return feed, trouble


def _trouble(signal: NodeSignal, feed: published.Outline, url: str) -> str:
    if not url:
        return ""
    waits = _starting()
    _keep(signal, max(feed_check.patience(feed.size), waits))
    return feed_check.trouble(url, settings.NODE_SECRET, envelope.etag(feed.stamp), feed.size, at_least=waits)
