"""What all changes to people and organisations have in common: each is counted, leaves one entry, and is refused where
it was meant for an older state."""

from collections.abc import Iterable

from django.db import models

from orgs import refusals
from orgs.audit import log
from orgs.models import AuditEntry, Organisation, PlatformAuditEntry, User
from orgs.organisations import limits
from orgs.people import duplicates

MOST_SHOWN = 50
NO_CHANGES = ("user.signed-in", "user.switched-account")
_AUDITED = ("email", "first_name", "last_name", "is_active", "permissions")
_AUDITED_ORGANISATION = (
    "owner_name",
    "slug",
    "cname",
    "cname_enabled",
    "enabled",
    "time_zone",
    "extra",
    *limits.LIMITS,
    "min_key_id_length",
    "kept_days",
)


class Stale(refusals.Stale):
    """Somebody else has changed the person or organisation `row`, here as it is now, since its `expected` number."""

    def __init__(self, row: User | Organisation, expected: int):
        super().__init__("Somebody else changed this meanwhile")
        self.row = row
        self.expected = expected


def refuse_stale(row: User | Organisation, expected: int | None) -> None:
    """Raise Stale if `row`, read under its lock, is not as the caller saw it; None is whoever saw nothing."""
    if expected is not None and expected != row.change_number:
        raise Stale(row, expected)


def insert(row: User | Organisation) -> None:
    """Raises ValidationError where somebody else was faster with the same value."""
    with duplicates.refused():
        row.save(force_insert=True)


def store(row: User | Organisation, fields: Iterable[str]) -> None:
    """Store the changed fields as one more change. Raises ValidationError like `insert`."""
    row.change_number += 1
    with duplicates.refused():
        row.save(update_fields=[*fields, "change_number"])


def facts(row: User | Organisation) -> dict:
    """What the audit log says of it."""
    return {
        name: getattr(row, name) for name in (_AUDITED if isinstance(row, User) else _AUDITED_ORGANISATION)
    }


def note(action: str, row: User | Organisation, actor: User | None, **before_and_after: dict) -> None:
    """The audit entry of a change to a person, kept by his organisation, or to an organisation, kept by itself."""
    kind, _, _ = action.partition(".")
    log.record(action, kind, row.id, str(row), org=_keeper(row), actor=actor, **before_and_after)


def meanwhile(row: User | Organisation, seen: int) -> list[AuditEntry | PlatformAuditEntry]:
    """The entries of the changes to `row` since its number `seen`, newest first, at most MOST_SHOWN."""
    keeper, kind = _keeper(row), "user" if isinstance(row, User) else "organisation"
    entries: models.QuerySet = (
        AuditEntry.objects.filter(org_id=keeper) if keeper else PlatformAuditEntry.objects
    )
    entries = (
        entries.filter(kind=kind, object_id=row.id).exclude(action__in=NO_CHANGES).order_by("-at", "-id")
    )
    return list(entries[: min(max(row.change_number - seen, 0), MOST_SHOWN)])


def _keeper(row: User | Organisation) -> str | None:
    return row.org_id if isinstance(row, User) else row.id
