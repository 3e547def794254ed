"""How much of their quotas keys have used, as gateways count it in their Redis."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis import RedisError

from apis.gateways import names
from apis.gateways.redis_client import hasty_client
from keys.keys.reader import facts_of, quotas_of, served
from keys.keys.session import PolicyFacts, session
from keys.models import Key
from keys.policies.effect.effective import effective
from keys.policies.effect.levels import value
from keys.rotation.counters import SPENT

AWAY = "The gateways' Redis does not answer."


@dataclass(frozen=True)
class Quota:
    """The fullest of the quotas of a key: `used` of `most` requests of the period that is running. several: how many
    quotas it has, one for each API or policy."""

    used: int
    most: int
    several: int = 1

    @property
    def per_cent(self) -> int:
        return 100 * self.used // self.most


@dataclass(frozen=True)
class Quotas:
    """of: by the ids of keys, of those that have a quota. away: why nothing can be said, "" if it can."""

    of: Mapping[str, Quota]
    away: str = ""


def of(
    keys: Sequence[Key], policies: Mapping[str, Sequence[PolicyFacts]], limited: Collection[str]
) -> Quotas:
    """Of the keys of a page, which are asked of Redis at once: a page is shown whether or not that answers. policies:
    those of each key by its id, in their order. limited: the ids of the keys with quotas on single APIs."""
    counted = counted_of(keys, policies, limited)
    # Gateways of 3.0 count by the hash, whatever else a key that was rotated is counted under.
    counters = [
        (key.id, scope, name)
        for key in keys
        for scope in counted.get(key.id, ())
        for name in {key.counted_under, key.token_hash}
    ]
    if not counters:
        return Quotas({})
    try:
        with hasty_client() as redis:
            stored = redis.mget([names.quota(name, scope) for _, scope, name in counters])
    except RedisError:
        return Quotas({}, AWAY)
    used: dict[tuple[str, str], int] = {}
    for (id, scope, _), number in zip(counters, map(_number, stored), strict=True):
        used[id, scope] = max(used.get((id, scope), 0), number)
    return Quotas({key.id: _fullest(key, counted[key.id], used) for key in keys if key.id in counted})


def counted_of(
    keys: Iterable[Key], policies: Mapping[str, Sequence[PolicyFacts]], limited: Collection[str]
) -> dict[str, dict[str, int]]:
    """{scope: requests} of what gateways count of each living key, by its id; of those that have a quota alone."""
    living = [key for key in keys if key.revoked_at is None]
    elements = served(
        {key.org_id for key in living}, {policy.id for key in living for policy in policies[key.id]}
    )
    own = quotas_of([key for key in living if key.id in limited])
    by_policies = {
        key.id: [elements[policy.id] for policy in policies[key.id] if policy.id in elements]
        for key in living
    }
    found = {
        key.id: _by_policies(key, by_policies[key.id])
        if by_policies[key.id]
        else ({"": key.quota_max} if key.quota_max > 0 else {}) | own.get(key.id, {})
        for key in living
    }
    return {id: counted for id, counted in found.items() if counted}


def _by_policies(key: Key, policies: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    by_id = {policy["_id"]: policy for policy in policies}
    facts = facts_of(key) | {"suspended": False}
    made = effective(
        session(apis=(), rights=(), policies=list(by_id), **facts) or {}, by_id, "5", api_org=key.org_id
    )
    found: dict[str, int] = {}
    for api_id, right in ((made.session or {}).get("access_rights") or {}).items():
        most = value(made.limits[api_id], "quota_max")
        if most > 0:
            found[right.get("allowance_scope", "")] = most
    return found


def _number(stored: bytes | None) -> int:
    return int(stored) if stored is not None and stored.isdigit() else 0


def _fullest(key: Key, counted: Mapping[str, int], used: Mapping[tuple[str, str], int]) -> Quota:
    # What a suspended key is counted as says nothing of its use (keys.rotation.counters).
    quotas = [
        Quota(0 if used[key.id, scope] >= SPENT else min(used[key.id, scope], most), most, len(counted))
        for scope, most in counted.items()
    ]
    return max(quotas, key=lambda quota: quota.used / quota.most)
