"""Making, changing and ending alerts: each under the organisation's lock, with its audit entry."""

import secrets
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.utils import timezone

from apis.models import ApiDefinition
from dashboard.alerts import telling
from dashboard.alerts.models import Incident, Rule
from dashboard.alerts.sending import outbox
from orgs import refusals
from orgs.audit import log
from orgs.models import Organisation, User
from orgs.organisations import locks
from orgs.sealing import seal

MOST = 100  # of one organisation
BETWEEN_TESTS = timedelta(minutes=1)
# What can be changed of one; its kind and its API stay.
CHANGED = ("name", "threshold", "window", "least", "quiet", "enabled", "mails", "outside", "webhook")


class AlreadyMade(Exception):
    """The form that asks for it has made it before."""

    def __init__(self, rule: Rule):
        super().__init__()
        self.rule = rule


class Gone(refusals.Missing):
    """Somebody deleted the alert meanwhile."""

    def __init__(self):
        super().__init__("Alert not found")


@transaction.atomic
def create(
    org_id: str, values: dict[str, Any], *, author: User, form_token: str | None = None
) -> tuple[Rule, str]:
    """A new alert, and the secret that its webhooks are signed with, "" without a webhook. values: columns of Rule
    (dashboard.alerts.forms). Raises Invalid, LimitReached, AlreadyMade, Departed."""
    locks.lock(org_id)
    own = Rule.objects.filter(org_id=org_id)
    if form_token and (made := own.filter(form_token=form_token).first()):
        raise AlreadyMade(made)
    if own.count() >= MOST:
        raise refusals.LimitReached(f"An organisation may have {MOST} alerts at most.")
    if values.get("api_id") and not ApiDefinition.objects.filter(org_id=org_id, id=values["api_id"]).exists():
        raise refusals.Invalid("There is no such API any more.", "api")
    rule = Rule(org_id=org_id, created_by=author.email, form_token=form_token, **values)
    secret = _sealed_secret(rule) if rule.webhook else ""
    rule.save(force_insert=True)
    _note("alert.created", rule, author, {}, _facts(rule))
    return rule, secret


@transaction.atomic
def change(
    rule: Rule, values: dict[str, Any], *, author: User, expected: int | None = None
) -> tuple[Rule, str]:
    """Make an alert what `values` say of CHANGED. expected: the change number that the author saw. Whatever goes on of
    one that is switched off ends, which nobody is told. The answer's secret is that of a webhook that is its first.
    Raises Gone, Stale, Departed."""
    now = _locked(rule, expected)
    before = _facts(now)
    for name in CHANGED:
        if name in values:
            setattr(now, name, values[name])
    secret = _sealed_secret(now) if now.webhook and now.sealed_secret is None else ""
    now.due_at = timezone.now()
    now.state, now.value, now.note, now.more = "unknown", None, "", 0
    if not now.enabled:
        Incident.objects.filter(org_id=now.org_id, rule=now, ended_at=None).update(ended_at=timezone.now())
    _save(now)
    _note("alert.changed", now, author, before, _facts(now))
    return now, secret


@transaction.atomic
def renew_secret(rule: Rule, *, author: User, expected: int | None = None) -> tuple[Rule, str]:
    """Another secret for its webhooks. Raises Gone, Stale, Departed."""
    now = _locked(rule, expected)
    secret = _sealed_secret(now)
    _save(now)
    _note("alert.secret-renewed", now, author, {"secret": "before"}, {"secret": "after"})
    return now, secret


@transaction.atomic
def delete(rule: Rule, *, author: User, expected: int | None = None) -> None:
    """With its history. Raises Gone, Stale, Departed."""
    now = _locked(rule, expected)
    _end(now, author, _facts(now))


@transaction.atomic
def acknowledge(rule: Rule, incident_id: str, *, author: User) -> bool:
    """Say that somebody looks into something that goes on; whether nobody had said so. Raises Gone, Departed."""
    now = _locked(rule, None)
    going_on = Incident.objects.filter(org_id=now.org_id, rule=now, id=incident_id, acknowledged_at=None)
    done = going_on.update(acknowledged_by=author.email, acknowledged_at=timezone.now())
    if done:
        _note("alert.acknowledged", now, author, {}, {})
    return bool(done)


@transaction.atomic
def test(rule: Rule, *, author: User) -> int:
    """Send a test to whoever it tells; the answer is to how many. Raises NotAllowed for one after the other, Gone,
    Departed."""
    now, at = _locked(rule, None), timezone.now()
    if now.tested_at and abs(at - now.tested_at) < BETWEEN_TESTS:
        raise refusals.NotAllowed("A test was sent less than a minute ago: wait for it.")
    Rule.objects.filter(org_id=now.org_id, id=now.id).update(tested_at=at)
    org = Organisation.everyone.get(pk=now.org_id)
    sent = outbox.add(now, "test", telling.test(now, org), outbox.allowed([now], now.org_id)[now.id])
    _note("alert.tested", now, author, {}, {})
    return len(sent)


def follow(org_id: str, api_ids: Sequence[str], what: str, **_: object) -> None:
    """APIs are about to be "removed" (apis.publishing.events.api_set_changed): the alerts about them go with them."""
    if what == "removed":
        _end_each(Rule.objects.filter(org_id=org_id, api__api_id__in=api_ids), "its API was deleted")


def depart(organisation: Organisation, **_: object) -> None:
    """The organisation is being deleted (apis.publishing.events.apis_departing)."""
    _end_each(Rule.objects.filter(org_id=organisation.id), "its organisation was deleted")


def _end_each(rules: Iterable[Rule], why: str) -> None:
    for rule in rules:
        _end(rule, None, _facts(rule) | {"why": why})


def _end(rule: Rule, author: User | None, facts: dict[str, Any]) -> None:
    id = rule.id
    rule.delete()
    log.record("alert.deleted", "alert", id, rule.name, actor=author, org=rule.org_id, before=facts, after={})


def _locked(rule: Rule, expected: int | None) -> Rule:
    locks.lock(rule.org_id)
    rows = Rule.objects.select_for_update(of=("self",)).filter(org_id=rule.org_id, id=rule.id)
    now = rows.select_related("api").first()
    if now is None:
        raise Gone
    if expected not in (None, now.change_number):
        raise refusals.Stale("Somebody else changed this alert meanwhile.")
    return now


def _save(rule: Rule) -> None:
    rule.change_number += 1
    rule.save()


def _sealed_secret(rule: Rule) -> str:
    secret = secrets.token_urlsafe(32)
    seal(rule, "sealed_secret", secret.encode())
    return secret


def _facts(rule: Rule) -> dict[str, Any]:
    """What the audit log says of one: of a webhook the host alone, the rest of an address is often a secret."""
    api = ApiDefinition.objects.filter(org_id=rule.org_id, id=rule.api_id).first() if rule.api_id else None
    return {
        **{name: getattr(rule, name) for name in CHANGED if name != "webhook"},
        "kind": rule.kind,
        "api": api.name if api else None,
        "webhook": urlsplit(rule.webhook).netloc,
    }


def _note(action: str, rule: Rule, author: User, before: dict, after: dict) -> None:
    log.record(action, "alert", rule.id, rule.name, actor=author, org=rule.org_id, before=before, after=after)
