"""Records that could not be stored: kept with the reason, and tried again after an organisation was made or a fault
mended."""

from collections import Counter
from datetime import datetime, timedelta

import msgspec
from django.db import transaction

from dashboard.analytics.ingest.entries.clean import Line, Row, line_of
from dashboard.analytics.ingest.store import refuse, store
from dashboard.analytics.models import DeadLetter

AT_ONCE = 5_000
SAMPLES_PER_HOUR = 100  # dead letters for one of the reasons below; the rest are counted
SAMPLED = (DeadLetter.Reason.UNKNOWN_ORG, DeadLetter.Reason.TOO_OLD)


def of(line: Line, reason: str, detail: str, received_at: datetime) -> DeadLetter:
    """A line that is not stored, with all that a second try needs."""
    return DeadLetter(
        id=line.id,
        reason=reason,
        detail=detail,
        org_ref=line.org_id,
        received_at=received_at,
        payload=msgspec.msgpack.encode(line),
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
    lines = [_line(letter.payload) for letter in letters]
    refused = refuse(lines, now)
    good = [line for line in lines if line.id not in refused]
    return {line.id for line in good} - store(good, now, most_bad=len(good)).keys()


def _line(payload: bytes) -> Line:
    try:
        return msgspec.msgpack.decode(payload, type=Line)
    except msgspec.ValidationError:
        # Earlier versions kept the row.
        return line_of(msgspec.msgpack.decode(payload, type=Row))
