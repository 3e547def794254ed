"""The organisation's row as the first lock of every change to what it owns.

Locks are taken in one order: organisation, APIs, policies, keys, feed. The feed is every organisation's, so it comes
last and is held for the end of a change alone (apis.publishing.serving). A change that began before an organisation is
deleted is thus finished before and withdrawn with the rest; one that comes later is refused.
"""

from orgs.models import Organisation
from orgs.refusals import Missing


class Departed(Missing):
    """The organisation is deleted, or there never was one: nothing of it is made or changed."""


def lock(org_id: str) -> Organisation:
    """The organisation as it is now, locked until the transaction ends against others that change what it owns.

    To be called before any other lock. Rows that refer to the organisation can be inserted meanwhile. Raises Departed.
    A disabled organisation is not a deleted one.
    """
    return _present(Organisation.everyone.select_for_update(no_key=True), org_id)


def lock_alone(org_id: str) -> Organisation:
    """The same for deleting it: nothing that refers to it is inserted meanwhile. Raises Departed."""
    return _present(Organisation.everyone.select_for_update(), org_id)


def _present(rows, org_id: str) -> Organisation:
    found = rows.filter(pk=org_id).first()
    if found is None or found.deleted_at is not None:
        raise Departed(org_id)
    return found
