"""Making and changing policies: one transaction holds the row, its revision, the audit entry, the bytes for gateways,
and the message.

Everybody who changes a policy comes through here: pages, REST, commands. The caller has entered a scope. Locks are
taken in the order of orgs.organisations.locks; policies come between APIs and keys.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import JSONField, Max, Q, Value

from apis.definitions.document import faithful
from apis.definitions.pointer import Problem, child
from apis.gateways import outbox
from apis.models import ApiDefinition
from apis.publishing.serving import serve_naming
from keys.keys.delivery import AGAIN
from keys.keys.parameters import no_such_api
from keys.models import KeyPolicy, OAuthClient, Policy, PolicyRevision, PolicyRight
from keys.policies import document, serving, storing
from keys.policies.refusals import AlreadyMade, Deleted, Invalid, Stale, Taken, UsedByClients
from keys.policies.render import DERIVED
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
    apis = _own_apis(org_id, {"": given})
    policies = _new(org_id, {"": given}, form_token)
    storing.announce(
        [_store(organisation, policies, {"": given}, apis, author=author, message=message or "Created")]
    )
    return policies[""]


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
    apis = _own_apis(policy.org_id, {"": given})
    policy = _locked(policy)
    _refuse_stale(policy, expected)
    storing.announce([_store(organisation, {"": policy}, {"": given}, apis, author=author, message=message)])
    return policy


@transaction.atomic
def bring(wanted: Mapping[str, tuple[str, object]], *, message: str = "Imported") -> list[Policy]:
    """Store policies of several organisations, or none: each is a new one, or if its organisation has one of its `_id`
    or `id`, another revision of that. A number of statements for each organisation, however many policies.

    wanted: (organisation's id, Tyk's policy object) by a JSON pointer, which is said of each that is refused. An id is
    given once. Raises as `create` does.
    """
    brought, stored = store(wanted, author=None, message=message)
    storing.announce(stored)
    return [brought[pointer] for pointer in wanted]


def store(
    wanted: Mapping[str, tuple[str, object]], *, author: User | None, message: str
) -> tuple[dict[str, Policy], list[storing.Stored]]:
    """The same but for what is done under locks for which everybody waits, `storing.announce`, which has to follow in
    the same transaction; one in which this raises is to be taken back. The policies by their pointers, and what was
    stored of them."""
    given = _all_sound(wanted)
    # All of these before the list's own lock; in one order, as others might bring some of the same.
    organisations = [locks.lock(org_id) for org_id in sorted({org_id for org_id, _ in wanted.values()})]
    brought, stored = {}, []
    for organisation in organisations:
        own = {pointer: given[pointer] for pointer in wanted if wanted[pointer][0] == organisation.id}
        apis = _own_apis(organisation.id, own)
        there = _present(organisation.id, own)
        policies = there | _new(
            organisation.id, {pointer: own[pointer] for pointer in own if pointer not in there}
        )
        stored.append(_store(organisation, policies, own, apis, author=author, message=message))
        brought |= policies
    return brought, stored


@transaction.atomic
def delete(policy: Policy, *, author: User | None, expected: int | None = None) -> None:
    """Delete a policy; its revisions and audit entries stay. Keys that have it lose it: one with no other opens what
    its own rights name, or nothing. Raises Stale, Deleted, UsedByClients, Departed."""
    locks.lock(policy.org_id)
    policy = _locked(policy)
    _refuse_stale(policy, expected)
    if clients := OAuthClient.objects.filter(org_id=policy.org_id, policy=policy).count():
        raise UsedByClients(clients)
    _take_from_keys(policy, author)
    storing.record_deleted(policy.org_id, [policy], author)
    withdrawn = serving.withdraw(policy.org_id, [policy])
    subject, names = policy.id, {policy.id, policy.policy_id}
    policy.delete()
    apis = serve_naming(policy.org_id, names)
    serving.renew(serving.lock(), -withdrawn, org_id=policy.org_id, subject=subject, apis=apis)


def follow(org_id: str, api_ids: Sequence[str], what: str, **_: object) -> Callable[[], object] | None:
    """APIs of the organisation are about to be "removed" (apis.publishing.events.api_set_changed): policies that name
    them name them no longer. The answer is what is to be done once all else is."""
    if what != "removed":
        return None
    named = PolicyRight.objects.filter(org_id=org_id, api__api_id__in=api_ids, api__org_id=org_id)
    policies = list(
        Policy.objects.filter(org_id=org_id, id__in=named.values("policy_id"))
        .order_by("id")
        .select_for_update(no_key=True)
    )
    if not policies:
        return None
    named.delete()
    gone = set(api_ids)
    drafts = [storing.draft(policy, document.without_apis(policy.document, gone)) for policy in policies]
    storing.write(org_id, [draft for draft in drafts if draft], None, _deleted(api_ids))
    changed, grown = serving.serve(org_id, policies)
    if not changed:
        return None
    return lambda: serving.renew(serving.lock(), grown, org_id=org_id, subject=policies[0].id)


def _deleted(api_ids: Sequence[str]) -> str:
    what = "API" if len(api_ids) == 1 else "APIs"
    return f"{what} {', '.join(api_ids)} {'is' if len(api_ids) == 1 else 'are'} deleted"


def depart(organisation: Organisation, **_: object) -> None:
    """The organisation is being deleted (apis.publishing.events.apis_departing): its policies end with it, after its
    keys."""
    policies = list(Policy.objects.filter(org_id=organisation.id).order_by("id"))
    if not policies:
        return
    KeyPolicy.objects.filter(org_id=organisation.id).delete()
    PolicyRight.objects.filter(org_id=organisation.id).delete()
    withdrawn = serving.withdraw(organisation.id, policies)
    storing.record_deleted(organisation.id, policies)
    Policy.objects.filter(org_id=organisation.id).delete()
    serving.renew(serving.lock(), -withdrawn, org_id=organisation.id, subject=organisation.id)


def _store(
    organisation: Organisation,
    policies: Mapping[str, Policy],
    given: Mapping[str, Mapping[str, Any]],
    apis: Mapping[str, ApiDefinition],
    *,
    author: User | None,
    message: str,
) -> storing.Stored:
    """Store what is given for each of these policies of one organisation, both by the same pointer."""
    drafts = [
        draft
        for pointer, policy in policies.items()
        if (draft := storing.draft(policy, given[pointer], pointer)) is not None
    ]
    # Where policies only limit, gateways of 3.0 go by the rights that they wrote into the session before.
    if closing := [draft.policy for draft in drafts if draft.granted and not draft.policy.grants_rights]:
        _deliver_again(organisation.id, closing)
    return storing.store(organisation, drafts, apis, author, message)


def _new(
    org_id: str, given: Mapping[str, Mapping[str, Any]], form_token: str | None = None
) -> dict[str, Policy]:
    """A row that is not stored yet for each document, by its pointer. Raises Invalid for an id that none may have."""
    ids = {pointer: _named_id(each) or new_id() for pointer, each in given.items()}
    if reserved := [pointer for pointer, id in ids.items() if id.startswith(DERIVED)]:
        raise Invalid([Problem(f"{pointer}/_id", f"must not begin with {DERIVED}") for pointer in reserved])
    # An id that is used again goes on with the revisions there were.
    past = PolicyRevision.objects.filter(org_id=org_id, policy_row_id__in=ids.values())
    last = dict(past.values_list("policy_row_id").annotate(Max("number")))
    return {
        pointer: Policy(id=id, org_id=org_id, revision=last.get(id, 0), size=0, form_token=form_token)
        for pointer, id in ids.items()
    }


def _present(org_id: str, given: Mapping[str, Mapping[str, Any]]) -> dict[str, Policy]:
    """The policies that are there already, locked, by the pointers of the documents which mean them. Raises Taken where
    several mean one."""
    named = {pointer: _named_id(each) for pointer, each in given.items()}
    known_as = {
        pointer: each["id"] for pointer, each in given.items() if each.get("id") and not each.get("_id")
    }
    own = Policy.objects.select_for_update(no_key=True).filter(org_id=org_id)
    rows = list(own.filter(Q(id__in=named.values()) | Q(policy_id__in=known_as.values())).order_by("id"))
    by_id, by_policy_id = {row.id: row for row in rows}, {row.policy_id: row for row in rows}
    found = {
        pointer: by_id.get(named[pointer]) or by_policy_id.get(known_as.get(pointer)) for pointer in given
    }
    there = {pointer: row for pointer, row in found.items() if row is not None}
    first = {row.id: pointer for pointer, row in reversed(there.items())}
    if twice := [pointer for pointer, row in there.items() if first[row.id] != pointer]:
        raise Taken(twice)
    return there


def _all_sound(wanted: Mapping[str, tuple[str, object]]) -> dict[str, dict[str, Any]]:
    """The documents without faults, by pointer. Raises Invalid with the faults of all."""
    sound, found = {}, []
    for pointer, (_, each) in wanted.items():
        try:
            sound[pointer] = _sound(each)
        except Invalid as refused:
            found += [fault._replace(pointer=pointer + fault.pointer) for fault in refused.problems]
    if found:
        raise Invalid(found)
    return sound


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


def _named_id(given: Mapping[str, Any]) -> str:
    """The row's id that the document has, as gateways and clients write it; "" if it has none."""
    own = given.get("_id") or ""
    own = own.get("$oid", "") if isinstance(own, dict) else own
    return own.lower() or (given["id"] if is_row_id(given.get("id")) else "")


def is_row_id(id: object) -> bool:
    """Whether a document's `id` can be its row's id too, so that gateways of every version know it by one name."""
    return isinstance(id, str) and document.is_hex_id(id) and id == id.lower()


def _own_apis(org_id: str, given: Mapping[str, Mapping[str, Any]]) -> dict[str, ApiDefinition]:
    """The APIs that documents name, by API id, locked so that none is deleted before the rights are committed."""
    wanted = {pointer: document.opened_apis(each) for pointer, each in given.items()}
    own = ApiDefinition.objects.select_for_update(no_key=True, of=("self",)).filter(
        org_id=org_id, api_id__in={api_id for api_ids in wanted.values() for api_id in api_ids}
    )
    apis = {api.api_id: api for api in own.only("id", "org_id", "api_id", "name", "auth").order_by("api_id")}
    missing = [
        Problem(child(f"{pointer}/access_rights", api_id), no_such_api(api_id))
        for pointer, api_ids in wanted.items()
        for api_id in sorted(set(api_ids) - apis.keys())
    ]
    if missing:
        raise Invalid(missing)
    return apis


def _deliver_again(org_id: str, policies: Sequence[Policy]) -> None:
    """Have the sessions of all living keys with one of the policies written anew, in one statement."""
    having = KeyPolicy.objects.filter(org_id=org_id, policy__in=policies, key__revoked_at=None)
    keys = having.values_list("key_id", Value(None, output_field=JSONField())).distinct()
    outbox.add_chunks(AGAIN, keys, {}, org_id=org_id)


def _take_from_keys(policy: Policy, author: User | None) -> None:
    """In a few statements: what the audit log says of each key follows when they are delivered (keys.keys.bulk)."""
    having = KeyPolicy.objects.filter(org_id=policy.org_id, policy=policy)
    lost = having.filter(key__revoked_at=None).values_list("key_id", "position")
    facts = {"lost_policy": policy.policy_id, "noted": log.noted("key.changed", "key", author)}
    outbox.add_chunks(AGAIN, lost, facts, org_id=policy.org_id)
    having.delete()


def _locked(policy: Policy) -> Policy:
    now = Policy.objects.select_for_update(no_key=True).filter(org_id=policy.org_id, id=policy.id).first()
    if now is None:
        raise Deleted
    return now


def _refuse_stale(policy: Policy, expected: int | None) -> None:
    if expected not in (None, policy.revision):
        raise Stale(policy)
