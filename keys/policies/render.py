"""What gateways are given for one policy. Pure.

Gateways name a policy by `_id` or by `id`: 3.0 by `id` only if it is told to (`allow_explicit_policy_id`), and then
not by `_id`; from 5.8.9 on a non-empty `id` always wins, and `_id` does not resolve. So a policy whose `id` is not its
`_id` is served twice, once under each, and both names resolve; on a 3.0 that is not told to, the `_id` alone.

A policy without rights leaves a gateway of 3.0 the rights of the key, and none of those are all APIs of the
organisation. So none is served without: what opens nothing names an API that can be nowhere.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from apis.definitions.document import compact
from apis.definitions.rules.targets import NOWHERE
from keys.sessions.patterns import readable

# What no policy's own `_id` begins with: as a time, the last second of the years that it can tell (2106).
DERIVED = "f" * 8

# Members that say something to people and to Tyk's clients, not to gateways.
_NOT_FOR_GATEWAYS = ("access_rights_array", "state", "auth_type", "auth_types", "date_created")


def elements(document: Mapping[str, Any], names: Mapping[str, str]) -> list[bytes]:
    """The elements of the list for one stored policy. names: those of the organisation's APIs by API id; a right to
    another is left out."""
    served = {name: value for name, value in document.items() if name not in _NOT_FOR_GATEWAYS}
    served["access_rights"] = _rights(document["access_rights"], names)
    own = document["id"]
    if not own or own == document["_id"]:
        return [_encoded({**served, "id": ""})]
    return [_encoded({**served, "id": ""}), _encoded({**served, "_id": derived_id(own)})]


def derived_id(id: str) -> str:
    """The `_id` of the element under which a policy is served by its own `id`: one that no policy can be given, or
    two elements would have it."""
    return DERIVED + hashlib.sha256(f"policy {id}".encode()).hexdigest()[:16]


def _rights(rights: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    own = {
        # Up to 5.1 gateways read the names without the line between.
        api_id: {**readable(right), "api_name": names[api_id], "apiid": api_id, "apiname": names[api_id]}
        for api_id, right in rights.items()
        if api_id in names
    }
    return own or nothing()


def nothing() -> dict[str, Any]:
    """Rights, not empty, which open nothing."""
    return {NOWHERE: {"api_id": NOWHERE, "api_name": "", "versions": []}}


def _encoded(element: Mapping[str, Any]) -> bytes:
    return compact(element).encode()


# What is served when there is no policy: gateways of 3.0 keep what they had for an empty list, so that the last policy
# would never go. Of no organisation, it can be used by no key.
PLACEHOLDER = _encoded(
    {
        "_id": NOWHERE,
        "id": "",
        "name": "None",
        "org_id": "",
        "is_inactive": True,
        "access_rights": nothing(),
        "last_updated": "",
    }
)
