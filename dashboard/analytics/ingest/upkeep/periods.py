"""The installation's periods, as deletion goes by them.

They are settings, and a mistyped one must not delete within the hour what nothing brings back. So a period that is
shorter than before hides what is older, and deletes it once an operator has said so (`manage.py analytics retention`),
as an organisation's own is confirmed; where nothing is older there is nothing to be said. A longer one brings nothing
back: each organisation knows from then on that what is older has gone.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from django.db import transaction

from dashboard.analytics.ingest import partitions
from dashboard.analytics.models import IngestState
from orgs.models import Organisation
from orgs.organisations.retention import KINDS, USUAL

log = logging.getLogger(__name__)


def in_force(state: IngestState) -> dict[str, int]:
    """The days of each kind that deletion goes by."""
    return USUAL | {kind: days for kind, days in state.periods.items() if kind in KINDS}


def waiting(state: IngestState, now: datetime) -> dict[str, tuple[int, int]]:
    """(days in force, days that are set) of each kind of which something would go that nobody has confirmed."""
    before, today = in_force(state), now.astimezone(UTC).date()
    shorter = {kind: (before[kind], each.days) for kind, each in KINDS.items() if each.days < before[kind]}
    begins = partitions.begins() if shorter else {}
    return {
        kind: (was, will)
        for kind, (was, will) in shorter.items()
        if begins.get(kind, today) < today - timedelta(days=will)
    }


@transaction.atomic
def follow(now: datetime, *, confirmed: bool = False) -> Mapping[str, int]:
    """Take over what is set, a shorter period only if nothing goes by that, or it is confirmed; the days of each kind
    that deletion goes by. To be called with every organisation entered."""
    state = IngestState.objects.select_for_update().get()
    before, left = in_force(state), {} if confirmed else waiting(state, now)
    found = {kind: before[kind] if kind in left else each.days for kind, each in KINDS.items()}
    for kind, (was, will) in left.items():
        log.warning(
            "KEEP_%s is %d where it was %d: nothing is deleted by that before `manage.py analytics retention` is run",
            *(kind.upper(), will, was),
        )
    if longer := [kind for kind in KINDS if found[kind] > before[kind]]:
        _note_gone(
            {kind: f"{now.astimezone(UTC).date() - timedelta(days=before[kind]):%Y-%m-%d}" for kind in longer}
        )
    if found != before:
        state.periods = found
        state.save(update_fields=["periods"])
    return found


def _note_gone(gone: Mapping[str, str]) -> None:
    for org in Organisation.everyone.select_for_update(no_key=True).order_by("pk"):
        later = {kind: max(day, org.gone_before.get(kind, "")) for kind, day in gone.items()}
        org.gone_before = {**org.gone_before, **later}
        org.save(update_fields=["gone_before"])
