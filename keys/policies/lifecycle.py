"""Making and changing policies: one transaction holds the row, its revision, the audit entry, the bytes for gateways,
and the message.

Everybody who changes a policy comes through here: pages, REST, commands. The caller has entered a scope. Locks are
taken in the order of orgs.organisations.locks; policies come between APIs and keys.
"""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import JSONField, Max, Value

from apis.definitions.document import faithful
from apis.definitions.pointer import Problem, child
from apis.gateways import outbox
from apis.models import ApiDefinition
from keys.keys.delivery import AGAIN
from keys.keys.parameters import no_such_api
from keys.models import KeyPolicy, OAuthClient, Policy, PolicyRevision, PolicyRight
from keys.policies import document, serving, storing
from keys.policies.refusals import AlreadyMade, Deleted, Invalid, Stale, Taken, UsedByClients
from orgs.audit import log
from orgs.http.strict_json import BadJson
from orgs.ids import new_id
from orgs.models import Organisation, User
from orgs.organisations import locks


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

    author: the User, by default the request's; without a request the command line. Raises Invalid, Taken, AlreadyMade,
    Departed, LimitReached.
    """
    given = _sound(wanted)
    organisation = locks.lock(org_id)
    made = Policy.objects.filter(org_id=org_id, form_token=form_token).first() if form_token else None
    if made is not None:
        raise AlreadyMade(made)
    stored = _create(organisation, given, author, message or "Created", form_token)
    storing.announce([stored])
    return stored.policy


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
    stored = _change(organisation, policy, given, author, message, expected=expected)
    storing.announce([stored])
    return stored.policy


@transaction.atomic
def bring(wanted: Mapping[str, tuple[str, object]], *, message: str = "Imported") -> list[Policy]:
    """Store policies of several organisations, or none: each is a new one, or if its organisation has one of its `_id`
    or `id`, another revision of that.

    wanted: (organisation's id, Tyk's policy object) by a JSON pointer, which is said where one is refused. Raises as
    `create` does.
    """
    # All of these before the list's own lock; in one order, as others might bring some of the same.
    organisations = {
        org_id: locks.lock(org_id) for org_id in sorted({org_id for org_id, _ in wanted.values()})
    }
    stored = []
    for pointer, (org_id, each) in wanted.items():
        try:
            stored.append(_bring(organisations[org_id], _sound(each), message))
        except Invalid as refused:
            raise Invalid(
                [Problem(pointer + fault.pointer, fault.message) for fault in refused.problems]
            ) from None
        except Taken:
            raise Taken(pointer) from None
    storing.announce(stored)
    return [each.policy for each in stored]


@transaction.atomic
def delete(policy: Policy, *, author: User | None, expected: int | None = None) -> None:
    """Delete a policy; its revisions and audit entries stay. Keys that have it lose it: one with no other opens what
    its own rights name, or nothing. Raises Stale, Deleted, UsedByClients, Departed."""
    locks.lock(policy.org_id)
    policy = _locked(policy)
    _refuse_stale(policy, expected)
    if clients := OAuthClient.objects.filter(org_id=policy.org_id, policy=policy).count():
        raise UsedByClients(clients)
    _deliver_again(policy)
    KeyPolicy.objects.filter(org_id=policy.org_id, policy=policy).delete()
    log.record(
        "policy.deleted",
        "policy",
        policy.id,
        policy.name,
        actor=author,
        org=policy.org_id,
        before=storing.facts(policy),
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
        before = storing.facts(policy)
        storing.describe(policy, document.without_apis(policy.document, {api_id}), policy.document)
        storing.write(policy, None, f"API {api_id} is deleted", action="policy.changed", before=before)
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
            "policy.deleted",
            "policy",
            policy.id,
            policy.name,
            org=organisation.id,
            before=storing.facts(policy),
        )
    Policy.objects.filter(org_id=organisation.id).delete()
    serving.renew(serving.lock(), -withdrawn, org_id=organisation.id, subject=organisation.id)


def _create(
    organisation: Organisation,
    given: Mapping[str, Any],
    author: User | None,
    message: str,
    form_token: str | None = None,
) -> storing.Stored:
    id = _own_id(given)
    # An id that is used again goes on with the revisions there were.
    past = PolicyRevision.objects.filter(org_id=organisation.id, policy_row_id=id).aggregate(
        last=Max("number")
    )
    policy = Policy(id=id, org_id=organisation.id, revision=past["last"] or 0, size=0, form_token=form_token)
    apis = _own_apis(organisation.id, given)
    storing.describe(policy, given)
    return storing.store(policy, organisation, apis, author, message, action="policy.created", claiming=True)


def _change(
    organisation: Organisation,
    policy: Policy,
    given: Mapping[str, Any],
    author: User | None,
    message: str,
    *,
    expected: int | None = None,
) -> storing.Stored:
    apis = _own_apis(policy.org_id, given)
    policy = _locked(policy)
    _refuse_stale(policy, expected)
    before, present = storing.facts(policy), policy.document
    named, granted = policy.policy_id, policy.grants_rights
    storing.describe(policy, given, present)
    if document.same(policy.document, present):
        return storing.Stored(policy)
    if granted and not policy.grants_rights:
        # Where policies only limit, gateways of 3.0 go by the rights that they wrote into the session before.
        _deliver_again(policy)
    claiming = policy.policy_id != named
    return storing.store(
        policy, organisation, apis, author, message, action="policy.changed", before=before, claiming=claiming
    )


def _bring(organisation: Organisation, given: Mapping[str, Any], message: str) -> storing.Stored:
    own = Policy.objects.filter(org_id=organisation.id)
    there = own.filter(id=_own_id(given)).first()
    if there is None and given.get("id") and not given.get("_id"):
        there = own.filter(policy_id=given["id"]).first()
    if there is not None:
        return _change(organisation, there, given, None, message)
    return _create(organisation, given, None, message)


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


def _deliver_again(policy: Policy) -> None:
    """Have the sessions of all living keys with the policy written anew, in one statement."""
    having = KeyPolicy.objects.filter(org_id=policy.org_id, policy=policy, key__revoked_at=None)
    keys = having.values_list("key_id", Value(None, output_field=JSONField()))
    outbox.add_chunks(AGAIN, keys, {}, org_id=policy.org_id)


def _locked(policy: Policy) -> Policy:
    now = Policy.objects.select_for_update(no_key=True).filter(org_id=policy.org_id, id=policy.id).first()
    if now is None:
        raise Deleted
    return now


def _refuse_stale(policy: Policy, expected: int | None) -> None:
    if expected not in (None, policy.revision):
        raise Stale(policy)
