"""Alerts, requests for them to find, and the worker's look at them."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from dashboard.alerts import evaluation
from dashboard.alerts.looking.lateness import COUNTED
from dashboard.alerts.models import Incident, Message, Rule
from dashboard.analytics.models import IngestState
from orgs import scope
from orgs.sealing import seal

SECRET = b"canary-of-a-signing-secret"


def rule(org, kind="errors", **members) -> Rule:
    defaults = {"name": kind.title(), "created_by": "test", "threshold": 10, "window": 10, "least": 10}
    made = Rule(org_id=org.id, kind=kind, **{**defaults, **members})
    if made.webhook:
        seal(made, "sealed_secret", SECRET)
    with scope.org(org.id), transaction.atomic():
        made.save(force_insert=True)
    return made


def found(org, since: datetime) -> Rule:
    """An alert that goes on, and has gone on before."""
    facts = {
        "state": "firing",
        "value": 12.5,
        "note": "400 requests.",
        "looked_at": since,
        "looked_until": since,
    }
    made = rule(org, mails=["ada@acme.example"], webhook="https://hooks.example/alerts", **facts)
    with scope.org(org.id):
        Incident.objects.create(
            rule=made, began_at=since, first=12.5, worst=40, told_at=since, label="Partner"
        )
        before = {"began_at": since - timedelta(hours=9), "ended_at": since - timedelta(hours=8)}
        Incident.objects.create(rule=made, first=11, worst=11, **before)
    return made


def left(made: Rule, **members) -> Message:
    """A message that was left for the receiver of webhooks."""
    with scope.org(made.org_id):
        return Message.objects.create(rule=made, told="began", channel="webhook", facts={}, **members)


def requests(org, at: datetime, count: int, status=200, *, api="orders", latency=5, **members) -> list[dict]:
    common = {"OrgID": org.id, "APIID": api, "TimeStamp": [int(at.timestamp()), 0], "ResponseCode": status}
    common |= {"RequestTime": latency, "Latency": {"Total": latency, "Upstream": 0}}
    return [{**common, **members} for _ in range(count)]


def look(org, at: datetime | None = None, *, complete=True, late=False) -> None:
    """What the worker does at some time, when all traffic until then is stored, if it is `complete`. late: whether some
    of it may have come late; else it came when its time says."""
    at = at or timezone.now()
    if not late:
        watched(org, at)
    with scope.every_org():
        Rule.objects.filter(org_id=org.id).update(due_at=at - timedelta(minutes=1))
    if complete:
        stored_until(at)
    with scope.org(org.id):
        evaluation.look_after(org.id, at)


def watched(org, at: datetime) -> None:
    """The alerts remember a look of a window ago, since which no request came that is older."""
    minutes = int(at.timestamp()) // 60
    with scope.org(org.id):
        for made in Rule.objects.all():
            before = minutes - min(made.window, 60)
            Rule.objects.filter(id=made.id).update(counted=[[before, 10**9, COUNTED.days]])


def stored_until(at: datetime, doubt="") -> None:
    """Up to when traffic is stored, and why the clock is not believed."""
    with scope.every_org():
        IngestState.objects.update(up_to=at, doubt=doubt)


def again(row):
    with scope.every_org():
        return type(row).objects.get(org_id=row.org_id, id=row.id)


def incidents(org) -> list[Incident]:
    with scope.org(org.id):
        return list(Incident.objects.order_by("began_at", "id"))


def messages(org) -> list[Message]:
    with scope.org(org.id):
        return list(Message.objects.order_by("created_at", "id"))


def told(org) -> list[tuple]:
    """(what, channel, address) of each message."""
    return [(row.told, row.channel, row.address) for row in messages(org)]
