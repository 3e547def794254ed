"""What a stored policy says, in sentences: its limits, what a change means for keys, and where gateways of 3.0 and 5.x
make something else of it. Pure."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from apis.definitions.rules.targets import NOWHERE
from keys.policies import render
from keys.policies.document import grants_rights
from keys.policies.effect.effective import Outcome, effective
from keys.policies.effect.levels import Generation, values
from keys.sessions.patterns import unreadable

VERSIONS: dict[Generation, str] = {"3.0": "3.0", "5": "5.x"}
_PARTS = {
    "acl": "access",
    "rate_limit": "rate and throttling",
    "quota": "quota",
    "complexity": "query depth",
    "per_api": "the limits of each API by itself",
}
_UNITS = {"day": 86_400, "hour": 3_600, "minute": 60}
# Members of a right which a gateway of 3.0 writes from one policy into another (keys.policies.effect.effective.SHARED).
_WRITTEN_INTO_OTHERS = {"allowed_urls": "3.0", "restricted_types": "3.0 and 5.x", "allowed_types": "5.x"}
# Of patterns of paths: how many, and how many characters of each.
_MOST_SHOWN, _LONGEST_SHOWN = 5, 60


@dataclass(frozen=True)
class Differing:
    """One API for which a key with this policy alone has other limits on gateways of 3.0 than of 5.x."""

    api: str
    in_3_0: str
    in_5: str


def rate(limits: Mapping[str, Any]) -> str:
    """ "100 requests in 60 s"."""
    return _or_none(
        limits.get("rate"),
        lambda rate: f"{_counted(rate, 'request')} in {_plain(limits.get('per') or 0):,} s",
    )


def quota(limits: Mapping[str, Any]) -> str:
    """ "10,000 requests, renewed after 1 day"."""
    renewed = limits.get("quota_renewal_rate") or 0
    return _or_none(
        limits.get("quota_max"),
        lambda most: (
            _counted(most, "request") + (f", renewed after {duration(renewed)}" if renewed > 0 else "")
        ),
    )


def duration(seconds: float) -> str:
    """In the greatest unit of which it is a whole number: "30 days", "1 hour", "90 minutes"; else
    "45 s"."""
    for noun, length in _UNITS.items():
        if seconds >= length and seconds % length == 0:
            return _counted(int(seconds // length), noun)
    return f"{_plain(seconds):,} s"


def throttling(limits: Mapping[str, Any]) -> str:
    """What happens to requests over the rate."""
    tries, seconds = limits.get("throttle_retry_limit") or 0, limits.get("throttle_interval") or 0
    if tries <= 0 or seconds <= 0:
        return "none"
    return f"over the rate they are tried again after {_plain(seconds):,} s, {tries:,} times at most"


def depth(limits: Mapping[str, Any]) -> str:
    return _or_none(limits.get("max_query_depth"), lambda most: f"{most:,} levels")


def limits(found: Mapping[str, Any]) -> str:
    """All limits in a line, "none" where there are none."""
    said = {
        "rate": rate(found),
        "quota": quota(found),
        "throttling": throttling(found),
        "depth": depth(found),
    }
    return "; ".join(f"{name} {words}" for name, words in said.items() if words != "none") or "none"


def limits_of(right: Mapping[str, Any]) -> str:
    """All limits that a right has of its own; those of single paths by their number."""
    own, number = limits(right.get("limit") or {}), len(_of_paths(right))
    if not number:
        return own
    paths = f"{_counted(number, 'limit')} of single paths, not on gateways of 3.0"
    return paths if own == "none" else f"{own}; {paths}"


def _of_paths(right: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [method for path in right.get("endpoints") or () for method in path.get("methods") or ()]


def sets(policy: Mapping[str, Any]) -> str:
    """Which of a key's settings it sets."""
    parts = [words for name, words in _PARTS.items() if policy["partitions"].get(name)]
    return ", ".join(parts) if parts else "all: access, rate, quota and query depth"


def consequences(before: Mapping[str, Any], after: Mapping[str, Any], losing: int) -> list[str]:
    """What a change means for the keys that have the policy, beyond its difference. losing: how many of them have no
    other policy that opens an API."""
    said = []
    if after["state"] == "deny" != before["state"]:
        said.append("Every key that has it is refused from then on.")
    if before["state"] == "deny" != after["state"]:
        said.append("Keys that have it are no longer refused for it.")
    if losing and grants_rights(before) and not grants_rights(after):
        keys = f"{_counted(losing, 'key')} {'has' if losing == 1 else 'have'}"
        said.append(
            f"It opens nothing any more, and {keys} no other policy that does: they open nothing, whatever their own "
            "rights are."
        )
    return said


def notes(policy: Mapping[str, Any]) -> list[str]:
    """What one should know of a policy that its members do not say."""
    said = []
    if policy["state"] == "draft":
        said.append("Gateways do not know drafts: keys that have it already go on working.")
    if policy["state"] == "deny":
        said.append("Every key that has it is refused, on every version.")
    if not grants_rights(policy):
        said.append(
            "It opens nothing by itself. A key whose policies open nothing opens nothing, whatever its own rights are."
        )
    else:
        said.append("Where a key has it, the key's own rights have no effect.")
    if policy["id"] not in ("", policy["_id"]):
        said.append(
            "Gateways are given it under both of its ids, so that tokens may name either; those of 3.0 know the second "
            "only with allow_explicit_policy_id."
        )
    if any(map(_of_paths, policy["access_rights"].values())):
        said.append(
            "It has limits of single paths, which gateways of 3.0 do not know: there, such requests count with all "
            "others."
        )
    said += [
        f"It has {name}: gateways of {versions} write what they make of it, for a key that has another policy for the "
        "same API too, into the policy itself, so that other keys get it until policies are loaded again."
        for name, versions in _WRITTEN_INTO_OTHERS.items()
        if any(right.get(name) for right in policy["access_rights"].values())
    ]
    return [*said, *_closed(policy)]


def _closed(policy: Mapping[str, Any]) -> list[str]:
    """Of paths that were stored before they were asked for patterns that gateways read."""
    found = (
        f"Gateways cannot read the path {pattern[:_LONGEST_SHOWN]} of API {api_id}, and those of 3.0 would open all "
        "paths for it: they are given one that opens nothing. Write it anew."
        for api_id, right in policy["access_rights"].items()
        for pattern in unreadable(right)
    )
    return list(islice(found, _MOST_SHOWN))


def seen(policy: Mapping[str, Any], names: Mapping[str, str]) -> list[tuple[str, str]]:
    """(version of gateways, what they make of a key that has this policy alone and no rights of its own). names: the
    organisation's APIs by id."""
    return [(VERSIONS[each], _outcome(made)) for each, made in _outcomes(policy, names).items()]


def differing(policy: Mapping[str, Any], names: Mapping[str, str]) -> list[Differing]:
    """The APIs for which limits differ between versions, by name."""
    made = _outcomes(policy, names)
    older, newer = (_by_api(made[generation]) for generation in ("3.0", "5"))
    rows = [
        Differing(names.get(api_id, api_id), older[api_id], newer[api_id])
        for api_id in older.keys() & newer.keys() - {NOWHERE}
        if older[api_id] != newer[api_id]
    ]
    return sorted(rows, key=lambda row: row.api)


def _outcomes(policy: Mapping[str, Any], names: Mapping[str, str]) -> dict[Generation, Outcome]:
    served = json.loads(render.elements(policy, names)[0])
    session = {
        "org_id": policy["org_id"],
        "apply_policies": [policy["_id"]],
        "access_rights": render.nothing(),
    }
    return {
        generation: effective(session, {policy["_id"]: served}, generation, api_org=policy["org_id"])
        for generation in VERSIONS
    }


def _outcome(made: Outcome) -> str:
    if made.session is None:
        return f"refused: {made.refusal}"
    if made.session.get("is_inactive"):
        return "refused: the policy denies"
    opened = made.session.get("access_rights", {}).keys() - {NOWHERE}
    return f"opens {_counted(len(opened), 'API')}" if opened else "opens nothing"


def _by_api(made: Outcome) -> dict[str, str]:
    return {api_id: limits(values(found)) for api_id, found in made.limits.items()}


def _counted(number: float, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _or_none(value: Any, worded: Callable[[float], str]) -> str:
    if not value:
        return "none"
    return "unlimited" if value < 0 else worded(_plain(value))


def _plain(number: float) -> float:
    return int(number) if number == int(number) else number
