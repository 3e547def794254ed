"""What of a key a change may alter, as the audit log notes it."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.utils.crypto import salted_hmac

from keys.keys.reader import policies_of
from keys.keys.session import PolicyFacts
from keys.models import Key, KeyRight

if TYPE_CHECKING:
    from keys.keys.lifecycle import KeySpec


def noted(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts fit for the audit log: metadata may hold an upstream's credentials, so of its values only a keyed
    digest is noted, which tells that one has changed."""
    members = facts.get("meta_data")
    if members is None:
        return facts
    digests = {
        name: salted_hmac("keys.issue.meta_data", json.dumps(value)).hexdigest()[:8]
        for name, value in members.items()
    }
    return facts | {"meta_data": digests}


def of(key: Key) -> dict[str, Any]:
    """What a change may alter."""
    rights = KeyRight.objects.filter(org_id=key.org_id, key=key).order_by("api__api_id")
    rows = rights.values_list("api__api_id", "versions", "members")
    opened = {api_id: _right_facts(versions, members) for api_id, versions, members in rows}
    policies = policies_of([key])[key.id]
    return _described(key, opened, policies, key.suspended, key.revoked_at is not None)


def specified(spec: "KeySpec", policies: list[PolicyFacts], suspended: bool) -> dict[str, Any]:
    """The same of a key that is what `spec` says."""
    opened = {right.api_id: _right_facts(list(right.versions), right.members) for right in spec.rights}
    return _described(spec, opened, policies, suspended, revoked=False)


def _right_facts(versions: list[str], members: Mapping[str, Any]) -> list[str] | dict[str, Any]:
    """Mostly a right has nothing but versions."""
    return {"versions": versions, **members} if members else versions


def _described(
    key: "Key | KeySpec", opened: dict[str, Any], policies: list[PolicyFacts], suspended: bool, revoked: bool
) -> dict[str, Any]:
    return {
        "alias": key.alias,
        "owner": key.owner,
        "expires": key.expires_at.isoformat() if key.expires_at else None,
        "rate": key.rate,
        "per": key.per,
        "quota_max": key.quota_max,
        "quota_renewal_rate": key.quota_renewal_rate,
        "apis": "all" if key.all_apis else opened,
        "policies": [policy.policy_id for policy in policies],
        "suspended": suspended,
        "revoked": revoked,
        "tags": key.tags,
        "meta_data": key.meta_data,
        **key.session_extra,
    }
