"""How a gateway makes one right of what several policies say of one API: versions, paths, GraphQL types and
fields, limits of endpoints. What the two generations do differently has a function for each.

Lists in, new lists out. Pure.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

UNLIMITED = -1
SECOND = 1_000_000_000  # nanoseconds


def exceeds(value: float, other: float) -> bool:
    """Whether a gateway takes `value` rather than `other`, where -1 is without end (and takes -1 again)."""
    return value == UNLIMITED or (other != UNLIMITED and value > other)


def interval(limit: Mapping[str, Any]) -> int:
    """The nanoseconds between two requests at `rate` in `per` seconds; 0 where nothing limits them."""
    rate, per = limit.get("rate") or 0, limit.get("per") or 0
    return int(SECOND * per / rate) if rate > 0 and per > 0 else 0


def united(first: Iterable[Any] | None, more: Iterable[Any] | None) -> list[Any]:
    """Both lists, in order, nothing twice."""
    return list(dict.fromkeys([*(first or ()), *(more or ())]))


def united_in_3_0(first: list[str] | None, more: list[str] | None) -> list[str]:
    """As `united`; a first list that has its entries twice can hide as many of the second."""
    first, more = first or [], more or []
    both = united(first, more)
    return first if len(both) == len(first) else both


def paths_in_3_0(first: list[dict[str, Any]], more: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`allowed_urls` of two policies. One path of the second that the first has not brings all of the
    second's with it, also those whose methods have just been united."""
    merged = [dict(path) for path in first]
    for path in more:
        alike = [known for known in merged if known.get("url") == path.get("url")]
        for known in alike:
            known["methods"] = united_in_3_0(known.get("methods"), path.get("methods"))
        if not alike:
            merged += [dict(path) for path in more]
    return merged


def paths_in_5(first: list[dict[str, Any]], more: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`allowed_urls` of two policies: each path once, with the methods of both."""
    methods: dict[Any, Any] = {}
    for path in [*first, *more]:
        url = path.get("url") or ""
        methods[url] = united(methods[url], path.get("methods")) if url in methods else path.get("methods")
    return [{"url": url, "methods": named} for url, named in methods.items()]


def types_in_3_0(first: list[dict[str, Any]], more: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`restricted_types` of two policies: of the first's types, those of the fields that both restrict."""
    merged = [dict(kind) for kind in first]
    for kind in more:
        for known in merged:
            if known.get("name") == kind.get("name"):
                fields = known.get("fields") or []
                known["fields"] = [field for field in kind.get("fields") or [] if field in fields]
    return merged


def types_in_5(first: list[dict[str, Any]], more: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`restricted_types`, or `allowed_types`, of two policies: the fields of both."""
    if not first:
        return more
    merged = [dict(kind) for kind in first]
    for kind in more:
        known = next((known for known in merged if known.get("name") == kind.get("name")), None)
        if known:
            known["fields"] = united(known.get("fields"), kind.get("fields"))
        else:
            merged.append(dict(kind))
    return merged


def fields_in_5(first: list[dict[str, Any]], more: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`field_access_rights` of two policies: each field once, with the greater depth."""
    if not first:
        return more
    merged = [dict(field) for field in first]
    for field in more:
        alike = [known for known in merged if _field(known) == _field(field)]
        for known in alike:
            if exceeds(_depth(field), _depth(known)):
                known["limits"] = {"max_query_depth": _depth(field)}
        if not alike:
            merged.append(dict(field))
    return merged


def _field(right: Mapping[str, Any]) -> tuple[Any, Any]:
    return right.get("type_name"), right.get("field_name")


def _depth(right: Mapping[str, Any]) -> int:
    return (right.get("limits") or {}).get("max_query_depth") or 0


def endpoints_in_5(newer: list[dict[str, Any]], known: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`endpoints` of a policy and of those before it: for each method of each path the faster limit, of two
    as fast the one of more requests. Where both say something, paths with a colon are lost."""
    ours, theirs = _limits_of(newer), _limits_of(known)
    if not theirs:
        return newer
    faster = {
        name: limit for name, limit in theirs.items() if name not in ours or _is_faster(limit, ours[name])
    }
    return _endpoints_of(ours | faster)


def _is_faster(limit: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    ours, theirs = interval(limit), interval(other)
    return ours < theirs or (ours == theirs and (limit.get("rate") or 0) > (other.get("rate") or 0))


def _limits_of(endpoints: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (endpoint.get("path") or "", method.get("name") or ""): method.get("limit") or {}
        for endpoint in endpoints
        for method in endpoint.get("methods") or []
    }


def _endpoints_of(limits: Mapping[tuple[str, str], dict[str, Any]]) -> list[dict[str, Any]]:
    methods: dict[str, list[dict[str, Any]]] = {}
    for (path, name), limit in sorted(limits.items(), key=lambda item: (item[0][0], item[0][1].upper())):
        if ":" not in path + name:
            methods.setdefault(path, []).append({"name": name, "limit": limit})
    return [{"path": path, "methods": named} for path, named in methods.items()]


def methods_in_5(newer: list[dict[str, Any]], known: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`json_rpc_methods`, or `mcp_primitives`, of a policy and of those before it: for each the faster limit.
    A gateway gives them in no order; these come as the policies name them."""
    if not known or not newer:
        return newer or known
    merged = {(entry.get("type"), entry.get("name")): entry for entry in known}
    for entry in newer:
        name = (entry.get("type"), entry.get("name"))
        before = interval(merged[name].get("limit") or {}) if name in merged else 0
        if before == 0 or interval(entry.get("limit") or {}) < before:
            merged[name] = entry
    return list(merged.values())


def rules_in_5(first: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Allowed and blocked names of two policies, as in `json_rpc_methods_access_rights`."""
    both = {name: united(first.get(name), more.get(name)) for name in ("allowed", "blocked")}
    return {name: named for name, named in both.items() if named}


def rules_by_kind_in_5(first: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """`mcp_access_rights` of two policies: the names of each kind, united."""
    return {
        kind: rules_in_5(first.get(kind) or {}, more.get(kind) or {})
        for kind in ("tools", "resources", "prompts")
        if first.get(kind) or more.get(kind)
    }


Merge = Callable[[Any, Any], Any]

# What a policy that grants adds to what policies before it granted, member by member.
ADDED_IN_3_0: dict[str, tuple[type, Merge]] = {
    "versions": (list, united_in_3_0),
    "allowed_urls": (list, paths_in_3_0),
    "restricted_types": (list, types_in_3_0),
}
ADDED_IN_5: dict[str, tuple[type, Merge]] = {
    "disable_introspection": (bool, lambda first, more: first or more),
    "versions": (list, united),
    "allowed_urls": (list, paths_in_5),
    "restricted_types": (list, types_in_5),
    "allowed_types": (list, types_in_5),
    "field_access_rights": (list, fields_in_5),
    "json_rpc_methods_access_rights": (dict, rules_in_5),
    "mcp_access_rights": (dict, rules_by_kind_in_5),
}
# What comes with the rate of a policy: (of the policy, of those before it).
RATES_IN_5: dict[str, Merge] = {
    "endpoints": endpoints_in_5,
    "json_rpc_methods": methods_in_5,
    "mcp_primitives": methods_in_5,
}


def added(
    entry: Mapping[str, Any], more: Mapping[str, Any], members: Mapping[str, tuple[type, Merge]]
) -> dict[str, Any]:
    """`entry`, a member of `access_rights`, with what `more` grants besides; empty members are left out."""
    merged = dict(entry)
    for name, (kind, merge) in members.items():
        merged[name] = merge(entry.get(name) or kind(), more.get(name) or kind())
    return {name: value for name, value in merged.items() if value}


def with_rates(newer: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """The limits of single endpoints and methods that two policies leave together; empty ones are there."""
    return {name: merge(newer.get(name) or [], known.get(name) or []) for name, merge in RATES_IN_5.items()}
