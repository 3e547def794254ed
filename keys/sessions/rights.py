"""What a right says of its API besides which versions it opens: limits, paths, methods, types. Pure.

As with policies, whose rights have the same members, what gateways decode is the measure. Kept is what they know and
what says something: they write nothing else back.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from apis.definitions.document import compact
from apis.definitions.pointer import Problem
from apis.definitions.rules import shape
from keys.policies.document import TYPES, right_problems
from keys.policies.effect import words

LARGEST = 100_000  # characters of what all rights of one key say; gateways read it with each request
# Of a whole entry of `access_rights`: those that have a place of their own, or that gateways write.
_ELSEWHERE = ("api_id", "api_name", "apiid", "apiname", "versions", "allowance_scope")
_ENTRY: dict[str, Any] = TYPES["access_rights"]["*"]
# What begins with each period of a quota.
PERIOD = ("quota_renews", "quota_remaining")

MEMBERS: dict[str, Any] = {name: kind for name, kind in _ENTRY.items() if name not in _ELSEWHERE}
MEMBERS["limit"] = {name: kind for name, kind in _ENTRY["limit"].items() if name not in PERIOD}


def problems(entry: Mapping[str, Any]) -> list[Problem]:
    """What keeps an entry of `access_rights` from being read by gateways as it is written."""
    return shape.problems(dict(entry), _ENTRY) or list(right_problems(entry, ""))


def members_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The members of an entry without `problems` that a right keeps."""
    kept = _known({name: entry[name] for name in MEMBERS if name in entry}, MEMBERS)
    return dict(said(kept))


def _known(value: Any, types: Any) -> Any:
    """Without the members that gateways do not know, and so do not write back."""
    if isinstance(value, dict) and isinstance(types, dict):
        return {name: _known(value[name], types[name]) for name in types if name in value}
    if isinstance(value, list) and isinstance(types, list):
        return [_known(entry, types[0]) for entry in value]
    # As gateways write a number that cannot be told from its neighbours.
    return float(value) if types == "float64" and isinstance(value, int) and abs(value) > 2**53 else value


def said(value: Any) -> Any:
    """A value without members that gateways take for ones that are not there. Of a list, each place says something:
    a path without methods opens nothing, and none at all opens everything. -1 says something, too: an API that has it
    is not limited by what limits the key."""
    if isinstance(value, dict):
        below = {name: said(entry) for name, entry in value.items()}
        return {name: entry for name, entry in below.items() if entry not in (None, 0, "", [], {})}
    return [said(entry) for entry in value] if isinstance(value, list) else value


def size(rights: Iterable[Mapping[str, Any]]) -> int:
    """Characters of the members of rights."""
    return sum(len(compact(members)) for members in rights if members)


def has_limit(members: Mapping[str, Any]) -> bool:
    """Whether requests to the API are counted by themselves, and by none of the key's limits."""
    return bool(members.get("limit", {}).keys() - {"smoothing"})


def has_quota(members: Mapping[str, Any]) -> bool:
    """Whether requests to the API are counted against a quota of it."""
    return bool(members.get("limit", {}).get("quota_max", 0) > 0)


def worded(members: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(what, how it is) of each member, for people."""
    rows = [("Limits", words.limits(members["limit"]))] if has_limit(members) else []
    rows += [("Only", f"{_methods(path)} {path.get('url', '')}") for path in members.get("allowed_urls", ())]
    rows += [
        ("Limit, not on 3.0", f"{method.get('name', 'any method')} {path.get('path', '')}: {_rate(method)}")
        for path in members.get("endpoints", ())
        for method in path.get("methods", ())
    ]
    rest = members.keys() - {"limit", "allowed_urls", "endpoints"}
    return rows + [(name, compact(members[name])) for name in MEMBERS if name in rest]


def _methods(path: Mapping[str, Any]) -> str:
    return ", ".join(path.get("methods", ())) or "no method of"


def _rate(method: Mapping[str, Any]) -> str:
    return words.rate(method.get("limit", {}))
