"""A policy as the few fields of a form, and back: all that the form does not show stays as it is. Pure.

What comes here may still be written, so nothing is taken for what it should be.
"""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from keys.keys.session import Api
from keys.policies.document import PARTITIONS, STATES

NUMBERS = (
    "rate",
    "per",
    "quota_max",
    "quota_renewal_rate",
    "throttle_interval",
    "throttle_retry_limit",
    "max_query_depth",
    "key_expires_in",
)
FLAGS = (*PARTITIONS, "per_api")
# What is made of the rest, or is no author's to say; the editor does not ask for it.
_MADE = ("_id", "org_id", "active", "is_inactive", "access_rights_array", "last_updated")


def new() -> dict[str, Any]:
    """What every new policy starts from."""
    return {
        "name": "",
        "state": "active",
        "access_rights": {},
        "rate": 0,
        "per": 0,
        "quota_max": 0,
        "quota_renewal_rate": 0,
        "partitions": dict.fromkeys(FLAGS, False),
        "tags": [],
        "meta_data": {},
    }


def editable(stored: Mapping[str, Any]) -> dict[str, Any]:
    """A stored policy as people write it, without what follows from the rest."""
    return {name: value for name, value in stored.items() if name not in _MADE}


def fields(policy: Mapping[str, Any]) -> dict[str, Any]:
    """What the form shows of a policy. access_rights: the ids of its APIs."""
    parts = _object(policy, "partitions")
    return {
        "name": policy["name"] if isinstance(policy.get("name"), str) else "",
        "state": _state(policy),
        "access_rights": list(_rights(policy)),
        **{name: _number(policy.get(name)) for name in NUMBERS},
        **{f"partition_{name}": parts.get(name) is True for name in FLAGS},
        "tags": _texts(policy.get("tags")),
        "meta_data": _object(policy, "meta_data"),
    }


def apply(policy: Mapping[str, Any], values: Mapping[str, Any], apis: Iterable[Api]) -> dict[str, Any]:
    """A copy of `policy` in which the fields say `values`; what a field said before is left as it is, as are the
    members of the rights to an API that stays. apis: those of the organisation."""
    made = copy.deepcopy(dict(policy))
    before = fields(policy)
    changed = {name: value for name, value in values.items() if before[name] != value}
    if (named := changed.pop("access_rights", None)) is not None:
        made["access_rights"] = _named(_rights(made), named, {api.api_id: api for api in apis})
        made.pop("access_rights_array", None)
    for name in FLAGS:
        if (flag := changed.pop(f"partition_{name}", None)) is not None:
            made["partitions"] = _object(made, "partitions") | {name: flag}
    return made | changed


def _named(present: Mapping[str, Any], named: Iterable[str], own: Mapping[str, Api]) -> dict[str, Any]:
    """The rights to the APIs of these ids: those that are there, and new ones to all versions that an API has."""
    ids = dict.fromkeys(named)
    kept = {api_id: right for api_id, right in present.items() if api_id in ids}
    apis = [own.get(api_id) or Api(api_id, "", ()) for api_id in ids if api_id not in kept]
    added = {
        api.api_id: {"api_id": api.api_id, "api_name": api.name, "versions": list(api.versions)}
        for api in apis
    }
    return kept | added


def _rights(policy: Mapping[str, Any]) -> dict[str, Any]:
    """The rights by API id, in whichever form they stand."""
    if named := _object(policy, "access_rights"):
        return named
    listed = policy.get("access_rights_array")
    rights = [right for right in listed if isinstance(right, dict)] if isinstance(listed, list) else []
    return {right["api_id"]: right for right in rights if isinstance(right.get("api_id"), str)}


def _state(policy: Mapping[str, Any]) -> str:
    state = policy.get("state")
    if isinstance(state, str) and state in STATES:
        return state
    if policy.get("is_inactive") is True:
        return "deny"
    return "draft" if policy.get("active") is False else "active"


def _number(value: object) -> Any:
    """A number, or a text that somebody took for one."""
    return value if isinstance(value, int | float | str) and not isinstance(value, bool) else 0


def _texts(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _object(policy: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The member `name`; empty where it is no object."""
    value = policy.get(name)
    return value if isinstance(value, dict) else {}
