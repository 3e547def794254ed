"""Whose a domain is: given and taken away by super-users, each with its audit entry.

On a domain of its own an organisation may have any listen path, and nobody else any. That is looked for where APIs are
published (apis.publishing.conflicts), last under the feed's lock, which is therefore taken here too.
"""

from django.db import transaction

from apis.domains.names import host
from apis.models import ApiDefinition, Domain
from apis.publishing import conflicts, serving
from orgs import refusals
from orgs.audit import log
from orgs.models import Organisation, User
from orgs.organisations import locks

MOST = 200


class Anothers(refusals.Invalid):
    """Another organisation has the domain, or APIs on it."""


class Full(refusals.Invalid):
    """An organisation has as many as it may have."""


class Used(refusals.InUse):
    """APIs of the organisation listen on the domain."""


@transaction.atomic
def give(org_id: str, name: str, *, author: User | None) -> Domain:
    """Give a host name to an organisation; what it has, it has. author: the User, None for the Admin API and the
    command line. Raises Anothers, Full, Departed."""
    locks.lock(org_id)
    serving.lock_feed()
    if owner := conflicts.owners_of([name]).get(name):
        if owner != org_id:
            theirs = Organisation.everyone.get(pk=owner).owner_name
            raise Anothers(f"{name} is a domain of {theirs}: take it away from there first.", "name")
        return Domain.objects.get(org_id=org_id, name=name)
    if conflicts.is_used_by_strangers(name, org_id):
        raise Anothers(f"APIs of another organisation listen on {name}.", "name")
    if Domain.objects.filter(org_id=org_id).count() >= MOST:
        raise Full(f"An organisation may have {MOST} domains at most.")
    row = Domain.objects.create(org_id=org_id, name=name, author=author.email if author else "")
    log.record("domain.given", "domain", row.id, name, actor=author, org=org_id)
    return row


@transaction.atomic
def take_away(org_id: str, id: str, *, author: User | None) -> str:
    """Take a domain away and answer its name; of one that is gone "". author: as for giving. Raises Used, Departed."""
    locks.lock(org_id)
    row = Domain.objects.filter(org_id=org_id, id=id).first()
    if row is None:
        return ""
    if ApiDefinition.objects.filter(org_id=org_id, claimed_domain=row.name).exists():
        raise Used(f"APIs of this organisation listen on {row.name}: move or delete them first.")
    row.delete()
    log.record("domain.taken-away", "domain", id, row.name, actor=author, org=org_id)
    return row.name


def follow(organisation: Organisation, actor: User | None, **_: object) -> None:
    """Give an organisation the custom domain that Tyk's clients know (orgs.organisations.events.domain_named). One that
    is another's already, or used, is no domain of this one: several may have the same custom domain."""
    name = host(organisation.cname)
    try:
        if name:
            give(organisation.id, name, author=actor)
    except (Anothers, Full):
        return
