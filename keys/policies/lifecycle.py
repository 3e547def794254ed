"""Making and changing policies: one transaction holds the row, its revision, the audit entry, the bytes for gateways,
and the message.

Everybody who changes a policy comes through here: pages, REST, commands. The caller has entered a scope. Locks are
taken in the order of orgs.organisations.locks; policies come between APIs and keys.
"""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Count, JSONField, Sum, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from apis.definitions.document import faithful
from apis.definitions.pointer import Problem, child
from apis.gateways import outbox
from apis.models import ApiDefinition
from keys.keys.delivery import AGAIN
from keys.keys.parameters import no_such_api
from keys.models import KeyPolicy, Policy, PolicyRevision, PolicyRight
from keys.policies import conflicts, document, serving
from keys.policies.refusals import AlreadyMade, Deleted, Invalid, Stale, Taken
from orgs.audit import log
from orgs.http.strict_json import BadJson
from orgs.ids import new_id
from orgs.models import Organisation, User
from orgs.organisations import limits, locks

# What the audit log says of a policy: not its metadata, which may hold an upstream's credentials.
_FACTS = ("revision", "name", "policy_id", "state")
SAME_NAME = Problem("/name", "is the name of another policy of this organisation")


@transaction.atomic
def create(
    org_id: str,
    wanted: object,
    *,
    author: User | None,
    message: str = "",
    form_token: str | None = None,
) -> Policy:
    """Store a new policy of an organisation. wanted: Tyk's policy object; its `_id` and `id` are kept if it has them.

    author: the User, or None for the command line. Raises Invalid, Taken, AlreadyMade, Departed, LimitReached.
    """
    given = _sound(wanted)
    organisation = locks.lock(org_id)
    made = Policy.objects.filter(org_id=org_id, form_token=form_token).first() if form_token else None
    if made is not None:
        raise AlreadyMade(made)
    policy = Policy(id=_own_id(given), org_id=org_id, revision=0, size=0, form_token=form_token)
    apis = _own_apis(org_id, given)
    _describe(policy, given)
    _store(policy, organisation, apis, author, message or "Created", action="policy.created", claiming=True)
    return policy


@transaction.atomic
def change(
    policy: Policy, wanted: object, *, author: User | None, message: str = "", expected: int | None = None
) -> Policy:
    """Store a new revision and answer the Policy; without a difference nothing happens.

    expected: the revision number that the author saw; None overwrites whatever is there. An absent `id` keeps the
    present one. Raises Invalid, Taken, Stale, Deleted, Departed, LimitReached.
    """
    given = _sound(wanted)
    organisation = locks.lock(policy.org_id)
    apis = _own_apis(policy.org_id, given)
    policy = _locked(policy)
    _refuse_stale(policy, expected)
    before, present = _facts(policy), policy.document
    named = policy.policy_id
    _describe(policy, given, present)
    if document.same(policy.document, present):
        return policy
    claiming = policy.policy_id != named
    _store(
        policy, organisation, apis, author, message, action="policy.changed", before=before, claiming=claiming
    )
    return policy


@transaction.atomic
def delete(policy: Policy, *, author: User | None, expected: int | None = None) -> None:
    """Delete a policy; its revisions and audit entries stay. Keys that have it lose it: one with no other opens what
    its own rights name, or nothing. Raises Stale, Deleted, Departed."""
    locks.lock(policy.org_id)
    policy = _locked(policy)
    _refuse_stale(policy, expected)
    having = KeyPolicy.objects.filter(org_id=policy.org_id, policy=policy)
    keys = having.filter(key__revoked_at=None).values_list("key_id", Value(None, output_field=JSONField()))
    outbox.add_chunks(AGAIN, keys, {}, org_id=policy.org_id)
    having.delete()
    log.record(
        "policy.deleted",
        "policy",
        policy.id,
        policy.name,
        actor=author,
        org=policy.org_id,
        before=_facts(policy),
    )
    withdrawn = serving.withdraw(policy.org_id, [policy])
    subject = policy.id
    policy.delete()
    serving.renew(serving.lock(), -withdrawn, org_id=policy.org_id, subject=subject)


def follow(org_id: str, api_id: str, what: str, **_: object) -> None:
    """An API of the organisation is about to be "removed" (apis.publishing.events.api_set_changed): policies that name
    it name it no longer."""
    if what != "removed":
        return
    named = PolicyRight.objects.filter(org_id=org_id, api__api_id=api_id, api__org_id=org_id)
    policies = list(
        Policy.objects.filter(org_id=org_id, id__in=named.values("policy_id"))
        .order_by("id")
        .select_for_update(no_key=True)
    )
    if not policies:
        return
    named.delete()
    for policy in policies:
        before = _facts(policy)
        _describe(policy, document.without_apis(policy.document, {api_id}), policy.document)
        _write(policy, None, f"API {api_id} is deleted", action="policy.changed", before=before)
    changed, grown = serving.serve(org_id, policies)
    if changed:
        serving.renew(serving.lock(), grown, org_id=org_id, subject=policies[0].id)


def depart(organisation: Organisation, **_: object) -> None:
    """The organisation is being deleted (apis.publishing.events.apis_departing): its policies end with it, after its
    keys."""
    policies = list(Policy.objects.filter(org_id=organisation.id).order_by("id"))
    if not policies:
        return
    KeyPolicy.objects.filter(org_id=organisation.id).delete()
    PolicyRight.objects.filter(org_id=organisation.id).delete()
    withdrawn = serving.withdraw(organisation.id, policies)
    for policy in policies:
        log.record(
            "policy.deleted", "policy", policy.id, policy.name, org=organisation.id, before=_facts(policy)
        )
    Policy.objects.filter(org_id=organisation.id).delete()
    serving.renew(serving.lock(), -withdrawn, org_id=organisation.id, subject=organisation.id)


def _sound(wanted: object) -> dict[str, Any]:
    """A document without faults, as a reader of its text would see it. Raises Invalid."""
    try:
        given = faithful(wanted)
    except BadJson as error:
        raise Invalid([Problem("", f"must be a JSON object: {error}")]) from None
    if found := document.problems(given):
        raise Invalid(found)
    assert isinstance(given, dict)  # noqa: S101  `problems` has said so
    return given


def _own_id(given: Mapping[str, Any]) -> str:
    """The row's id: the one the document has, as gateways and clients write it, or a new one."""
    own = given.get("_id") or ""
    own = own.get("$oid", "") if isinstance(own, dict) else own
    return own.lower() or (given["id"] if is_row_id(given.get("id")) else new_id())


def is_row_id(id: object) -> bool:
    """Whether a document's `id` can be its row's id too, so that gateways of every version know it by one name."""
    return isinstance(id, str) and document.is_hex_id(id) and id == id.lower()


def _own_apis(org_id: str, given: Mapping[str, Any]) -> dict[str, ApiDefinition]:
    """The APIs that a document names, by API id, locked so that none is deleted before the rights are committed."""
    wanted = document.opened_apis(given)
    own = ApiDefinition.objects.select_for_update(no_key=True, of=("self",)).filter(
        org_id=org_id, api_id__in=wanted
    )
    apis = {api.api_id: api for api in own.only("id", "org_id", "api_id", "name").order_by("api_id")}
    if missing := sorted(set(wanted) - apis.keys()):
        raise Invalid([Problem(child("/access_rights", api_id), no_such_api(api_id)) for api_id in missing])
    return apis


def _locked(policy: Policy) -> Policy:
    now = Policy.objects.select_for_update(no_key=True).filter(org_id=policy.org_id, id=policy.id).first()
    if now is None:
        raise Deleted
    return now


def _refuse_stale(policy: Policy, expected: int | None) -> None:
    if expected not in (None, policy.revision):
        raise Stale(policy)


def _describe(policy: Policy, given: Mapping[str, Any], present: Mapping[str, Any] | None = None) -> None:
    """Put a document in its one form into the row, and what the row repeats of it."""
    now = timezone.now()
    normal = document.normal_form(
        given, id=policy.id, org_id=policy.org_id, updated=int(now.timestamp()), present=present
    )
    policy.document = normal
    policy.updated_at = now
    policy.policy_id = document.resolves_as(normal)
    policy.name = normal["name"]
    policy.state = normal["state"]
    policy.tags = normal["tags"]
    policy.grants_rights = document.grants_rights(normal)
    policy.key_expires_in = normal["key_expires_in"]
    policy.size = len(policy.document_text.encode())


def _refuse_taken(policy: Policy) -> None:
    if conflicts.id_is_taken(policy):
        raise Taken


def _store(
    policy: Policy,
    organisation: Organisation,
    apis: Mapping[str, ApiDefinition],
    author: User | None,
    message: str,
    *,
    action: str,
    before: dict | None = None,
    claiming: bool,
) -> None:
    """Store a policy of this organisation; what it claims is looked for again under the list's lock, for others may
    have stored one since."""
    _refuse_more(organisation, policy)
    if claiming:
        _refuse_taken(policy)
    if Policy.objects.filter(org_id=policy.org_id, name=policy.name).exclude(id=policy.id).exists():
        raise Invalid([SAME_NAME])
    _write(policy, author, message, action=action, before=before)
    _write_rights(policy, apis)
    changed, grown = serving.serve(policy.org_id, [policy])
    if not (changed or claiming):
        return
    row = serving.lock()
    if claiming:
        _refuse_taken(policy)
    if changed:
        serving.renew(row, grown, org_id=policy.org_id, subject=policy.id)


def _write(policy: Policy, author: User | None, message: str, *, action: str, before: dict | None) -> None:
    policy.revision += 1
    policy.save(force_insert=policy.revision == 1)
    PolicyRevision.objects.create(
        org_id=policy.org_id,
        policy_row_id=policy.id,
        policy_id=policy.policy_id,
        number=policy.revision,
        document_text=policy.document_text,
        author_id=author.id if author else "",
        author=author.email if author else "command line",
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
        after=_facts(policy),
    )


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
    if policy.revision == 0:
        limits.refuse_more(organisation, "max_policies", there["number"] + 1)
    present = (
        Policy.objects.filter(org_id=policy.org_id, id=policy.id).values_list("size", flat=True).first() or 0
    )
    if policy.size > present:
        limits.refuse_more(organisation, "max_policies_bytes", there["size"] + policy.size)


def _facts(policy: Policy) -> dict[str, Any]:
    return {name: getattr(policy, name) for name in _FACTS} | {"apis": document.opened_apis(policy.document)}
