"""Doing something to many keys: a message to the worker about each chunk of them, each chunk whole in one transaction
that also takes its keys off the message, so that a worker that dies begins it anew and one that goes on repeats
nothing.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.db import transaction
from django.db.models import F, JSONField, QuerySet, Value
from django.utils import timezone
from redis import Redis

from apis.gateways import outbox
from apis.models import Outbox
from keys.actions.kinds import KINDS, LIVING, Kind
from keys.credentials import exposure
from keys.keys import search
from keys.keys.parameters import SessionError, policies_from
from keys.keys.reader import policies_of, policy_facts
from keys.keys.session import PolicyFacts
from keys.models import BulkAction, Key, KeyPolicy, Policy
from orgs.audit import log
from orgs.http.choosing import digest
from orgs.organisations import locks

DO = "key-bulk"
GONE = "The policy has been deleted."


def touched(keys: QuerySet[Key], action: str, arguments: Mapping[str, Any]) -> QuerySet[Key]:
    """Those of some keys that an action changes."""
    return keys.filter(LIVING, KINDS[action].applies(arguments))


@transaction.atomic
def begin(
    org_id: str, keys: QuerySet[Key], action: str, arguments: Mapping[str, Any], *, by: str, seen: str
) -> BulkAction | None:
    """Have the worker do something to all of these keys that it changes, if they are those of which `seen` is the
    digest (orgs.http.choosing). Raises Departed."""
    locks.lock(org_id)
    things = touched(keys, action, arguments).order_by()
    if digest(things) != seen:
        return None
    begun = BulkAction.objects.create(
        org_id=org_id,
        action=action,
        arguments=dict(arguments),
        created_by=by,
        total=things.count(),
    )
    facts = {"action": begun.id, "noted": log.noted(KINDS[action].audit, "key")}
    outbox.add_chunks(
        DO, things.values_list("id", Value(None, output_field=JSONField())), facts, org_id=org_id
    )
    return begun


def deliver(rows: list[Outbox], redis: Redis) -> None:
    """Do what messages of kind DO say (a kinds.Handler). Gateways hear of each key by a message of its own."""
    for row in rows:
        # The keys of an organisation that is deleted have ended with it.
        with suppress(locks.Departed):
            _do(row)


@transaction.atomic
def _do(row: Outbox) -> None:
    locks.lock(row.org_id)
    message = Outbox.objects.select_for_update().get(org_id=row.org_id, id=row.id)
    payload = message.payload or {}
    ids = payload.pop("subjects", {})
    begun = BulkAction.objects.filter(org_id=row.org_id, id=payload.get("action")).first()
    if not ids or begun is None:
        return
    kind = KINDS[begun.action]
    policy, reason = _policy(begun, kind)
    keys: list[Key] = []
    changes: dict[str, dict[str, list]] = {}
    if not reason:
        living = Key.objects.filter(org_id=row.org_id, id__in=ids)
        keys = list(
            touched(living, begun.action, begun.arguments).order_by("id").select_for_update(of=("self",))
        )
        changes, reason = _changed(begun, kind, keys, policy)
        keys = [key for key in keys if key.id in changes]
    _store(begun, kind, keys, changes, payload["noted"])
    Outbox.objects.filter(org_id=row.org_id, id=row.id).update(payload=payload)
    BulkAction.objects.filter(org_id=row.org_id, id=begun.id).update(
        changed=F("changed") + len(keys),
        left=F("left") + len(ids) - len(keys),
        reason=reason[:300] or begun.reason,
    )


def _policy(begun: BulkAction, kind: Kind) -> tuple[PolicyFacts | None, str]:
    """The policy that keys shall have, locked, and why they cannot."""
    if kind.needs != "policy":
        return None, ""
    rows = Policy.objects.filter(org_id=begun.org_id, id=begun.arguments["policy"])
    [*found] = policy_facts(rows.select_for_update(no_key=True))
    return (found[0], "") if found else (None, GONE)


def _changed(
    begun: BulkAction, kind: Kind, keys: list[Key], policy: PolicyFacts | None
) -> tuple[dict[str, dict[str, list]], str]:
    """What changes of each key, by its id, and why nothing does of the last of the others."""
    if policy is None:
        return _changed_alone(begun, kind, keys)
    refused = _refused(begun.org_id, policy, keys)
    changes, reason = {}, next(iter(refused.values()), "")
    wanted: dict[str, list[PolicyFacts]] = {}
    for id, has in policies_of([key for key in keys if key.credential not in refused]).items():
        asked = [policy] if begun.action == "only-policy" else [*has, policy]
        try:
            wanted[id] = policies_from([each.id for each in asked], asked)
        except SessionError as error:
            reason = error.message
            continue
        changes[id] = {"policies": [[each.policy_id for each in part] for part in (has, wanted[id])]}
    _write_policies(begun.org_id, wanted)
    return changes, reason


def _refused(org_id: str, policy: PolicyFacts, keys: list[Key]) -> dict[str, str]:
    """Why none of these keys of a kind may have the policy, by the kind; those that may are not there."""
    found = {}
    for credential in sorted({key.credential for key in keys}):
        try:
            exposure.refuse(org_id, credential, (), [policy])
        except SessionError as error:
            found[credential] = error.message
    return found


def _changed_alone(begun: BulkAction, kind: Kind, keys: list[Key]) -> tuple[dict[str, dict[str, list]], str]:
    now, changes, reason = timezone.now(), {}, ""
    for key in keys:
        try:
            changes[key.id] = kind.change(key, begun.arguments, now)
        except SessionError as error:
            reason = error.message
    return changes, reason


def _write_policies(org_id: str, wanted: Mapping[str, list[PolicyFacts]]) -> None:
    KeyPolicy.objects.filter(org_id=org_id, key_id__in=wanted).delete()
    KeyPolicy.objects.bulk_create(
        KeyPolicy(org_id=org_id, key_id=key_id, policy_id=policy.id, position=position)
        for key_id, policies in wanted.items()
        for position, policy in enumerate(policies)
    )


def _store(
    begun: BulkAction,
    kind: Kind,
    keys: list[Key],
    changes: Mapping[str, dict[str, list]],
    noted: Mapping[str, object],
) -> None:
    now = timezone.now()
    for key in keys:
        key.updated_at = now
        key.change_number += 1
    if keys:
        Key.objects.bulk_update(keys, [*kind.fields, "updated_at", "change_number"])
    if "tags" in kind.fields:
        search.index(*keys)
    log.record_noted(noted, ((key.id, str(key), changes[key.id]) for key in keys), org=begun.org_id)
    outbox.add_many(kind.message, [key.id for key in keys], org_id=begun.org_id)
