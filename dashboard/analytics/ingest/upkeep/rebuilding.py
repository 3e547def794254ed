"""Rollups made again from records, an organisation's day a transaction, by one process at a time.

How far it is stands in the row of the run, which each day's transaction moves on: whoever is stopped, in whatever way,
goes on there when asked for the same again. The figures of each day are at each moment the old ones or the new ones.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from time import monotonic

from django.db import connections, transaction

from dashboard.analytics import locks
from dashboard.analytics.clock import DAY
from dashboard.analytics.dimensions import Dimension, Grain
from dashboard.analytics.ingest import closing, partitions, rollup
from dashboard.analytics.models import Rebuild, Rollup, RollupCut
from orgs.models import Organisation

LONGEST = timedelta(days=181)  # back from today, where no first day is given: more than records are kept


class Busy(Exception):
    """Another process rebuilds."""


@dataclass(frozen=True)
class Progress:
    """A day that is done. left: how many are not; remaining: how long those will take, by what was counted before."""

    org: Organisation
    day: date
    hits: int
    done: int
    left: int
    remaining: timedelta


@contextmanager
def alone() -> Iterator[None]:
    """Raises Busy. The lock ends with this process's connection as the owner, however the process ends."""
    with connections[partitions.OWNER].cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [locks.REBUILD])
        if not cursor.fetchone()[0]:
            raise Busy
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [locks.REBUILD])


def begin(slug: str, first: date | None, last: date | None, now: datetime) -> Rebuild:
    """The run of these days that was not finished, or a new one; others that were not finished are given up.

    slug: "" for every organisation. first, last: None for all that records cover.
    """
    asked = {"slug": slug, "asked_first": first, "asked_last": last}
    unfinished = Rebuild.objects.filter(ended_at=None)
    found = unfinished.filter(**asked).order_by("-id").first()
    unfinished.exclude(pk=found and found.pk).delete()
    return found or Rebuild.objects.create(
        **asked,
        first=first or (now - LONGEST).date(),
        last=last or (now + DAY).date(),  # of a zone it may be tomorrow
        began_at=now,
    )


def run(asked: Rebuild, now: datetime) -> Iterator[Progress]:
    """Go on with a run; yields each day once it is committed. Whoever calls has made sure to be alone."""
    orgs = {
        org.pk: org for org in Organisation.everyone.filter(**({"slug": asked.slug} if asked.slug else {}))
    }
    days = [
        (org_id, day)
        for org_id in sorted(orgs)
        for day in rollup.covered(orgs[org_id], asked.first, asked.last, now)
    ]
    left = [place for place in days if place > (asked.org, asked.day or date.min)]
    weights = {place: 1 + hits for place, hits in _counted(left, orgs).items()}
    begun, weight, whole = monotonic(), 0, sum(weights.values())
    for number, (org_id, day) in enumerate(left, start=1):
        with transaction.atomic():
            hits = rebuilt(org_id, day, now + timedelta(seconds=monotonic() - begun))
            asked.org, asked.day, asked.days, asked.hits = org_id, day, asked.days + 1, asked.hits + hits
            asked.left, asked.moved_at = len(left) - number, now + timedelta(seconds=monotonic() - begun)
            asked.ended_at = None if asked.left else asked.moved_at
            asked.save()
        weight += weights[org_id, day]
        remaining = timedelta(seconds=(monotonic() - begun) / weight * (whole - weight))
        yield Progress(orgs[org_id], day, hits, asked.days, asked.left, remaining)
    if not left:
        asked.ended_at = now
        asked.save(update_fields=["ended_at"])


@transaction.atomic
def rebuilt(org_id: str, day: date, now: datetime) -> int:
    """The hits of a day that was made again. One whose records went since the run was begun stays as it was, with 0.

    An organisation says so before any of them go: those were whole of which it still does not after they were read.
    """
    closing.close(org_id, now)
    hits = rollup.rebuild_day(Organisation.everyone.get(pk=org_id), day, now)
    if rollup.covered(Organisation.everyone.get(pk=org_id), day, day, now):
        return hits
    transaction.set_rollback(True)
    return 0


def _counted(days: list[tuple[str, date]], orgs: dict[str, Organisation]) -> dict[tuple[str, date], int]:
    """How many records the figures of each day count now: what it takes to count them again."""
    hits = dict.fromkeys(days, 0)
    for org_id in {org_id for org_id, _ in days}:
        zone, base = RollupCut.active(orgs[org_id])
        totals = Rollup.objects.filter(org_id=org_id, grain=Grain.DAY, dimension=base + Dimension.TOTAL)
        for ts, counted in totals.values_list("ts", "hits"):
            place = org_id, ts.astimezone(zone).date()
            if place in hits:
                hits[place] += counted
    return hits
