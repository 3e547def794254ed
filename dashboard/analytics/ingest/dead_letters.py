"""Records that could not be stored: kept with the reason, and tried again after an organisation was made or a fault
mended."""

from collections import Counter
from datetime import datetime, timedelta

import msgspec
from django.db import transaction

from dashboard.analytics.ingest.clean import Row
from dashboard.analytics.ingest.store import refuse, store
from dashboard.analytics.models import DeadLetter

AT_ONCE = 5_000
SAMPLES_PER_HOUR = 100  # dead letters for one of the reasons below; the rest are counted
SAMPLED = (DeadLetter.Reason.UNKNOWN_ORG, DeadLetter.Reason.TOO_OLD)


def of(row: Row, reason: str, detail: str, received_at: datetime) -> DeadLetter:
    """A row that is not stored, with all that a second try needs."""
    return DeadLetter(
        id=row.id,
        reason=reason,
        detail=detail,
        org_ref=row.org_id,
        received_at=received_at,
        payload=msgspec.msgpack.encode(row),
    )


def keep(letters: list[DeadLetter], received_at: datetime) -> None:
    """Store letters, of the sampled reasons only as many as the hour before leaves room for."""
    left = {}
    for reason in {letter.reason for letter in letters} & set(SAMPLED):
        recent = DeadLetter.objects.filter(reason=reason, received_at__gt=received_at - timedelta(hours=1))
        left[reason] = SAMPLES_PER_HOUR - recent.count()
    kept = []
    for letter in letters:
        if letter.reason in left:
            left[letter.reason] -= 1
            if left[letter.reason] < 0:
                continue
        kept.append(letter)
    DeadLetter.objects.bulk_create(kept)


def retry(now: datetime) -> Counter:
    """Store what can be stored by now of the dead letters with a record; counts of "stored" and "left"."""
    counts: Counter = Counter()
    after = -1
    while True:
        with transaction.atomic():
            letters = list(
                DeadLetter.objects.filter(pk__gt=after, payload__isnull=False)
                .order_by("pk")
                .select_for_update(skip_locked=True)[:AT_ONCE]
            )
            if not letters:
                return counts
            stored = _store(letters, now)
            DeadLetter.objects.filter(pk__in=stored).delete()
        counts.update(stored=len(stored), left=len(letters) - len(stored))
        after = letters[-1].pk


def _store(letters: list[DeadLetter], now: datetime) -> set[int]:
    rows = [msgspec.msgpack.decode(letter.payload, type=Row) for letter in letters]
    refused = refuse(rows, now)
    good = [row for row in rows if row.id not in refused]
    return {row.id for row in good} - store(good, now, most_bad=len(good)).keys()
