"""How a policy is stored: the row, its revision, its rights, the audit entry, and its elements for gateways.

Everything here is called by keys.policies.lifecycle, under the organisation's lock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from apis.definitions.pointer import Problem
from apis.models import ApiDefinition
from keys.models import Policy, PolicyRevision, PolicyRight
from keys.policies import conflicts, document, serving
from keys.policies.refusals import Invalid, Taken
from orgs.audit import log
from orgs.models import Organisation, User
from orgs.organisations import limits

# What the audit log says of a policy: not its metadata, which may hold an upstream's credentials.
_FACTS = ("revision", "name", "policy_id", "state")
SAME_NAME = Problem("/name", "is the name of another policy of this organisation")


@dataclass(frozen=True)
class Stored:
    """A policy that is stored; what gateways and others hear of it comes once for all (`announce`). changed: whether
    its elements are; grown: how many more there are; claiming: whether it has an id that it had not."""

    policy: Policy
    changed: int = 0
    grown: int = 0
    claiming: bool = False


def describe(policy: Policy, given: Mapping[str, Any], present: Mapping[str, Any] | None = None) -> None:
    """Put a document in its one form into the row, and what the row repeats of it."""
    now = timezone.now()
    stored = document.normal_form(
        given, id=policy.id, org_id=policy.org_id, updated=int(now.timestamp()), present=present
    )
    policy.document = stored
    policy.updated_at = now
    policy.policy_id = document.resolves_as(stored)
    policy.name = stored["name"]
    policy.state = stored["state"]
    policy.tags = stored["tags"]
    policy.grants_rights = document.grants_rights(stored)
    policy.key_expires_in = stored["key_expires_in"]
    policy.size = len(policy.document_text.encode())


def store(
    policy: Policy,
    organisation: Organisation,
    apis: Mapping[str, ApiDefinition],
    author: User | None,
    message: str,
    *,
    action: str,
    before: dict | None = None,
    claiming: bool,
) -> Stored:
    """Store a policy of this organisation."""
    _refuse_more(organisation, policy)
    if claiming and conflicts.id_is_taken(policy):
        raise Taken
    if Policy.objects.filter(org_id=policy.org_id, name=policy.name).exclude(id=policy.id).exists():
        raise Invalid([SAME_NAME])
    write(policy, author, message, action=action, before=before)
    _write_rights(policy, apis)
    changed, grown = serving.serve(policy.org_id, [policy])
    return Stored(policy, changed, grown, claiming)


def announce(stored: Sequence[Stored]) -> None:
    """Number the list anew, once for each organisation that changed it. What is claimed is looked for again under the
    list's lock, for others may have stored one since."""
    if not any(each.changed or each.claiming for each in stored):
        return
    row = serving.lock()
    for org_id in sorted({each.policy.org_id for each in stored}):
        own = [each for each in stored if each.policy.org_id == org_id]
        claims = {id for each in own if each.claiming for id in (each.policy.id, each.policy.policy_id)}
        if claims and conflicts.strangers_have(org_id, claims):
            raise Taken
        if changed := [each for each in own if each.changed]:
            grown = sum(each.grown for each in changed)
            serving.renew(row, grown, org_id=org_id, subject=changed[0].policy.id)


def write(policy: Policy, author: User | None, message: str, *, action: str, before: dict | None) -> None:
    """Write the row, its next revision, and the audit entry."""
    policy.revision += 1
    policy.save(force_insert=policy._state.adding)
    author_id, author_name = log.whoever(author)
    PolicyRevision.objects.create(
        org_id=policy.org_id,
        policy_row_id=policy.id,
        policy_id=policy.policy_id,
        number=policy.revision,
        document_text=policy.document_text,
        author_id=author_id,
        author=author_name,
        message=message[:500],
        created_at=policy.updated_at,
    )
    log.record(
        action,
        "policy",
        policy.id,
        policy.name,
        actor=author,
        org=policy.org_id,
        before=before,
        after=facts(policy),
    )


def facts(policy: Policy) -> dict[str, Any]:
    """What an audit entry says of a policy."""
    return {name: getattr(policy, name) for name in _FACTS} | {"apis": document.opened_apis(policy.document)}


def _write_rights(policy: Policy, apis: Mapping[str, ApiDefinition]) -> None:
    rights = PolicyRight.objects.filter(org_id=policy.org_id, policy=policy)
    there = set(rights.values_list("api_id", flat=True))
    wanted = {api.id: api for api in apis.values()}
    rights.filter(api_id__in=there - wanted.keys()).delete()
    PolicyRight.objects.bulk_create(
        PolicyRight(org_id=policy.org_id, policy=policy, api=api)
        for id, api in wanted.items()
        if id not in there
    )


def _refuse_more(organisation: Organisation, policy: Policy) -> None:
    """Refuse what grows over a limit. One that was lowered below what there is hinders nobody from having less."""
    others = Policy.objects.filter(org_id=policy.org_id).exclude(id=policy.id)
    there = others.aggregate(number=Count("id"), size=Coalesce(Sum("size"), 0))
    if policy._state.adding:
        limits.refuse_more(organisation, "max_policies", there["number"] + 1)
    present = (
        Policy.objects.filter(org_id=policy.org_id, id=policy.id).values_list("size", flat=True).first() or 0
    )
    if policy.size > present:
        limits.refuse_more(organisation, "max_policies_bytes", there["size"] + policy.size)
