"""What organisations keep for less time than the installation, and what they keep no more, is deleted row by row;
partitions go for all at once.

Some rows a transaction, in the order of the tables' keys, and never one that somebody else is writing: no ingest and no
page waits for it. Pages have stopped showing these rows before (traffic.Owners.held, bodies/keeping.py).
"""

# ruff: noqa: S608 - only names and conditions of these modules are put into SQL, every value is a parameter

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import redis
from django.db import transaction
from django.db.models import Q, QuerySet

from dashboard.analytics.dimensions import BODIES, KEPT, RECORDS
from dashboard.analytics.ingest import closing, partitions, trust
from dashboard.analytics.models import BodyKeeping, UptimeHour
from orgs import scope
from orgs.models import Organisation

log = logging.getLogger(__name__)

ROWS = 5_000  # a transaction

_SINGLE = """
WITH gone AS (SELECT ts, id FROM {table} WHERE org_id = %(org)s AND ts < %(bound)s AND (ts, id) > (%(ts)s, %(id)s)
              ORDER BY org_id, ts, id LIMIT %(rows)s FOR UPDATE SKIP LOCKED),
    deleted AS (DELETE FROM {table} r USING gone WHERE r.org_id = %(org)s AND r.ts < %(bound)s
                AND r.ts = gone.ts AND r.id = gone.id)
SELECT ts, id FROM gone ORDER BY ts DESC, id DESC LIMIT 1
"""
_ORDER = ("dimension", "api_id", "ts", "value")
_ROLLUPS = f"""
WITH gone AS (SELECT {", ".join(_ORDER)} FROM rollup WHERE org_id = %(org)s AND grain = %(grain)s AND ts < %(bound)s
                  AND ({", ".join(_ORDER)}) > (%(dimension)s, %(api_id)s, %(ts)s, %(value)s)
              ORDER BY org_id, grain, {", ".join(_ORDER)} LIMIT %(rows)s FOR UPDATE SKIP LOCKED),
    deleted AS (DELETE FROM rollup r USING gone WHERE r.org_id = %(org)s AND r.grain = %(grain)s AND r.ts < %(bound)s
                AND {" AND ".join(f"r.{name} = gone.{name}" for name in _ORDER)})
SELECT {", ".join(_ORDER)} FROM gone ORDER BY {", ".join(f"{name} DESC" for name in _ORDER)} LIMIT 1
"""
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class Forgetting:
    """The worker's step: a transaction at a time, from the first organisation to the last, then again an hour later."""

    def __init__(self) -> None:
        self.left: Iterator[int] = iter(())

    def step(self, _: redis.Redis) -> bool:
        """Whether there is more to do at once."""
        if next(self.left, None) is None:
            self.left = slices()
            return next(self.left, None) is not None
        return True


def slices(
    now: datetime | None = None, database_ahead: Callable[[], timedelta] = trust.database_ahead
) -> Iterator[int]:
    """Delete what is past the period of its organisation, and bodies where none are kept any more; yields the rows of
    each transaction, once committed.

    Without a clock to believe nothing is deleted for its age.
    """
    now = now or datetime.now(UTC)
    yield from _bodies()
    with scope.every_org():
        if doubted := trust.why_nothing_is_deleted(now, database_ahead()):
            log.info("Nothing is deleted for its age: %s", doubted)
            return
        wanting = list(Organisation.everyone.exclude(Q(kept_days={})))
    for org in wanting:
        for kind in org.retention.shorter:
            _begin(org, kind, now)
            if kind in {KEPT[grain].kind for grain in closing.HOURS}:
                with scope.every_org(), transaction.atomic():
                    closing.close(org.pk, now)
            bound = org.retention.since(kind, now)
            for grain in (grain for grain, kept in KEPT.items() if kept.kind == kind):
                yield from _rows(org.pk, grain, bound)
            if kind == "hours":
                with scope.every_org():
                    UptimeHour.objects.filter(org_id=org.pk, ts__lt=bound).delete()


def _bodies() -> Iterator[int]:
    """Of organisations that keep none any more, whatever the clock says, as long as they do not."""
    with scope.every_org():
        ended = list(_ended().values_list("org_id", flat=True))
    for org_id in ended:
        for rows in _rows(org_id, BODIES, _LAST):
            yield rows
            with scope.every_org():
                if not _ended().filter(org_id=org_id).exists():
                    break


def _ended() -> QuerySet[BodyKeeping]:
    return BodyKeeping.objects.filter(Q(enabled=False) | Q(org__deleted_at__isnull=False)).order_by("org_id")


def _begin(org: Organisation, kind: str, now: datetime) -> None:
    """From here on what is past the period counts as gone, however long the period is made later."""
    with scope.every_org(), transaction.atomic():
        row = Organisation.everyone.select_for_update(no_key=True).get(pk=org.pk)
        gone = f"{row.retention.since(kind, now):%Y-%m-%d}"
        if kind in row.retention.shorter and row.gone_before.get(kind) != gone:
            row.gone_before = {**row.gone_before, kind: gone}
            row.save(update_fields=["gone_before"])
    org.kept_days, org.gone_before = row.kept_days, row.gone_before


def _rows(org_id: str, grain: str, bound: datetime) -> Iterator[int]:
    """Delete the records, what was kept beside them, or the rollups of a grain, from before a moment."""
    names, statement = (_ORDER, _ROLLUPS)
    if grain in (RECORDS, BODIES):
        names, statement = ("ts", "id"), _SINGLE.format(table=partitions.TABLES[grain])
    place = {"dimension": -1, "api_id": "", "ts": _FIRST, "value": "", "id": 0}
    while True:
        # As their owner: nobody else may delete a record.
        with partitions.as_owner() as cursor:
            given = {"org": org_id, "grain": grain or None, "bound": bound, "rows": ROWS}
            cursor.execute(statement, {**place, **given})
            last = cursor.fetchone()
        if last is None:
            return
        yield ROWS
        place |= dict(zip(names, last, strict=True))
