"""What a stock gateway makes of a key and its policies, on each request anew: which limits hold, which rights,
or why the key opens nothing.

Two generations differ widely: "3.0" is 3.0.12, "5" is 5.14.0. Both are as their sources have it, and equal to
what both were recorded to answer (tests/keys/data/effective.json). A member at zero is as good as absent, and
is left out of what is made here.

Not modelled: one key can change the policies which a gateway holds for all others (`SHARED`), and what happens
before and after: `key_expires_in`, which only makers of sessions look at, and the expiry of a key.

Pure: dicts in, dicts out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from keys.policies.effect.applying import (
    Refusal,
    Refused,
    State,
    apply,
    as_the_only_api,
    clear,
    flags,
    settle,
)
from keys.policies.effect.levels import LIMITS, Generation, Level, is_empty, level, values
from keys.policies.effect.merging import united
from keys.policies.effect.rights import Right, own_rights, without_empty, written

# Where a gateway joins two policies it writes these members of the result into the first, as long as it holds it:
# every other key with that policy gets them too, until policies are loaded again.
SHARED: dict[Generation, frozenset[str]] = {
    "3.0": frozenset({"allowed_urls", "restricted_types"}),
    "5": frozenset({"restricted_types", "allowed_types", "field_access_rights"}),
}

_SINCE_5 = frozenset(
    {"smoothing", "mtls_static_certificate_bindings", "post_expiry_action", "post_expiry_grace_period"}
)

Policy = Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What a gateway works with.

    `session`: None where the key is refused. `limits`: for each API of the session what holds there; for any
    other, where the session has no rights and so opens all, `key_limits`. `granted_by`: the policies that opened
    an API, in their order; none where it is the key's own right. `undetermined`: limits of the key as a whole
    which the gateway takes from any one of several APIs, anew on each request; here it is the last by id.
    """

    session: dict[str, Any] | None = None
    refusal: Refusal | None = None
    limits: dict[str, Level] = field(default_factory=dict)
    key_limits: Level = field(default_factory=dict)
    granted_by: dict[str, tuple[str, ...]] = field(default_factory=dict)
    undetermined: frozenset[str] = frozenset()


def effective(
    session: Mapping[str, Any],
    policies: Mapping[str, Policy],
    generation: Generation,
    *,
    api_org: str | None = None,
) -> Outcome:
    """What a gateway of `generation` makes of `session`.

    `policies`: those it holds, as the wire has them, by the name under which a session finds them; one that is
    not there is unknown. `api_org`: the organisation of the API that is called; without it, as in a gateway's
    preview, nobody compares.
    """
    state = State(generation, level(session, LIMITS, None, generation), own_rights(session, generation))
    names = policy_names(session)
    custom = policies_in_meta_data(session) if state.newer else None
    try:
        if state.newer:
            held = _held_by(session.get("org_id") or api_org or "", policies)
            _clear(state, names, held)
            applied = _found(names, held, skipping=True) if custom is None else custom
        else:
            applied = _found(names, policies, skipping=False)
        for name, policy in applied:
            if api_org is not None and (policy.get("org_id") or "") != api_org:
                raise Refused(Refusal.FOREIGN)
            apply(state, name, policy)
        settle(state)
        if state.newer and not state.rights and (names or custom is not None):
            raise Refused(Refusal.NO_RIGHTS)
    except Refused as refused:
        return Outcome(refusal=refused.refusal)
    undetermined = as_the_only_api(state)
    has_policies = bool(names if custom is None else custom)
    rights = state.rights if state.done["acl"] else _own(state, has_policies)
    return Outcome(
        session=_session(session, state, rights, [policy for _, policy in applied], has_policies),
        # A gateway takes all limits of an API, or, where it has none, all those of the key.
        limits={
            api_id: dict(state.key if is_empty(right.limit) else right.limit)
            for api_id, right in rights.items()
        },
        key_limits=dict(state.key),
        granted_by={api_id: right.granted_by for api_id, right in rights.items()},
        undetermined=undetermined,
    )


def policy_names(session: Mapping[str, Any]) -> list[str]:
    """The policies a session names, in order; `apply_policy_id` counts where `apply_policies` is empty."""
    one = session.get("apply_policy_id")
    return list(session.get("apply_policies") or ([one] if one else []))


def policies_in_meta_data(session: Mapping[str, Any]) -> list[tuple[str, Policy]] | None:
    """For 5, a list `policies` in a key's meta data takes the place of the policies it names, whoever wrote it
    and whatever organisation it says."""
    listed = (session.get("meta_data") or {}).get("policies")
    if not isinstance(listed, list) or not all(isinstance(policy, Mapping) for policy in listed):
        return None
    return [(str(policy.get("id") or ""), policy) for policy in listed]


def _held_by(org_id: str, policies: Mapping[str, Policy]) -> dict[str, Policy]:
    return {name: policy for name, policy in policies.items() if (policy.get("org_id") or "") == org_id}


def _found(names: list[str], held: Mapping[str, Policy], *, skipping: bool) -> list[tuple[str, Policy]]:
    """The policies by name. Unknown ones are passed over where the gateway skips and there are several names;
    else they refuse the key."""
    if not held.keys() >= set(names) and not (skipping and len(names) > 1):
        raise Refused(Refusal.UNKNOWN)
    return [(name, held[name]) for name in names if name in held]


def _clear(state: State, names: list[str], held: Mapping[str, Policy]) -> None:
    """Takes the key's own limits away, up to the first policy that is unknown."""
    for name in names:
        if name not in held:
            return
        clear(state, held[name])


def _own(state: State, has_policies: bool) -> dict[str, Right]:
    """The key's own rights. Without any policy, an API with limits is counted by itself."""
    return {
        api_id: right if has_policies or is_empty(right.limit) else replace(right, scope=api_id)
        for api_id, right in state.own.items()
    }


def _session(
    session: Mapping[str, Any],
    state: State,
    rights: Mapping[str, Right],
    applied: list[Policy],
    has_policies: bool,
) -> dict[str, Any]:
    made = {name: held for name, held in session.items() if state.newer or name not in _SINCE_5}
    made |= dict.fromkeys(LIMITS) | values(state.key)
    for policy in applied:
        made |= _besides(made, policy, state.newer)
    inactive = any(policy.get("is_inactive") for policy in applied)
    if not (state.newer and has_policies):
        # In 5 policies alone decide, where there are any: a key that is suspended is not.
        inactive = inactive or bool(session.get("is_inactive"))
    tags = [tag for policy in applied for tag in policy.get("tags") or []]
    made |= {
        "is_inactive": inactive,
        "tags": united(tags, session.get("tags")),  # a gateway gives them in no order
        "access_rights": {api_id: written(right) for api_id, right in rights.items()},
    }
    return without_empty(made)


def _besides(made: Mapping[str, Any], policy: Policy, newer: bool) -> dict[str, Any]:
    """What a policy changes in a session besides limits and rights."""
    changed: dict[str, Any] = {
        "meta_data": {**(made.get("meta_data") or {}), **(policy.get("meta_data") or {})},
        "last_updated": max(made.get("last_updated") or "", policy.get("last_updated") or ""),
    }
    if not flags(policy).get("per_api"):
        for name in ("hmac_enabled", "enable_http_signature_validation"):
            changed[name] = made.get(name) or policy.get(name)
    for name in ("post_expiry_action", "post_expiry_grace_period") if newer else ():
        changed[name] = policy.get(name) or made.get(name)
    return changed
