"""Each hour's work on the traffic tables: partitions, old books, histograms of days that are over."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

from django.db import connection, transaction

from dashboard.analytics.ingest import closing, partitions, rollup, trust
from dashboard.analytics.ingest.upkeep import periods
from dashboard.analytics.models import (
    Batch,
    DeadLetter,
    IngestState,
    Uptime,
    UptimeHour,
)
from orgs import scope

log = logging.getLogger(__name__)

LEDGER_KEPT = timedelta(days=90)
DEAD_LETTERS_KEPT = timedelta(days=30)
CLOSED = timedelta(hours=26)  # after the beginning of a day it is over in every zone
LATE = timedelta(days=4)  # how long a day is looked at again

# Reading a row of a closed day gets three times faster; only rows with repeats in them are written. With nothing added
# to it a histogram would be unpacked for each byte that is looked at.
_COMPACT = """
UPDATE rollup SET latency_histogram = histogram_compact(latency_histogram || ''::bytea)
WHERE grain = ANY(%s) AND ts >= %s AND ts < %s AND latency_histogram <> ''
  AND octet_length(latency_histogram) > octet_length(histogram_compact(latency_histogram || ''::bytea))
"""


def maintain(
    now: datetime | None = None, database_ahead: Callable[[], timedelta] = trust.database_ahead
) -> None:
    """Safe to run at any moment and as often as one likes. Without a clock to believe, nothing is deleted."""
    now = now or datetime.now(UTC)
    with scope.every_org():
        doubted = trust.why_nothing_is_deleted(now, database_ahead())
        in_doubt = bool(IngestState.objects.get().doubt)
    if not in_doubt:
        partitions.prepare(now)
    if doubted:
        log.info("Nothing is deleted for its age: %s", doubted)
    else:
        with scope.every_org():
            closing.catch_up(now)
            kept = periods.follow(now)
        partitions.drop_old(now, kept)
    with scope.every_org():
        if not doubted:
            _forget(now, kept["hours"])
        with transaction.atomic(), connection.cursor() as cursor:
            rollup.lock()
            cursor.execute(_COMPACT, [partitions.OF_MONTHS, now - LATE, now - CLOSED])


@transaction.atomic
def _forget(now: datetime, days_of_hours: int) -> None:
    oldest = datetime.combine(now.astimezone(UTC).date() - timedelta(days=days_of_hours), time(), UTC)
    Batch.objects.filter(done=True, received_at__lt=now - LEDGER_KEPT).delete()
    DeadLetter.objects.filter(received_at__lt=now - DEAD_LETTERS_KEPT).delete()
    UptimeHour.objects.filter(ts__lt=oldest).delete()
    Uptime.objects.filter(at__lt=oldest).delete()
