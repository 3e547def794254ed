"""Tyk's policy object: what may stand in it, its one form, and what others need of it. Pure.

A gateway rejects the whole list of policies, of every organisation, for one wrong type; so types are held against what
gateways of 3.0 and 5.14 decode (`types.json`, in the form of apis.definitions.rules.shape). Members that nobody here
knows are kept and given back.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from apis.definitions.document import compact
from apis.definitions.pointer import Problem
from apis.definitions.rules import shape
from keys.sessions import patterns

TYPES: dict[str, Any] = json.loads(Path(__file__).with_name("types.json").read_text())
LONGEST_NAME = 200
LARGEST = 200_000  # characters of one policy
MOST_TAGS = 100

# What a policy of each state says to gateways and to Tyk's clients: (active, is_inactive). Gateways look at the second
# alone: keys of a policy that is a draft go on working, those of one that denies do not.
STATES = {"active": (True, False), "draft": (False, False), "deny": (False, True)}
PARTITIONS = ("quota", "rate_limit", "acl", "complexity")
_LIMITS = (
    "rate",
    "per",
    "quota_max",
    "quota_renewal_rate",
    "throttle_interval",
    "throttle_retry_limit",
    "max_query_depth",
)
# Every policy has its place in a path, /api/portal/policies/<id>, where "search" is something else.
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._~:=@+-]{0,199}")
_ROUTES = ("search",)
_HEX_ID = re.compile("[0-9a-fA-F]{24}")
# A gateway puts a policy's metadata into those of the key, and 5.14 acts by these names in there.
ACTED_ON = {
    "policies": "must be left out: gateways take a list of this name for the policies of the key, of whatever "
    "organisation",
    "rate_limit_pattern": "must be left out: gateways count requests by it, which another organisation's key may share",
}


def problems(document: object) -> list[Problem]:
    """What keeps a document from being a policy, as far as it says so itself."""
    found = shape.problems(document, TYPES)
    if found or not isinstance(document, dict):
        return found
    return [
        *_names(document),
        *_limits(document),
        *_rights(document),
        *_partitions(document),
        *_meta_data(document),
    ]


def _names(document: dict[str, Any]):
    name = document.get("name") or ""
    if not name.strip():
        yield Problem("/name", "must not be empty")
    elif len(name) > LONGEST_NAME:
        yield Problem("/name", f"must not be longer than {LONGEST_NAME} characters")
    id = document.get("id") or ""
    if id and (not _ID.fullmatch(id) or id in _ROUTES):
        yield Problem("/id", "must be letters, digits and . _ ~ : = @ + - after a letter, digit or _")
    if (document.get("state") or "active") not in STATES:
        yield Problem("/state", f"must be one of {', '.join(STATES)}")
    if len(document.get("tags") or []) > MOST_TAGS:
        yield Problem("/tags", f"must not be more than {MOST_TAGS}")
    if any("\0" in text for text in _texts(document)):
        yield Problem("", "must not hold a NUL character")
    if len(compact(document)) > LARGEST:
        yield Problem("", f"must not be longer than {LARGEST:,} characters")


def _texts(value: Any):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, below in value.items():
            yield name
            yield from _texts(below)
    elif isinstance(value, list):
        for below in value:
            yield from _texts(below)


def _limits(document: dict[str, Any]):
    yield from _limits_of(document, "")
    for api_id, right in _entries(document):
        yield from right_problems(right, f"/access_rights/{api_id}")
    if (document.get("key_expires_in") or 0) < -1:
        yield Problem("/key_expires_in", "must be seconds; 0 is never")


def right_problems(right: Mapping[str, Any], place: str):
    """Problems of what a right, of the right types, says of its API; it stands at this place."""
    yield from _limits_of(right.get("limit") or {}, f"{place}/limit")
    for index, path in enumerate(right.get("allowed_urls") or []):
        if why := patterns.problem((path or {}).get("url") or ""):
            yield Problem(f"{place}/allowed_urls/{index}/url", why)


def _limits_of(limits: Mapping[str, Any], place: str):
    for name in _LIMITS:
        if (limits.get(name) or 0) < -1:
            yield Problem(f"{place}/{name}", "must be -1 (unlimited) or more")
    if (limits.get("rate") or 0) > 0 and (limits.get("per") or 0) <= 0:
        yield Problem(f"{place}/per", "must be more than 0 where there is a rate: in how many seconds")
    if (limits.get("quota_max") or 0) > 0 and (limits.get("quota_renewal_rate") or 0) <= 0:
        yield Problem(
            f"{place}/quota_renewal_rate",
            "must be more than 0 where there is a quota: after how many seconds",
        )


def _rights(document: dict[str, Any]):
    named = document.get("access_rights") or {}
    listed = document.get("access_rights_array") or []
    for api_id, right in named.items():
        # Gateways up to 5.1 read the second of the names.
        for name in ("api_id", "apiid"):
            if (right or {}).get(name) not in (None, "", api_id):
                yield Problem(
                    f"/access_rights/{api_id}/{name}", "must be the API ID under which the entry stands"
                )
    ids = [(right or {}).get("api_id") or "" for right in listed]
    for place, right in enumerate(listed):
        if (right or {}).get("apiid") not in (None, "", ids[place]):
            yield Problem(f"/access_rights_array/{place}/apiid", "must be the same as api_id")
    if "" in ids:
        yield Problem(f"/access_rights_array/{ids.index('')}/api_id", "must not be empty")
    if len(set(ids)) < len(ids):
        yield Problem("/access_rights_array", "must not name an API twice")
    if named and listed and set(ids) != named.keys():
        yield Problem("/access_rights_array", "must name the same APIs as access_rights, or be left out")


def _partitions(document: dict[str, Any]):
    parts = document.get("partitions") or {}
    if parts.get("per_api") and any(parts.get(name) for name in PARTITIONS):
        yield Problem(
            "/partitions/per_api", "must not be set beside another partition: gateways refuse the keys"
        )


def _meta_data(document: dict[str, Any]):
    present = document.get("meta_data") or {}
    yield from (Problem(f"/meta_data/{name}", why) for name, why in ACTED_ON.items() if name in present)


def _entries(document: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """(API ID, right) of each API that a policy of the right types names, in either form, in its order."""
    if named := document.get("access_rights"):
        return [(api_id, right or {}) for api_id, right in named.items()]
    return [
        ((right or {}).get("api_id") or "", right or {})
        for right in document.get("access_rights_array") or []
    ]


def normal_form(
    document: Mapping[str, Any],
    *,
    id: str,
    org_id: str,
    updated: int,
    present: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The document (without `problems`) as it is stored and given back: both forms of access rights, the members that
    Tyk's clients look for, ids and organisation forced. updated: unix seconds. present: what is stored now, whose id
    stays where the document gives none."""
    state = _state(document, present)
    active, is_inactive = STATES[state]
    rights = {
        api_id: {
            **right,
            "api_id": api_id,
            "api_name": right.get("api_name") or "",
            "versions": right.get("versions") or [],
        }
        for api_id, right in _entries(document)
    }
    forced = {
        "_id": id,
        # Never empty: some of Tyk's clients take policies without one for the same.
        "id": document.get("id") or (present or {}).get("id") or id,
        "org_id": org_id,
        "state": state,
        "active": active,
        "is_inactive": is_inactive,
        "access_rights": rights,
        "access_rights_array": list(rights.values()),
        "tags": document.get("tags") or [],
        "partitions": dict.fromkeys((*PARTITIONS, "per_api"), False) | (document.get("partitions") or {}),
        "last_updated": str(updated),
    }
    filled = dict.fromkeys(_LIMITS, 0) | {"key_expires_in": 0, "meta_data": {}, "hmac_enabled": False}
    given = {name: value for name, value in document.items() if value is not None}
    return {**filled, **given, **forced}


def _state(document: Mapping[str, Any], present: Mapping[str, Any] | None) -> str:
    """The state a document asks for; one that says nothing of it is active. Clients that know the flags alone send back
    the state that they have read: where it is the present one, a flag that is another than at present counts."""
    said = document.get("state")
    flags = {name: document.get(name) for name in ("active", "is_inactive")}
    if present is None or said != present["state"]:
        return str(said or _flagged(flags))
    changed = {name: flag for name, flag in flags.items() if flag not in (None, present[name])}
    return _flagged({name: present[name] for name in flags} | changed) if changed else str(said)


def _flagged(flags: Mapping[str, Any]) -> str:
    if flags["is_inactive"]:
        return "deny"
    return "draft" if flags["active"] is False else "active"


def without_apis(document: Mapping[str, Any], api_ids: set[str]) -> dict[str, Any]:
    """A stored document without its rights to these APIs."""
    rights = {api_id: right for api_id, right in document["access_rights"].items() if api_id not in api_ids}
    return {**document, "access_rights": rights, "access_rights_array": list(rights.values())}


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two stored documents differ in nothing but when they were stored."""
    return {**one, "last_updated": ""} == {**other, "last_updated": ""}


def opened_apis(document: Mapping[str, Any]) -> list[str]:
    """The ids of the APIs that a document names."""
    return [api_id for api_id, _ in _entries(document)]


def granted_apis(document: Mapping[str, Any]) -> set[str]:
    """The ids of the APIs that this stored policy opens by itself."""
    return set(opened_apis(document)) if grants_rights(document) else set()


def grants_rights(document: Mapping[str, Any]) -> bool:
    """Whether a key may open something by this stored policy alone, and not only be limited by it."""
    parts = document["partitions"]
    limits_only = any(parts.get(name) for name in PARTITIONS) and not parts.get("acl")
    return bool(document["access_rights"]) and not limits_only


def resolves_as(document: Mapping[str, Any]) -> str:
    """The id by which clients, tokens and claims name a stored policy: its own, or else that of its row."""
    return str(document["id"])


def is_id(id: str) -> bool:
    """Whether a policy may have this id."""
    return _ID.fullmatch(id) is not None


def is_hex_id(id: str) -> bool:
    """Whether a gateway reads `id` as an object id, in whatever case."""
    return _HEX_ID.fullmatch(id) is not None
