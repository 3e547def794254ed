"""The keys that a change concerns, each as it is and as the change would have it (orgs.providers.dry_run)."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from keys.history import then
from keys.history.rewinding import DECIDING
from keys.keys.lifecycle import KeySpec
from keys.keys.reader import policies_of_one
from keys.models import Generation, Key, KeyPolicy, Policy, PolicyRevision
from keys.rotation.generations import hashes_of
from keys.sessions import facts
from orgs.providers.dry_run import Caller
from orgs.providers.holders import Called
from orgs.providers.holding import Holder

MOST = 10_000  # keys
Facts = Mapping[str, Any]


def of_policy(policy: Policy, wanted: dict[str, Any], *, named: bool) -> list[Caller]:
    """The first MOST living keys that have a policy, which would have the document `wanted`. named: whether whoever
    looks may see keys."""
    having = KeyPolicy.objects.filter(org_id=policy.org_id, policy_id=policy.id).values("key_id")
    living = list(
        Key.objects.filter(org_id=policy.org_id, revoked_at=None, id__in=having).order_by("id")[:MOST]
    )
    former: dict[str, list[str]] = {}
    rotated = [key.id for key in living if key.allowance]
    rows = Generation.objects.filter(org_id=policy.org_id, key_id__in=rotated)
    for key_id, hash in rows.values_list("key_id", "token_hash"):
        former.setdefault(key_id, []).append(hash)
    documents = _Documents(policy.org_id)
    changed = _revision(policy, wanted)
    states, of_keys = _Remembered(), dict[str, Facts]()

    def of_both(key: Key, called: Called) -> tuple[Holder, Holder]:
        if key.id not in of_keys:
            of_keys[key.id] = facts.of(key)
        known = of_keys[key.id]
        before = [documents[id] for id in known["policies"]]
        after = [changed if row.policy_row_id == policy.id else row for row in before]
        return states.of(key, known, before, called), states.of(key, known, after, called)

    return [
        Caller(
            key.id,
            str(key) if named else key.hint,
            (key.token_hash, *former.get(key.id, ())),
            partial(of_both, key),
        )
        for key in living
    ]


def of_key(key: Key, spec: KeySpec) -> list[Caller]:
    """A key that would be what `spec` says."""
    documents = _Documents(key.org_id)
    before = facts.of(key)
    own = policies_of_one(key.org_id, named=spec.policies)
    ordered = sorted(own, key=lambda policy: spec.policies.index(policy.id))
    after = facts.specified(spec, ordered, key.suspended)

    def of_both(called: Called) -> tuple[Holder, Holder]:
        now, becomes = (
            then.as_facts_say(key, known, [documents[id] for id in known["policies"]], called)
            for known in (before, after)
        )
        return now, becomes

    return [Caller(key.id, str(key), tuple(hashes_of(key)), of_both)]


class _Documents(dict[str, PolicyRevision]):
    """The policies of an organisation as they are, by the ids that clients call them."""

    def __init__(self, org_id: str):
        super().__init__()
        self._org_id = org_id

    def __missing__(self, policy_id: str) -> PolicyRevision:
        policy = Policy.objects.get(org_id=self._org_id, policy_id=policy_id)
        self[policy_id] = found = _revision(policy, policy.document)
        return found


def _revision(policy: Policy, document: dict[str, Any]) -> PolicyRevision:
    """One that is not stored."""
    return PolicyRevision(
        org_id=policy.org_id,
        policy_row_id=policy.id,
        policy_id=policy.policy_id,
        number=policy.revision,
        document=document,
    )


class _Remembered:
    """What gateways make of keys: most that have a policy are alike."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, ...], Holder] = {}

    def of(self, key: Key, known: Facts, policies: Iterable[PolicyRevision], called: Called) -> Holder:
        rows = list(policies)
        deciding = json.dumps({name: known[name] for name in DECIDING}, sort_keys=True, default=str)
        alike = (deciding, key.credential, called.api_id, *(row.document_text for row in rows))
        if alike not in self._made:
            self._made[alike] = then.as_facts_say(key, known, rows, called)
        return replace(self._made[alike], id=key.id, name=str(key), hashes=(key.token_hash,))
