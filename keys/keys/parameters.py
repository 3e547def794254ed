"""What a request asks a key to be, read with the types a gateway decodes. Pure.

Whatever would grant or restrict something that is not kept here is refused, not dropped: a key must never
open more than its maker was told.
"""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from apis.definitions.rules import shape
from keys.keys.session import INT64, LIFETIME, PolicyFacts, Right, is_zero
from keys.sessions.rights import LARGEST, members_of, problems, size
from orgs import refusals

NO_RIGHTS = "A key must have at least one API in its access rights, or a policy that opens one."
NO_GRANT = (
    "None of these policies opens an API: they only limit. Gateways from 5.8 on refuse a key whose policies open"
    " nothing, whatever its own rights are. Choose one that opens APIs too."
)
MOST_POLICIES = 20

# Further members of a gateway's session that are kept and delivered as they are, with the types that it decodes (in the
# form of apis.definitions.rules.shape).
KEPT: dict[str, Any] = {
    "throttle_interval": "float64",
    "throttle_retry_limit": "int",
    "max_query_depth": "int",
    "smoothing": {
        "enabled": "bool",
        "threshold": "int64",
        "trigger": "float64",
        "step": "int64",
        "delay": "int64",
    },
    "data_expires": "int64",
    LIFETIME: "int64",
    "monitor": {"trigger_limits": ["float64"]},
    "enable_detail_recording": "bool",
    "enable_detailed_recording": "bool",
    "post_expiry_action": "string",
    "post_expiry_grace_period": "int64",
    "hmac_enabled": "bool",
    "enable_http_signature_validation": "bool",
    # IDs of certificates (keys.certificates.named).
    "certificate": "string",
    "rsa_certificate_id": "string",
    "mtls_static_certificate_bindings": ["string"],
}
_LARGEST_KEPT = 10_000  # characters

# Members of a gateway's session that are not kept: credentials that have a place of their own. Secrets:
# keys.credentials.members.
_NOT_KEPT = frozenset({"oauth_client_id", "oauth_keys"})


class SessionError(refusals.Invalid):
    """A session that must not be written."""

    def __init__(self, field: str, message: str):
        super().__init__(message, field)


def rights_from(access_rights: Any, own_apis: Iterable[str]) -> list[Right]:
    """The rights a request body's `access_rights` asks for.

    `own_apis`: API ids of the key's organisation. Raises SessionError for wrong types, for empty rights, for more than
    gateways should read with each request, and for an API which is unknown or another organisation's: in one wording,
    since the difference would tell what others have.
    """
    rights = _rights_object({} if access_rights is None else access_rights)
    if not rights:
        raise SessionError("access_rights", NO_RIGHTS)
    own = set(own_apis)
    found = [_right_from(api_id, entry, own) for api_id, entry in rights.items()]
    if size(right.members for right in found) > LARGEST:
        raise SessionError("access_rights", f"Must not be longer than {LARGEST:,} characters.")
    return found


def no_such_api(api_id: str) -> str:
    """What is said of an API that does not exist and of another organisation's: the difference would tell."""
    return f"There is no API {api_id!r} in this organisation."


def policies_from(names: Iterable[str], own: Iterable[PolicyFacts]) -> list[PolicyFacts]:
    """The policies that a key shall have, in order, each named by its row's id or by the one clients use.

    `own`: policies of the key's organisation, at least those named. Raises SessionError for too many, for one that is
    unknown or another organisation's, in one wording, and where none of them grants rights.
    """
    known = {policy.policy_id: policy for policy in own} | {policy.id: policy for policy in own}
    names = list(dict.fromkeys(names))
    if len(names) > MOST_POLICIES:
        raise SessionError("apply_policies", f"Must not be more than {MOST_POLICIES} policies.")
    for name in names:
        if name not in known:
            raise SessionError("apply_policies", no_such_policy(name))
    policies = list(dict.fromkeys(known[name] for name in names))
    if policies and not any(policy.grants_rights for policy in policies):
        raise SessionError("apply_policies", NO_GRANT)
    return policies


def no_such_policy(name: str) -> str:
    """As `no_such_api`."""
    return f"There is no policy {name!r} in this organisation."


def _right_from(api_id: str, entry: Any, own: set[str]) -> Right:
    field = f"access_rights.{api_id}"
    if api_id not in own:
        raise SessionError("access_rights", no_such_api(api_id))
    if entry is None:
        entry = {}
    if not isinstance(entry, dict):
        raise SessionError(field, "Must be an object.")
    if entry.get("api_id", api_id) not in (api_id, "", None):
        raise SessionError(f"{field}.api_id", "Must be the API id under which the entry stands.")
    if entry.get("apiid", api_id) not in (api_id, "", None):
        raise SessionError(f"{field}.apiid", "Must be the API id under which the entry stands.")
    if found := problems(entry):
        place = found[0].pointer.replace("/", ".")
        raise SessionError(f"{field}{place}", f"{found[0].message[:1].upper()}{found[0].message[1:]}.")
    return Right(api_id, tuple(entry.get("versions") or ()), members_of(entry))


def values_from(body: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a request body that a key keeps, by name, each of the JSON type a gateway decodes it
    as; null is as good as absent. Only members present are in the answer. `access_rights` is handed on as
    it is, for `rights_from`.

    Raises SessionError naming the member for a wrong type and for whatever would grant or restrict
    something that is not kept here. Unknown members and those which gateways write are passed over.
    """
    for name in sorted(_NOT_KEPT & body.keys()):
        if not is_zero(body[name]):
            raise SessionError(name, "Is not supported; leave it out or empty.")
    values = {name: read(body[name], name) for name, read in _READERS.items() if body.get(name) is not None}
    if body.get("access_rights") is not None:
        values["access_rights"] = _rights_object(body["access_rights"])
    if kept := _kept(body):
        values["session_extra"] = kept
    return values


def _kept(body: Mapping[str, Any]) -> dict[str, Any]:
    """The members of KEPT that a body has, without those that say nothing."""
    kept = {name: body[name] for name in KEPT if body.get(name) is not None}
    if found := shape.problems(kept, KEPT):
        raise SessionError(found[0].pointer.removeprefix("/").replace("/", "."), f"{found[0].message}.")
    for name, value in kept.items():
        if KEPT[name] in ("int", "int64", "float64") and value < -1:
            raise SessionError(name, "Must be a number from 0 up, or -1 for unlimited.")
    if len(json.dumps(kept)) > _LARGEST_KEPT:
        raise SessionError(next(iter(kept)), f"Must not be longer than {_LARGEST_KEPT} characters.")
    # -1 is no limit, and not the same as none where a policy sets one.
    return {name: value for name, value in kept.items() if value == -1 or not is_zero(value)}


def _rights_object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SessionError("access_rights", "Must be an object of API ids.")
    return value


def _text(value: Any, field: str) -> str:
    if not isinstance(value, str):
        raise SessionError(field, "Must be a string.")
    return value


def _texts(value: Any, field: str) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise SessionError(field, "Must be a list of strings.")
    return value


def _flag(value: Any, field: str) -> bool:
    if not isinstance(value, bool):
        raise SessionError(field, "Must be true or false.")
    return value


def _number(value: Any, field: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise SessionError(field, "Must be a number.")
    return value


def _integer(value: Any, field: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > INT64:
        raise SessionError(field, "Must be a whole number.")
    return value


def _object(value: Any, field: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SessionError(field, "Must be an object.")
    return value


_READERS = {
    "org_id": _text,
    "alias": _text,
    "owner": _text,
    "tags": _texts,
    "meta_data": _object,
    "rate": _number,
    "per": _number,
    "quota_max": _integer,
    "quota_renewal_rate": _integer,
    "expires": _integer,
    "is_inactive": _flag,
    "all_apis": _flag,
    "apply_policies": _texts,
    "apply_policy_id": _text,
}
