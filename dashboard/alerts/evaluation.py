"""What the worker does each minute: look at what is watched, and write down what began and what ended.

Of each organisation first everything is read, with nothing locked: rollups, certificates, and of quotas the gateways'
Redis. Then one short transaction, under the lock that every change of an alert takes, takes those rules that are still
due and unchanged, so that of two workers one writes, and leaves the messages.
"""

import contextlib
import logging
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, InterfaceError, transaction
from django.db.models import Q
from django.utils import timezone

from apis.gateways.error_text import described, where
from dashboard.alerts import kinds, states, telling
from dashboard.alerts.looking import certificates, quotas
from dashboard.alerts.looking import traffic as of_traffic
from dashboard.alerts.models import Incident, Rule
from dashboard.alerts.sending import outbox
from dashboard.alerts.states import Found
from dashboard.analytics.clock import MINUTE, floor
from dashboard.analytics.reports import reader
from orgs import scope
from orgs.models import Organisation
from orgs.organisations import locks

logger = logging.getLogger(__name__)

KEPT = timedelta(days=400)  # of what has ended
# Longer than from one look to the next.
SELDOM = (1 + max(kind.every for kind in kinds.KINDS.values())) * MINUTE

Looks = Mapping[str, Found]
_STATE = ("state", "value", "note", "more", "counted", "looked_at", "looked_until", "due_at")


def step(_redis: object) -> None:
    """Look at the alerts of each organisation that has some due. One whose fails keeps no other waiting; raises its
    error if all fail."""
    now = timezone.now()
    with scope.every_org():
        due = Rule.objects.filter(_is_due(now)).order_by("org_id")
        org_ids = list(due.values_list("org_id", flat=True).distinct())
    failed = []
    for org_id in org_ids:
        try:
            with scope.org(org_id):
                look_after(org_id, now)
        except locks.Departed:
            continue
        except Exception as error:
            logger.error("alerts of organisation %s: %s (%s)", org_id, described(error), where(error))
            failed.append(error)
            _put_off(org_id, now)
    if failed and len(failed) == len(org_ids):
        raise failed[-1]


def _put_off(org_id: str, now: datetime) -> None:
    """Look again in a minute; until then nothing is known of what is calm."""
    with scope.org(org_id), contextlib.suppress(DatabaseError, InterfaceError):
        later = {
            "due_at": floor(now, MINUTE) + MINUTE,
            "note": "It could not be looked at: this server failed.",
        }
        _due(org_id, now).filter(state="firing").update(**later)
        _due(org_id, now).update(state="unknown", value=None, **later)


def look_after(org_id: str, now: datetime) -> None:
    """Look at the due alerts of one organisation, whose scope is entered. Raises Departed."""
    org = Organisation.everyone.get(pk=org_id)
    rules = list(_due(org_id, now).select_related("api"))
    begun = _begun(org_id, rules)
    looks: dict[str, Found] = {}
    if full := [rule for rule in rules if rule.kind == "quota"]:
        looks |= quotas.find(org, full, {rule.id: begun[rule.id] for rule in full}, now)
    with transaction.atomic():
        reader.limit_time()
        traffic, known = of_traffic.traffic_of(org, now), {}
        for rule in rules:
            if rule.of.of_traffic:
                looks[rule.id] = of_traffic.requests(rule, traffic, known)
            elif rule.kind == "certificate":
                looks[rule.id] = certificates.find(rule, begun[rule.id], now)
    with transaction.atomic():
        locks.lock(org_id)
        seen = {rule.id: rule.change_number for rule in rules}
        still = _due(org_id, now).filter(id__in=seen).select_related("api")
        unchanged = [rule for rule in still if rule.change_number == seen[rule.id]]
        _write(org, unchanged, looks, traffic.until, now)


def _due(org_id: str, now: datetime):
    return Rule.objects.filter(_is_due(now), org_id=org_id).order_by("id")


def _is_due(now: datetime) -> Q:
    """Also what is due later than anything can be: the clock was ahead then."""
    return Q(enabled=True) & (Q(due_at__lte=now) | Q(due_at__gt=now + SELDOM))


def _begun(org_id: str, rules: Collection[Rule]) -> dict[str, dict[str, Incident]]:
    """What goes on, by rule and subject."""
    found: dict[str, dict[str, Incident]] = defaultdict(dict)
    for incident in Incident.objects.filter(org_id=org_id, rule__in=rules, ended_at=None):
        found[incident.rule_id][incident.subject] = incident
    return found


def _write(org: Organisation, rules: Collection[Rule], looks: Looks, until: datetime, now: datetime) -> None:
    begun = _begun(org.id, rules)
    written = _Written(org, now, _told_before(org.id, rules, now), outbox.allowed(list(rules), org.id))
    for rule in rules:
        found = looks[rule.id]
        goes_on = written.follow(rule, found, begun[rule.id])
        rule.state, rule.value = states.state(goes_on, found), found.value
        rule.note = (found.trouble or found.note)[:300]
        rule.more = rule.more if found.trouble else found.more
        rule.counted = rule.counted if found.counted is None else found.counted
        rule.looked_at, rule.looked_until = now, until if rule.of.of_traffic else now
        rule.due_at = floor(now, MINUTE) + rule.of.every * MINUTE
    Rule.objects.filter(org_id=org.id).bulk_update(rules, _STATE)


@dataclass(frozen=True)
class _Written:
    """One look at the alerts of an organisation as it is written down. told_before: by rule and subject, when it was
    told last that it is bad; mails: by rule, the addresses that may be written to."""

    org: Organisation
    now: datetime
    told_before: Mapping[tuple[str, str], datetime]
    mails: Mapping[str, list[str]]

    def follow(self, rule: Rule, found: Found, begun: dict[str, Incident]) -> set[str]:
        """What begins, goes on and ends; the subjects of what goes on afterwards. begun: what went on before."""
        turn = states.turns(begun, found)
        for subject in sorted(turn.begin):
            bad = found.bad[subject]
            facts = {"subject": subject, "label": bad.label[:300], "first": bad.value, "worst": bad.value}
            begun[subject] = Incident(org_id=self.org.id, rule=rule, began_at=self.now, **facts)
        for subject in sorted(turn.begin | turn.go_on):
            self._go_on(rule, begun[subject], found)
        for subject in sorted(turn.end):
            self._end(rule, begun[subject])
        Incident.objects.bulk_create([begun[subject] for subject in sorted(turn.begin)])
        before = [begun[subject] for subject in sorted(turn.go_on | turn.end)]
        Incident.objects.filter(org_id=self.org.id).bulk_update(before, ("worst", "told_at", "ended_at"))
        return set(begun) - turn.end

    def _go_on(self, rule: Rule, incident: Incident, found: Found) -> None:
        value = found.bad[incident.subject].value
        incident.worst = kinds.worse(rule.of, incident.worst, value)
        last = self.told_before.get((rule.id, incident.subject))
        if incident.told_at is None and states.is_begin_due(last, rule.quiet_period, self.now):
            incident.told_at = self.now
            note = "" if incident.subject else found.note
            self._tell(rule, incident, "began", value=value, note=note, more=found.more)

    def _end(self, rule: Rule, incident: Incident) -> None:
        incident.ended_at = self.now
        if incident.told_at is not None:
            self._tell(rule, incident, "ended", value=incident.worst)

    def _tell(self, rule: Rule, incident: Incident, told: str, **facts: Any) -> None:
        facts = telling.incident(rule, self.org, incident, told, **facts)
        outbox.add(rule, told, facts, self.mails[rule.id])


def _told_before(org_id: str, rules: Collection[Rule], now: datetime) -> dict[tuple[str, str], datetime]:
    """When it was told last that something is bad, by rule and subject, within the longest quiet period."""
    longest = max((rule.quiet_period for rule in rules), default=timedelta(0))
    told = Incident.objects.filter(org_id=org_id, rule__in=rules, told_at__gt=now - longest, told_at__lte=now)
    rows = told.order_by("told_at").values_list("rule_id", "subject", "told_at")
    return {(rule_id, subject): at for rule_id, subject, at in rows}


def forget() -> None:
    """Delete what ended long ago."""
    with scope.every_org():
        Incident.objects.filter(ended_at__lt=timezone.now() - KEPT).delete()
