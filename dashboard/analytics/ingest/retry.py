"""Dead letters tried again: after an organisation was made or a fault was mended."""

from collections import Counter
from datetime import datetime

import msgspec
from django.db import transaction

from dashboard.analytics.ingest.clean import Row
from dashboard.analytics.ingest.drain import refuse
from dashboard.analytics.ingest.store import store
from dashboard.analytics.models import DeadLetter

AT_ONCE = 5_000


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
