"""Whether an organisation keeps what went over the wire, and which names besides the usual ones hold secrets.

Off until an administrator switches it on. Switched off, nothing is shown any more, and what is stored is deleted with
the next round of ingest.upkeep.forgetting, within the hour.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from dashboard.analytics.bodies.redaction.names import Names, plain
from dashboard.analytics.clock import EPOCH
from dashboard.analytics.models import BodyKeeping, Record
from orgs import refusals
from orgs.audit import log
from orgs.models import Organisation, User
from orgs.organisations import locks

KIND = "bodies"
MOST_NAMES = 50
LONGEST_NAME = 100
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


class Stale(refusals.Stale):
    """Somebody else has changed it since; `row` is as it is now."""

    def __init__(self, row: BodyKeeping):
        super().__init__("Somebody else changed this meanwhile.")
        self.row = row


def of(org: Organisation) -> BodyKeeping:
    """An organisation's, not stored yet if it never chose."""
    return BodyKeeping.objects.filter(org_id=org.pk).first() or BodyKeeping(org_id=org.pk, change_number=0)


def is_on(org_id: str) -> bool:
    """Whether an organisation keeps them."""
    return BodyKeeping.objects.filter(org_id=org_id, enabled=True).exists()


def header_fault(name: str) -> str:
    """What is wrong with the name of a header; "" for nothing."""
    return _fault(name) or ("" if _HEADER.fullmatch(name) else "is no name of a header")


def member_fault(name: str) -> str:
    """The same of a member of JSON or XML, or a field of a form."""
    return _fault(name) or (
        "" if name.isprintable() and "\ufffd" not in name else "has control characters in it"
    )


def _fault(name: str) -> str:
    if len(name) > LONGEST_NAME:
        return f"is longer than {LONGEST_NAME} characters"
    return "" if plain(name) else "has no letter or digit in it"


@transaction.atomic
def change(
    org: Organisation,
    *,
    actor: User,
    seen: int,
    enabled: bool,
    headers: Sequence[str],
    members: Sequence[str],
) -> BodyKeeping:
    """Store what an administrator chose. seen: the change number that he saw, 0 for none. Raises Invalid, Stale,
    Departed."""
    locks.lock(org.pk)
    row = of(org)
    if row.change_number != seen:
        raise Stale(row)
    for field, names, fault_of in (("headers", headers, header_fault), ("members", members, member_fault)):
        if len(names) > MOST_NAMES:
            raise refusals.Invalid(f"has more than {MOST_NAMES} names", field)
        for name in names:
            if fault := fault_of(name):
                raise refusals.Invalid(f"{name[:LONGEST_NAME]} {fault}", field)
    before = _facts(row)
    row.enabled, row.headers, row.members = enabled, list(headers), list(members)
    if _facts(row) == before:
        return row
    row.change_number += 1
    row.save()
    words = "changed" if before["enabled"] == enabled else "switched-on" if enabled else "switched-off"
    log.record(
        f"{KIND}.{words}",
        KIND,
        org.pk,
        org.owner_name,
        actor=actor,
        org=org.pk,
        before=before,
        after=_facts(row),
    )
    return row


def place(ts: datetime) -> int:
    """A record's time as its address says it: microseconds since 1970 (UTC)."""
    return (ts - EPOCH) // timedelta(microseconds=1)


def note_view(record: Record) -> None:
    """Leave an entry for whoever looks at what a record keeps."""
    label = f"{record.method} {record.path}"
    log.record(f"{KIND}.viewed", KIND, f"{place(record.ts)}/{record.id}", label, org=record.org_id)


def names_of(row: BodyKeeping) -> Names:
    """What an organisation says itself, as redaction compares it."""
    return Names(headers=frozenset(map(plain, row.headers)), members=frozenset(map(plain, row.members)))


def _facts(row: BodyKeeping) -> dict:
    return {"enabled": row.enabled, "headers": row.headers, "members": row.members}
