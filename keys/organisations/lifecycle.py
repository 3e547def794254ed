"""Writing and deleting organisation keys: row, audit entry and message in the caller's transaction, the row's lock
after its organisation's."""

from typing import Any

from django.utils import timezone

from apis.gateways import outbox
from keys.models import OrganisationKey
from keys.organisations.delivery import KIND
from orgs import refusals
from orgs.audit import log
from orgs.organisations import locks


class Stale(refusals.Stale):
    """Somebody else changed the key since it was looked at."""

    def __init__(self, org_id: str):
        super().__init__(f"the key of {org_id} was changed meanwhile")


class Missing(refusals.Missing):
    """The organisation has no key."""

    def __init__(self, org_id: str):
        super().__init__(org_id)

    def for_machines(self) -> str:
        return "Org not found"  # Tyk's words


def put(
    org_id: str, members: dict[str, Any], *, reset_quota: bool = False, expected: int | None = None
) -> OrganisationKey:
    """Make the key of an organisation what `members` say, whether or not it has one. expected: the change number that
    was seen, 0 that there was none, None whatever there is. Raises Stale, Departed."""
    organisation = locks.lock(org_id)
    row = _locked(org_id) or OrganisationKey(org_id=org_id, change_number=0)
    if expected not in (None, row.number):
        raise Stale(org_id)
    before = row.members if row.number else {}
    if row.number and before == members and not reset_quota:
        return row
    row.members, row.ended_at, row.updated_at = members, None, timezone.now()
    row.change_number += 1
    row.save()
    log.record(
        "organisation.key_changed",
        "organisation",
        org_id,
        organisation.owner_name,
        org=org_id,
        before=before,
        after=members,
    )
    outbox.add(KIND, org_id, {"reset_quota": True} if reset_quota else None, org_id=org_id)
    return row


def end(org_id: str, *, expected: int | None = None) -> None:
    """The organisation has no key any more. Raises Missing, Stale, Departed."""
    organisation = locks.lock(org_id)
    row = _locked(org_id)
    if row is None or not row.number:
        raise Missing(org_id)
    if expected not in (None, row.number):
        raise Stale(org_id)
    before, row.members = row.members, {}
    row.ended_at = row.updated_at = timezone.now()
    row.change_number += 1
    row.save()
    log.record(
        "organisation.key_ended",
        "organisation",
        org_id,
        organisation.owner_name,
        org=org_id,
        before=before,
        after={},
    )
    outbox.add(KIND, org_id, org_id=org_id)


def _locked(org_id: str) -> OrganisationKey | None:
    return OrganisationKey.objects.select_for_update().filter(org_id=org_id).first()
