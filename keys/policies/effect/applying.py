"""How a gateway applies policies to a key, one after the other, and what it makes of the sum. Pure; a `State`
is changed in place.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from keys.policies.effect.levels import (
    DEPTH,
    OF_POLICY,
    QUOTA,
    RATE,
    THROTTLE,
    Generation,
    Level,
    copy,
    is_empty,
    level,
    raise_to,
    speed_up,
    value,
)
from keys.policies.effect.rights import Right, entries, granted_in_3_0, granted_in_5, joined, per_api

PARTITIONS = ("acl", "quota", "rate_limit", "complexity")
_LIMITS_OF = {"quota": QUOTA, "rate_limit": (*RATE, *THROTTLE), "complexity": DEPTH}
_CLEARED = _LIMITS_OF | {"quota": ("quota_max", "quota_remaining")}


class Refusal(StrEnum):
    """Why a gateway takes a key for one it does not know (403)."""

    UNKNOWN = "a policy is not there"
    FOREIGN = "a policy is of another organisation"
    PER_API_AND_PARTITIONS = "a policy has limits per API and is partitioned as well"
    MIXED = "one policy has limits per API, another is partitioned or names the same API"
    NO_RIGHTS = "no policy grants an API"


class Refused(Exception):
    """A key that a gateway refuses."""

    def __init__(self, refusal: Refusal):
        super().__init__(refusal)
        self.refusal = refusal


@dataclass
class State:
    """Where a gateway is between two policies.

    `key`: the limits of the key as a whole; `own`: its own rights; `rights`: those by policies so far; `done`:
    the APIs for which a policy has set a partition.
    """

    generation: Generation
    key: Level
    own: dict[str, Right]
    rights: dict[str, Right] = field(default_factory=dict)
    done: dict[str, set[str]] = field(default_factory=lambda: {part: set() for part in PARTITIONS})
    had_per_api: bool = False
    last_was_partitioned: bool = False

    @property
    def newer(self) -> bool:
        return self.generation == "5"


def flags(policy: Mapping[str, Any]) -> Mapping[str, Any]:
    """`partitions` of a policy."""
    return policy.get("partitions") or {}


def _is_partitioned(policy: Mapping[str, Any]) -> bool:
    return any(flags(policy).get(part) for part in PARTITIONS)


def _sets(policy: Mapping[str, Any]) -> set[str]:
    """The partitions a policy sets: those it names, or all."""
    return {part for part in PARTITIONS if flags(policy).get(part)} or set(PARTITIONS)


def clear(state: State, policy: Mapping[str, Any]) -> None:
    """Takes the key's own limits away where a policy sets them. Only 5 does so, for all policies before the
    first is applied."""
    for part in _sets(policy) & _CLEARED.keys():
        copy(_CLEARED[part], {}, state.key)


def apply(state: State, name: str, policy: Mapping[str, Any]) -> None:
    """Applies the policy that the key calls `name`. Raises Refused."""
    if not flags(policy).get("per_api"):
        _apply_partitions(state, name, policy)
    elif _is_partitioned(policy):
        raise Refused(Refusal.PER_API_AND_PARTITIONS)
    else:
        _apply_per_api(state, name, policy)


def _apply_per_api(state: State, name: str, policy: Mapping[str, Any]) -> None:
    granted = entries(policy)
    touched = any(done & granted.keys() for done in state.done.values())
    if state.last_was_partitioned if state.newer else touched:
        raise Refused(Refusal.MIXED)
    for api_id, entry in granted.items():
        right = per_api(policy, api_id, entry, name, state.generation)
        _keep_period(state, api_id, right)
        if state.newer:
            if api_id in state.own and state.own[api_id].entry.get("disable_introspection"):
                right.entry["disable_introspection"] = True
            if api_id in state.rights:
                right = joined(right, state.rights[api_id])
        state.rights[api_id] = right
        for done in state.done.values():
            done.add(api_id)
    state.had_per_api = state.had_per_api or bool(granted)


def _apply_partitions(state: State, name: str, policy: Mapping[str, Any]) -> None:
    if state.newer and state.had_per_api and _is_partitioned(policy):
        raise Refused(Refusal.MIXED)
    sets, granted = _sets(policy), entries(policy)
    offered = level(policy, OF_POLICY, name, state.generation)
    grant = granted_in_5 if state.newer else granted_in_3_0
    for api_id, entry in granted.items():
        right = grant(state.rights.get(api_id), entry, name, sets)
        _raise_limits(state, right.limit, offered, policy)
        _keep_period(state, api_id, right)
        if state.newer or "acl" in sets:
            state.rights[api_id] = right
        for part in sets:
            state.done[part].add(api_id)
    for part, names in _LIMITS_OF.items():
        # A policy that names no API sets the limits of the key, to lower ones too.
        if not granted and part in sets:
            copy(names, offered, state.key)
    state.last_was_partitioned = _is_partitioned(policy)


def _raise_limits(state: State, limits: Level, offered: Level, policy: Mapping[str, Any]) -> None:
    """Raises the limits of an API, and those of the key, to what a policy offers."""
    sets, older = _sets(policy), not state.newer
    if "quota" in sets:
        always = older and bool(flags(policy).get("quota"))
        raise_to("quota_max", offered, limits, state.key, always=always)
        raise_to("quota_renewal_rate", offered, limits, state.key)
    if "rate_limit" in sets and older:
        raise_to("rate", offered, limits, state.key, always=bool(flags(policy).get("rate_limit")))
        raise_to("per", offered, limits, state.key)
    elif "rate_limit" in sets:
        speed_up(offered, limits)
        speed_up(offered, state.key)
    for name in THROTTLE if "rate_limit" in sets else ():
        raise_to(name, offered, limits, state.key)
    if "complexity" in sets:
        raise_to("max_query_depth", offered, limits, state.key)


def _keep_period(state: State, api_id: str, right: Right) -> None:
    """A quota period that has begun on an API goes on."""
    own = state.own.get(api_id)
    if own and not is_empty(own.limit):
        copy(("quota_renews",), own.limit, right.limit)


def settle(state: State) -> None:
    """Gives the rights what no policy limited on an API: there it is as for the key as a whole. 5 drops what
    only has limits."""
    setters = {right.set_by for right in state.rights.values() if right.set_by}
    for api_id, right in list(state.rights.items()):
        if state.newer and api_id not in state.done["acl"]:
            del state.rights[api_id]
            continue
        entry = dict(right.entry)
        for part, names in _LIMITS_OF.items():
            if api_id not in state.done[part]:
                copy((*names, "quota_renews") if part == "quota" else names, state.key, right.limit)
        if api_id not in state.done["rate_limit"]:
            entry.pop("endpoints", None)
        scope = right.scope or (right.set_by if len(setters) > 1 else "")
        state.rights[api_id] = replace(right, entry=entry, scope=scope)


def as_the_only_api(state: State) -> frozenset[str]:
    """Where each limit was set on one API alone, the limits of the key become those of the API. There may be
    more rights than that one: then a gateway takes any of them. Returns the limits for which that matters."""
    if not all(len(state.done[part]) == 1 for part in _LIMITS_OF):
        return frozenset()
    names = ("rate", "per", *(("smoothing",) if state.newer else ()), *QUOTA, "quota_renews", *DEPTH)
    rights = [right.limit for _, right in sorted(state.rights.items())]
    for limits in rights:
        copy(names, limits, state.key)
    return frozenset(name for name in names if len({str(value(limits, name)) for limits in rights}) > 1)
