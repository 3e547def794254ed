"""Which references to the gateway's host an organisation may use: allowed and withdrawn by super-users, each with its
audit entry. A gateway puts values of its host in the place of such a text, for whoever published the definition.

What is published stays as it is when a reference is withdrawn; the next change of it is refused.
"""

from collections.abc import Collection

from django.db import transaction

from apis.models import AllowedReference
from orgs import refusals
from orgs.audit import log
from orgs.models import User
from orgs.organisations import locks

MOST = 200


class Full(refusals.Invalid):
    """An organisation has as many as it may have."""


def among(org_id: str, texts: Collection[str]) -> frozenset[str]:
    """Those of `texts` that an organisation may use, letter by letter."""
    return frozenset(
        AllowedReference.objects.filter(org_id=org_id, text__in=list(texts)).values_list("text", flat=True)
    )


@transaction.atomic
def allow(org_id: str, text: str, *, author: User) -> AllowedReference:
    """Let an organisation use a text. Raises Full, Departed."""
    locks.lock(org_id)
    own = AllowedReference.objects.filter(org_id=org_id)
    if present := own.filter(text=text).first():
        return present
    if own.count() >= MOST:
        raise Full(f"An organisation may use {MOST} references at most")
    row = AllowedReference.objects.create(org_id=org_id, text=text, author=author.email)
    log.record("reference.allowed", "reference", row.id, text, actor=author, org=org_id)
    return row


@transaction.atomic
def withdraw(org_id: str, id: str, *, author: User) -> None:
    """Take one back; one that is gone stays gone. Raises Departed."""
    locks.lock(org_id)
    row = AllowedReference.objects.filter(org_id=org_id, id=id).first()
    if row:
        row.delete()
        log.record("reference.withdrawn", "reference", id, row.text, actor=author, org=org_id)
