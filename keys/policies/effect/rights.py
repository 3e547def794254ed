"""The rights a gateway builds up, API by API, while it goes through a key's policies. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from keys.policies.effect.levels import (
    LIMITS,
    OF_POLICY,
    Generation,
    Level,
    is_empty,
    level,
    raise_api,
    values,
)
from keys.policies.effect.merging import ADDED_IN_3_0, ADDED_IN_5, added, with_rates

_MEMBERS_IN_3_0 = ("api_name", "api_id", "versions", "allowed_urls", "restricted_types")
_MEMBERS: dict[Generation, tuple[str, ...]] = {
    "3.0": _MEMBERS_IN_3_0,
    "5": (
        *_MEMBERS_IN_3_0,
        "allowed_types",
        "field_access_rights",
        "disable_introspection",
        "endpoints",
        "json_rpc_methods",
        "json_rpc_methods_access_rights",
        "mcp_primitives",
        "mcp_access_rights",
    ),
}


@dataclass(frozen=True)
class Right:
    """What a key may do on one API.

    `entry`: the members but for the limit and the scope. `scope`: whose allowance requests are counted against,
    "" is that of the whole key. `set_by`: what becomes the scope where several policies grant; `granted_by`:
    those that do.
    """

    entry: dict[str, Any] = field(default_factory=dict)
    limit: Level = field(default_factory=dict)
    scope: str = ""
    set_by: str = ""
    granted_by: tuple[str, ...] = ()


def entries(holder: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """`access_rights` of a session or policy by API, sorted; a gateway goes through them in no order."""
    rights = holder.get("access_rights") or {}
    return {api_id: rights[api_id] or {} for api_id in sorted(rights)}


def own_rights(session: Mapping[str, Any], generation: Generation) -> dict[str, Right]:
    """The rights a key has itself, as a gateway decodes them."""
    return {
        api_id: Right(
            {name: entry[name] for name in _MEMBERS[generation] if entry.get(name)},
            level(entry.get("limit"), LIMITS, None, generation),
            scope=entry.get("allowance_scope") or "",
        )
        for api_id, entry in entries(session).items()
    }


def per_api(
    policy: Mapping[str, Any], api_id: str, entry: Mapping[str, Any], name: str, generation: Generation
) -> Right:
    """The right on an API by a policy with limits per API; where the API has none, the policy's are shared by
    all its APIs of this kind."""
    limit = level(entry.get("limit"), LIMITS, name, generation)
    scope = api_id
    if is_empty(limit):
        limit, scope = level(policy, OF_POLICY, name, generation), name
    return Right(_decoded(entry, generation), limit, scope, scope, (name,))


def joined(right: Right, known: Right) -> Right:
    """The right of the last policy with limits per API, with what those before it limited less. Whose rate or
    quota it is gives the scope; versions, paths and the rest are the last policy's alone."""
    limit = dict(right.limit)
    limiting = known if raise_api(limit, known.limit) else right
    return Right(
        without_empty(right.entry | with_rates(right.entry, known.entry)),
        limit,
        limiting.scope,
        limiting.set_by,
        (*known.granted_by, *right.granted_by),
    )


def granted_in_3_0(known: Right | None, entry: Mapping[str, Any], name: str, sets: set[str]) -> Right:
    """The right on an API by a policy that `sets` these partitions, before its limits. Only one that grants
    adds to what is known; another starts from its own and is then forgotten."""
    right = Right(_decoded(entry, "3.0"), level(entry.get("limit"), LIMITS, name, "3.0"))
    if "acl" not in sets:
        return right
    if known:
        right = replace(known, entry=added(known.entry, right.entry, ADDED_IN_3_0), limit=dict(known.limit))
    return replace(right, set_by=name, granted_by=(*right.granted_by, name))


def granted_in_5(known: Right | None, entry: Mapping[str, Any], name: str, sets: set[str]) -> Right:
    """As `granted_in_3_0`; everything adds to what is known, and a limit in the entry does not count."""
    right = replace(known, limit=dict(known.limit)) if known else Right()
    if "acl" in sets:
        granted_by = (*right.granted_by, name)
        right = replace(
            right, entry=added(right.entry, entry, ADDED_IN_5), set_by=name, granted_by=granted_by
        )
    if "rate_limit" in sets:
        right = replace(right, entry=without_empty(right.entry | with_rates(entry, right.entry)))
    return right


def written(right: Right) -> dict[str, Any]:
    """The member of `access_rights` that a session ends with."""
    return without_empty({**right.entry, "limit": values(right.limit), "allowance_scope": right.scope})


def _decoded(entry: Mapping[str, Any], generation: Generation) -> dict[str, Any]:
    """A policy's entry as a gateway decodes it: for 3.0 two members have other names."""
    older = {"api_name": "apiname", "api_id": "apiid"} if generation == "3.0" else {}
    return without_empty({name: entry.get(older.get(name, name)) for name in _MEMBERS[generation]})


def without_empty(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: held for name, held in members.items() if held}
