"""Session objects: what a gateway of 3.0 to 5.14 decodes from its Redis to know what a key may do.

A stock gateway never compares the organisation of a session with that of the API it opens. A session whose
`access_rights` is empty, null or absent opens every API of every organisation on the node, and one naming a
stranger's API opens it. So rights are always spelled out here, never empty, and only ever name the
organisation's own APIs.

Pure: dicts in, dicts out.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from keys.policies.document import ACTED_ON
from keys.policies.render import nothing
from keys.sessions.patterns import readable
from keys.sessions.rights import PERIOD, said

UNLIMITED = -1
COUNTED_UNDER = "rate_limit_pattern"  # one of ACTED_ON
INT64 = 2**63 - 1
# Seconds after which Redis forgets a session that gateways write back: the next sweep would bring it back. So a key
# ends then (keys.keys.lifecycle.first_end), and gateways are not told.
LIFETIME = "session_lifetime"
# What is written here is less deep (orgs.http.strict_json), and whoever compares sessions goes down in them.
_MOST_DEEP = 100
# Members whose own are named by whoever made them.
_MAPS = frozenset({"meta_data", "oauth_keys"})

# Written by gateways themselves; a client that sends back a session it has read sends them too.
GATEWAY_MEMBERS = frozenset(
    {
        "last_check",
        "allowance",
        "quota_renews",
        "quota_remaining",
        "date_created",
        "last_updated",
        "id_extractor_deadline",
    }
)
_UNLIMITED_LIMITS = (
    "rate",
    "quota_max",
    "quota_remaining",
    "max_query_depth",
    "throttle_interval",
    "throttle_retry_limit",
)


@dataclass(frozen=True)
class Api:
    """An API as rights speak of it: the id gateways know it by, its name, the names of its versions; how callers prove
    who they are (apis.definitions.authentication)."""

    api_id: str
    name: str
    versions: tuple[str, ...] = ("Default",)
    auth: str = ""


@dataclass(frozen=True)
class Right:
    """One API a key may call. No versions means all the API has, also those it gets later. members: what else there is
    to say of it (keys.sessions.rights)."""

    api_id: str
    versions: tuple[str, ...] = ()
    members: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class PolicyFacts:
    """A policy as keys speak of it: its row, the id by which clients name it, its name; whether a key may open
    something by it alone; after how many seconds from its creation a key ends (0: never)."""

    id: str
    policy_id: str
    name: str
    state: str = "active"
    grants_rights: bool = True
    key_expires_in: int = 0


@dataclass(frozen=True)
class Limits:
    """`rate` requests in `per` seconds; `quota_max` requests in `quota_renewal_rate` seconds. A rate or
    quota of 0 or -1 is unlimited."""

    rate: float = UNLIMITED
    per: float = 0
    quota_max: int = UNLIMITED
    quota_renewal_rate: int = 0


def session(
    *,
    rights: Iterable[Right] | None,
    policies: Sequence[str] = (),
    secrets: Mapping[str, Any] | None = None,
    **facts: Any,
) -> dict[str, Any] | None:
    """The session object of a key as `described`, or None when there is nothing it may open: empty rights
    would open everything. policies: the row ids of those that it has, in order. secrets: members for what the key's
    holder signs in with."""
    made = described(rights=rights, **facts) | dict(secrets or {})
    made.pop(LIFETIME, None)
    # What was stored before it was refused: gateways would take policies out of it, whatever organisation's APIs
    # those open.
    made["meta_data"] = {name: value for name, value in made["meta_data"].items() if name not in ACTED_ON}
    if policies:
        made = _by_policies(made, policies)
    return made if made["access_rights"] and made["org_id"] else None


def _by_policies(made: dict[str, Any], policies: Sequence[str]) -> dict[str, Any]:
    """The session of a key that has policies. Where those grant rights, they take the place of the key's own on every
    gateway; where they grant none, 5.14 refuses the key and 3.0 takes its own. So none of its own are written: then it
    opens nothing anywhere. For gateways of 3.0 -1 is the highest of limits, whatever policies say: what the key itself
    does not limit is not set."""
    limits = {name: 0 for name in _UNLIMITED_LIMITS if made.get(name) == UNLIMITED}
    # Gateways from 5 on let policies alone say whether a key is inactive: one that is suspended must have none.
    named = {} if made["is_inactive"] else {"apply_policies": list(policies)}
    return made | limits | named | {"access_rights": nothing()}


def described(
    *,
    org_id: str,
    apis: Iterable[Api],
    rights: Iterable[Right] | None,
    limits: Limits,
    alias: str = "",
    expires_at: datetime | None = None,
    suspended: bool = False,
    tags: Iterable[str] = (),
    meta_data: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
    created_at: datetime,
    updated_at: datetime,
) -> dict[str, Any]:
    """A key in the form of a session object, for people and programs to read; without rights it is none for
    gateways.

    `apis`: the organisation's APIs of this moment. `rights`: None means all of them. A right whose API is
    not among them is left out. `extra`: further members, as they are. Times are aware.
    """
    return {
        "org_id": org_id,
        "alias": alias,
        "access_rights": _access_rights(apis, rights),
        "rate": limits.rate,
        "per": limits.per,
        "quota_max": limits.quota_max,
        "quota_renews": 0,
        "quota_remaining": limits.quota_max,
        "quota_renewal_rate": limits.quota_renewal_rate,
        "expires": int(expires_at.timestamp()) if expires_at else 0,
        "is_inactive": suspended,
        "tags": list(tags),
        "meta_data": dict(meta_data or {}),
        "date_created": created_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "last_updated": str(int(updated_at.timestamp())),
        **(extra or {}),
    }


def _access_rights(apis: Iterable[Api], rights: Iterable[Right] | None) -> dict[str, Any]:
    wanted = None if rights is None else {right.api_id: right for right in rights}
    return {
        api.api_id: _entry(api, (wanted or {}).get(api.api_id) or Right(api.api_id))
        for api in sorted(apis, key=lambda api: api.api_id)
        if wanted is None or api.api_id in wanted
    }


def _entry(api: Api, right: Right) -> dict[str, Any]:
    versions = list(right.versions or api.versions)
    return {"api_name": api.name, "api_id": api.api_id, "versions": versions, **readable(right.members)}


def parsed(stored: bytes | None) -> dict[str, Any] | None:
    """The session in what Redis holds; None when there is none or a gateway could read it otherwise than we
    do: not JSON, not an object, a member twice (gateways tell no letter case, and take the last), nested too deep."""
    if stored is None:
        return None
    try:
        value = json.loads(stored, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or len({name.casefold() for name in value}) != len(value):
        return None
    return None if _is_deeper(value, _MOST_DEEP) else value


def _is_deeper(value: Any, most: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return most < 0 or any(_is_deeper(each, most - 1) for each in inner)


def as_gateways_read(stored: bytes | None) -> dict[str, Any] | None:
    """The session in what somebody else wrote, its members named as gateways know them, whatever the case of their
    letters; None as `parsed`."""
    try:
        folded: dict[str, Any] | None = _folded(parsed(stored))
    except ValueError:
        return None
    return folded


def _folded(value: Any, *, by_id: bool = False) -> Any:
    if isinstance(value, list):
        return [_folded(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    made = value if by_id else {name.casefold(): inner for name, inner in value.items()}
    if len(made) != len(value):
        raise ValueError("a member occurs twice")
    return {
        name: inner if name in _MAPS and not by_id else _folded(inner, by_id=name == "access_rights")
        for name, inner in made.items()
    }


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member occurs twice")
    return members


def same(ours: dict[str, Any], stored: dict[str, Any] | None) -> bool:
    """Whether a gateway treats `stored` as it would `ours`: members which gateways write themselves do not
    count, and absent, zero and -1 are one (from 5.12 on gateways leave out zero members when they write a
    session back)."""
    return stored is not None and essence(ours) == essence(stored)


def essence(session: Mapping[str, Any]) -> dict[str, Any]:
    """What of a session matters to a gateway."""
    kept = {
        name: value for name, value in session.items() if name not in GATEWAY_MEMBERS and not is_zero(value)
    }
    rights = session.get("access_rights")
    if isinstance(rights, dict):
        kept["access_rights"] = {api_id: _right_essence(api_id, right) for api_id, right in rights.items()}
    kept["meta_data"] = session.get("meta_data") or {}
    return kept


def _right_essence(api_id: str, right: Any) -> Any:
    if not isinstance(right, dict):
        return right
    kept = dict(right)
    if isinstance(kept.get("limit"), dict):
        kept["limit"] = {n: v for n, v in kept["limit"].items() if n not in PERIOD}
    # As gateways write it, of an API that has limits.
    if kept.get("allowance_scope") == api_id:
        del kept["allowance_scope"]
    return said(kept)


def with_quota_state(ours: dict[str, Any], stored: dict[str, Any] | None, now: int) -> dict[str, Any]:
    """`ours` with the quota periods that a gateway has begun in `stored`, of the key and of single APIs, or else ones
    that begin `now` (unix seconds).

    A gateway which finds a spent quota and a renewal time in the past starts a new period at once: a quota
    with no renewal time is not enforced by 3.0 (seen), and one that loses it in the middle is handed out
    twice.
    """
    stored = stored or {}
    before = _object(stored.get("access_rights"))
    rights = {
        api_id: right | {"limit": _with_period(right["limit"], _object(before.get(api_id)).get("limit"), now)}
        for api_id, right in ours["access_rights"].items()
        if "limit" in right
    }
    return _with_period(ours, stored, now) | {"access_rights": ours["access_rights"] | rights}


def _with_period(limits: dict[str, Any], begun: Any, now: int) -> dict[str, Any]:
    """Limits, of a key or an API, with the period of their quota. begun: what Redis has in their place."""
    if limits.get("quota_max", 0) <= 0:
        return dict(limits)
    begun = _object(begun)
    renews, left = begun.get("quota_renews"), begun.get("quota_remaining")
    goes_on = begun.get("quota_max") == limits["quota_max"] and _is_count(left)
    return limits | {
        "quota_renews": renews
        if _is_count(renews) and renews > now
        else now + limits.get("quota_renewal_rate", 0),
        "quota_remaining": left if goes_on else limits["quota_max"],
    }


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def sharing(session: dict[str, Any], allowance: str) -> dict[str, Any]:
    """The session with its requests counted under this name, together with those of others that have it: by gateways
    of 5.14 (recorded; 3.0.12 knows no such thing)."""
    return session | {"meta_data": session["meta_data"] | {COUNTED_UNDER: allowance}}


def encoded(session: dict[str, Any], allowance: str = "") -> bytes:
    """A session as bytes for Redis. allowance: what its requests are counted under, where that is ours to say. Raises
    ValueError rather than write one without rights or organisation, or with other metadata that gateways act on."""
    if not session.get("access_rights") or not session.get("org_id"):
        raise ValueError("a session without rights or organisation opens every API on a gateway")
    acted_on = {name: said for name, said in (session.get("meta_data") or {}).items() if name in ACTED_ON}
    if acted_on != ({COUNTED_UNDER: allowance} if allowance else {}):
        raise ValueError("policies in the metadata of a session open what they like on a gateway")
    return json.dumps(session, separators=(",", ":"), allow_nan=False).encode()


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= INT64


def is_zero(value: Any) -> bool:
    """Whether a gateway takes a member of this value for one that is not there: zero, -1 (unlimited), or
    made of nothing but those."""
    if isinstance(value, dict):
        return all(is_zero(entry) for entry in value.values())
    if isinstance(value, list):
        return all(is_zero(entry) for entry in value)
    return value is None or value in (0, "", UNLIMITED)
