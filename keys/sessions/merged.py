"""What gateways make of the session of a key that has policies, and write back: the session with its policies applied,
whose rights, limits, tags and metadata are then those of the key. Pure.

They apply policies to that again on each request. Where the policies are still what they were it says nothing new, so
it is left as it is; whatever nobody offered is not.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from apis.definitions.rules.targets import NOWHERE
from keys.keys.session import INT64, essence, is_zero
from keys.policies.effect.effective import effective
from keys.policies.effect.levels import OF_POLICY

# Members which a gateway takes from any of the policies.
_TAKEN = (
    "hmac_enabled",
    "enable_http_signature_validation",
    "post_expiry_action",
    "post_expiry_grace_period",
    "is_inactive",
)
_MERGED = frozenset({*OF_POLICY, *_TAKEN, "access_rights", "tags", "meta_data"})
_PERIOD = ("quota_renews", "quota_remaining")

Policy = Mapping[str, Any]


def granted_apis(policies: Iterable[Policy]) -> set[str]:
    """The APIs that any of these policies, as gateways have them, opens."""
    return {api_id for policy in policies if _grants(policy) for api_id in policy["access_rights"]}


def _grants(policy: Policy) -> bool:
    parts = policy.get("partitions") or {}
    return bool(parts.get("acl")) or not any(
        parts.get(name) for name in ("quota", "rate_limit", "complexity")
    )


def accepted(ours: Mapping[str, Any], stored: Mapping[str, Any] | None, policies: Sequence[Policy]) -> bool:
    """Whether `stored` is `ours`, or what gateways make of it by these policies. Neither more rights than the policies
    open, nor a limit that nobody set, nor other policies."""
    return (
        stored is not None
        and _rest(ours) == _rest(stored)
        and _are_opened(ours, stored.get("access_rights"), policies)
        and _are_offered(OF_POLICY, ours, stored, policies)
        and _are_offered(_TAKEN, ours, stored, policies)
        and _are_tags(ours["tags"], stored.get("tags"), policies)
        and _is_meta_data(ours["meta_data"], stored.get("meta_data"), policies)
    )


def _rest(session: Mapping[str, Any]) -> dict[str, Any]:
    """What policies do not touch. Which one they are is given as `apply_policy_id`, too."""
    kept = {name: value for name, value in essence(session).items() if name not in _MERGED}
    named = session.get("apply_policies")
    if isinstance(named, list) and kept.get("apply_policy_id") in named:
        del kept["apply_policy_id"]
    return kept


def _are_opened(ours: Mapping[str, Any], rights: Any, policies: Sequence[Policy]) -> bool:
    allowed = ours["access_rights"].keys() | granted_apis(policies) | {NOWHERE}
    if not isinstance(rights, dict) or not rights or not rights.keys() <= allowed:
        return False
    return all(_is_right(api_id, _object(right), policies) for api_id, right in rights.items())


def _object(value: Any) -> Any:
    """As a gateway reads null."""
    return {} if value is None else value


def _is_right(api_id: str, right: Any, policies: Sequence[Policy]) -> bool:
    """Of what a right holds besides, gateways take nothing but the limits, as long as a policy grants."""
    if not isinstance(right, dict) or right.get("api_id", api_id) not in (api_id, ""):
        return False
    limits = [(policy["access_rights"].get(api_id) or {}).get("limit") or {} for policy in policies]
    return _are_offered(OF_POLICY, {}, _object(right.get("limit")), [*policies, *limits])


def _are_offered(
    names: Iterable[str], ours: Mapping[str, Any], stored: Any, offers: Sequence[Mapping[str, Any]]
) -> bool:
    """Whether each of these members is nothing, ours, or what a policy offers. -1 is not nothing here: it may be the
    highest of all."""
    return isinstance(stored, dict) and all(
        (is_zero(stored.get(name)) and stored.get(name) != -1)
        or any(stored[name] == offer.get(name) for offer in (ours, *offers))
        for name in names
    )


def _are_tags(ours: list[str], tags: Any, policies: Sequence[Policy]) -> bool:
    tags = tags or []
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        return False
    offered = {tag for policy in policies for tag in policy.get("tags") or []}
    return set(ours) <= set(tags) <= {*ours, *offered}


def _is_meta_data(ours: Mapping[str, Any], members: Any, policies: Sequence[Policy]) -> bool:
    members = members or {}
    offers = [ours, *(policy.get("meta_data") or {} for policy in policies)]
    return (
        isinstance(members, dict)
        and ours.keys() <= members.keys()
        and all(
            any(name in offer and offer[name] == value for offer in offers) for name, value in members.items()
        )
    )


def with_periods(
    session: dict[str, Any], stored: Mapping[str, Any] | None, policies: Sequence[Policy], now: int
) -> dict[str, Any]:
    """The session with the quota periods that gateways have begun in `stored` for what the policies open, or else with
    ones that begin `now` (unix seconds). Gateways look for that of an API in the key's own right; without one those of
    3.0 hand out the quota again and again for ten seconds (seen)."""
    stored = stored or {}
    whole, each = _beginning(session, policies, now)
    each |= {
        api_id: _period(right["limit"])
        for api_id, right in _rights(stored)
        if api_id in granted_apis(policies) and _is_begun(right.get("limit"), now)
    }
    if session["quota_max"]:
        whole = {}  # keys.keys.session.with_quota_state
    elif _is_begun(stored, now):
        whole = _period(stored)
    rights = {
        api_id: {"api_id": api_id, "api_name": "", "versions": [], "limit": period}
        for api_id, period in each.items()
    }
    return session | whole | ({"access_rights": session["access_rights"] | rights} if rights else {})


def _beginning(
    session: Mapping[str, Any], policies: Sequence[Policy], now: int
) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    """The periods of what gateways will count, of the key as a whole and by API id, were they to begin `now`."""
    if not has_quota(policies):
        return {}, {}
    made = effective(session, {policy["_id"]: policy for policy in policies}, "3.0").session or {}
    # An API without limits has those of the key; a period would be its only one.
    each = {
        api_id: period
        for api_id, right in _rights(made)
        if api_id != NOWHERE and (period := _new_period(right.get("limit") or {}, now))
    }
    return _new_period(made, now), each


def _new_period(limit: Mapping[str, Any], now: int) -> dict[str, int]:
    counted = (limit.get("quota_max") or 0) > 0
    return {"quota_renews": now + (limit.get("quota_renewal_rate") or 0)} if counted else {}


def _rights(stored: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    rights = stored.get("access_rights")
    found = rights.items() if isinstance(rights, dict) else ()
    return [(api_id, right) for api_id, right in found if isinstance(right, dict)]


def _is_begun(holder: Any, now: int) -> bool:
    begun = holder.get("quota_renews") if isinstance(holder, dict) else None
    return isinstance(begun, int) and not isinstance(begun, bool) and now < begun <= INT64


def _period(holder: Mapping[str, Any]) -> dict[str, int]:
    return {
        name: holder[name]
        for name in _PERIOD
        if isinstance(holder.get(name), int) and 0 <= holder[name] <= INT64
    }


def scopes(policies: Iterable[Policy]) -> list[str]:
    """The scopes in which gateways count requests against quotas of these policies, besides that of the whole key."""
    found: dict[str, None] = {}
    for policy in policies:
        found[policy["_id"]] = None
        if (policy.get("partitions") or {}).get("per_api"):
            found |= dict.fromkeys(policy["access_rights"])
    return list(found)


def has_quota(policies: Iterable[Policy]) -> bool:
    """Whether any of these policies has requests counted."""
    return any(
        (holder.get("quota_max") or 0) > 0
        for policy in policies
        for holder in (
            policy,
            *((right or {}).get("limit") or {} for right in policy["access_rights"].values()),
        )
    )
