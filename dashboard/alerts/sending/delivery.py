"""What the worker does with messages about alerts: claim, commit, send, commit. Nothing is locked meanwhile."""

import logging
from collections.abc import Sequence
from time import monotonic

from django.utils import timezone

from dashboard.alerts.models import Message
from dashboard.alerts.sending import mail, outbox, webhook
from dashboard.alerts.sending.outbox import Failed
from orgs import scope

logger = logging.getLogger(__name__)

# Seconds without mails after their server, which is the same for all, could not be spoken to: each would wait for it
# as long, and webhooks behind them.
PAUSE = 30.0

_served: dict[str, str] = {}
_resting: dict[str, float] = {}  # until when, by channel (monotonic seconds)


def step(_redis: object) -> bool:
    """Send one webhook, or one mail; whether there may be more to do at once."""
    with scope.every_org():
        rows = outbox.claim(_served, [each for each, until in _resting.items() if until > monotonic()])
        if rows:
            _attempt(rows)
    return bool(rows)


def _attempt(rows: Sequence[Message]) -> None:
    try:
        if rows[0].channel == "webhook":
            webhook.send(rows[0])
        else:
            rows = _still_allowed(rows)
            if rows:
                mail.send(rows)
    except Failed as failed:
        logger.warning("a %s about alerts was not taken: %s", rows[0].channel, failed)
        outbox.again(rows, failed, timezone.now())
        if failed.unsent:
            _resting[rows[0].channel] = monotonic() + PAUSE
    else:
        outbox.done(rows)


def _still_allowed(rows: Sequence[Message]) -> list[Message]:
    """Those of some mails to one address whose receiver may still be told: people leave while a mail waits."""
    rules = {row.rule_id: row.rule for row in rows}
    may = outbox.allowed(list(rules.values()), rows[0].org_id)
    gone = [row for row in rows if row.address not in may[row.rule_id]]
    if gone:
        outbox.again(
            gone, Failed("nobody with this address may be told any more", for_good=True), timezone.now()
        )
    return [row for row in rows if row not in gone]


def forget() -> None:
    with scope.every_org():
        outbox.forget(timezone.now() - outbox.KEPT)
