"""Messages about alerts: written in the transaction that found what they tell, sent by the worker at least once.

They have a table of their own, and a lane of the worker's: what gateways are told (apis.gateways.outbox) waits for no
receiver of alerts. Whoever sends claims messages for a while, commits, sends with nothing locked, and says what became
of them. Organisations take turns. What is due is told by the clock of the database.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, When
from django.db.models.functions import Now

from dashboard.alerts.kinds import KINDS
from dashboard.alerts.models import Message, Rule
from dashboard.alerts.states import seconds_until_next
from orgs.ids import new_id
from orgs.models import User

# Longer than sending takes.
LEASE = timedelta(minutes=2)
GIVEN_UP_AFTER = timedelta(hours=24)
KEPT = timedelta(days=30)
MOST_IN_A_MAIL = 200
_LOCK = 0x616C6572  # of the claims, one after the other: what goes out in one mail is claimed at once


class Failed(Exception):
    """A message was not taken; the text says why, without addresses and secrets. for_good: it never will be. unsent:
    the receiver has certainly nothing of it."""

    def __init__(self, text: str, *, for_good: bool = False, unsent: bool = False):
        super().__init__(text)
        self.for_good, self.unsent = for_good, unsent


def add(rule: Rule, told: str, facts: dict, mails: Iterable[str]) -> list[Message]:
    """Leave messages to all receivers of a rule in the current transaction. mails: those of its addresses that may be
    written to; as long as there is no mail server nobody is."""
    common = {"org_id": rule.org_id, "rule_id": rule.id, "told": told, "facts": facts}
    common |= {"created_at": Now(), "due_at": Now()}
    rows = [Message(channel="mail", address=address, **common) for address in mails if settings.EMAIL_SERVER]
    if rule.webhook:
        rows.append(Message(channel="webhook", **common))
    return Message.objects.bulk_create(rows)


def allowed(rules: Sequence[Rule], org_id: str) -> dict[str, list[str]]:
    """Of each rule of an organisation by its id, the addresses that may be written to: those of people who may sign in
    there and see the figures of its kind, and those of others that an administrator has allowed."""
    named = {address for rule in rules for address in rule.mails}
    rows = User.everyone.filter(org_id=org_id, email__in=named) if named else ()
    members = {member.email: member for member in rows}

    def may(rule: Rule, address: str) -> bool:
        if address in members:
            return members[address].may(KINDS[rule.kind].permission)
        return address in rule.outside

    return {rule.id: [address for address in rule.mails if may(rule, address)] for rule in rules}


def claim(served: dict[str, str], but: Sequence[str] = ()) -> list[Message]:
    """Due messages of one organisation, claimed until LEASE is over: one for a webhook, or those to one address, which
    go out together and again together. In no transaction. served: remembers whose turn was last. but: channels that are
    left alone."""
    all_due = _due().exclude(channel__in=but)
    if not all_due.exists():
        return []
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        waiting = all_due.order_by("org_id").values_list("org_id", flat=True)
        org_id = waiting.filter(org_id__gt=served.get("last", "")).first() or waiting.first()
        due = all_due.filter(org_id=org_id).order_by("due_at", "id")
        first = due.first()
        if first is None:
            return []
        served["last"] = first.org_id
        rows = [first]
        if first.channel == "mail":
            same = due.filter(channel="mail", address=first.address, digest=first.digest)
            rows = list(same[:MOST_IN_A_MAIL])
        digest = first.digest or new_id()
        _these(rows).update(claimed_until=Now() + LEASE, digest=digest)
        return list(_these(rows).select_related("rule", "rule__org").order_by("created_at", "id"))


def _due() -> QuerySet:
    """What is over is not told before what began, where that is on its way or was not taken yet."""
    free = Q(claimed_until=None) | Q(claimed_until__lte=Now())
    same = {name: OuterRef(name) for name in ("org_id", "rule_id", "channel", "address")}
    begun = _waiting().filter(told="began", created_at__lt=OuterRef("created_at"), **same)
    under_way = ~Q(digest="") & ~Q(digest=OuterRef("digest"))
    before = begun.filter(under_way | Q(due_at__gt=Now()))
    return _waiting().filter(free, ~Exists(before) | ~Q(told="ended"), due_at__lte=Now())


def _waiting() -> QuerySet:
    return Message.objects.filter(done_at=None, given_up_at=None)


def _these(rows: Sequence[Message]) -> QuerySet:
    return Message.objects.filter(org_id__in={row.org_id for row in rows}, id__in=[row.id for row in rows])


def done(rows: Sequence[Message]) -> None:
    """The messages were taken."""
    _these(rows).update(done_at=Now(), claimed_until=None, attempts=F("attempts") + 1, last_error="")


def again(rows: Sequence[Message], failed: Failed, now: datetime) -> None:
    """They were not: try again later, or give up, which is said on the page of the rule. All at once: those of a mail
    stay together, unless nothing of it was sent: then it goes out with whatever waits as well."""
    wait = timedelta(seconds=seconds_until_next(1 + max(row.attempts for row in rows)))
    over = Case(When(created_at__lte=now - GIVEN_UP_AFTER, then=Now()))
    _these(rows).update(
        attempts=F("attempts") + 1,
        last_error=str(failed)[:300],
        claimed_until=None,
        due_at=Now() + wait,
        given_up_at=Now() if failed.for_good else over,
        digest="" if failed.unsent else F("digest"),
    )


def forget(before: datetime) -> int:
    """Delete messages that were written before a time; the answer is how many."""
    return Message.objects.filter(created_at__lt=before).delete()[0]
