"""Figures that are made again because somebody has asked for it on a page: the worker's step, a day at a time.

What was asked for is a row of its organisation, one that is not done at most, and how far it is stands in it. Of
several organisations the one goes first that has waited longest. Nothing else makes figures again meanwhile
(rebuilding.alone).
"""

from datetime import UTC, date, datetime

import redis
from django.db import transaction
from django.db.models import F

from dashboard.analytics.clock import DAY
from dashboard.analytics.ingest import rollup
from dashboard.analytics.ingest.upkeep import rebuilding
from dashboard.analytics.models import Recount
from orgs import scope
from orgs.audit import log
from orgs.models import Organisation, User
from orgs.organisations import locks

KIND = "figures"


def days(org: Organisation, now: datetime) -> list[date]:
    """The days of an organisation that can be counted anew: those of which all records are kept."""
    oldest = org.retention.since("records", now)
    return rollup.covered(org, oldest.date(), (now + DAY).date(), now)


@transaction.atomic
def ask(org: Organisation, first: date, last: date, *, actor: User, now: datetime) -> Recount | None:
    """Have these days counted anew, unless some are being counted already: then None. Raises Departed."""
    locks.lock(org.pk)
    if Recount.objects.filter(org_id=org.pk, ended_at=None).exists():
        return None
    asked = Recount.objects.create(org_id=org.pk, first=first, last=last, asked_by=actor.email, asked_at=now)
    log.record(f"{KIND}.counted-anew", KIND, org.pk, f"{asked}", actor=actor, org=org.pk)
    return asked


@transaction.atomic
def stop(org: Organisation, pk: str, *, actor: User, now: datetime) -> bool:
    """Have no more days of a run counted anew; whether it was still going on. Raises Departed."""
    locks.lock(org.pk)
    found = Recount.objects.filter(org_id=org.pk, pk=pk, ended_at=None)
    asked = found.first()
    if asked is None:
        return False
    found.update(ended_at=now)
    log.record(f"{KIND}.counting-stopped", KIND, org.pk, f"{asked}", actor=actor, org=org.pk)
    return True


def step(_: redis.Redis) -> bool:
    """Make one day again; whether to call again at once."""
    with scope.every_org():
        waiting = Recount.objects.filter(ended_at=None).order_by(
            F("moved_at").asc(nulls_first=True), "asked_at", "id"
        )
        asked = waiting.values_list("org_id", "pk").first()
        if asked is None:
            return False
        try:
            with rebuilding.alone():
                _go_on(*asked, datetime.now(UTC))
        except rebuilding.Busy:
            return False
        return True


def _go_on(org_id: str, pk: str, now: datetime) -> None:
    rows = Recount.objects.filter(org_id=org_id, pk=pk, ended_at=None)
    asked, org = rows.first(), Organisation.everyone.get(pk=org_id)
    if asked is None:
        return  # another worker has ended it meanwhile
    left = [
        day
        for day in rollup.covered(org, asked.first, asked.last, now)
        if asked.day is None or day > asked.day
    ]
    # Before: one that fails lets others go first.
    rows.update(moved_at=now, left=len(left))
    if not left or org.deleted_at:
        rows.update(ended_at=now)
        return
    with transaction.atomic():
        hits = rebuilding.rebuilt(org_id, left[0], now)
        ended = None if left[1:] else datetime.now(UTC)
        rows.update(
            day=left[0], days=asked.days + 1, left=len(left) - 1, hits=asked.hits + hits, ended_at=ended
        )
