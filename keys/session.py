"""Session objects: what a gateway of 3.0 to 5.14 decodes from its Redis to know what a key may do.

A stock gateway never compares the organisation of a session with that of the API it opens. A session whose
`access_rights` is empty, null or absent opens every API of every organisation on the node, and one naming a
stranger's API opens it. So rights are always spelled out here, never empty, and only ever name the
organisation's own APIs.

Pure: dicts in, dicts out.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

UNLIMITED = -1
INT64 = 2**63 - 1
# 9999-12-31T23:59:59Z, the last second a datetime can hold.
LAST_SECOND = 253402300799

NO_RIGHTS = "A key must have at least one API in its access rights."

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
_GATEWAY_RIGHT_MEMBERS = frozenset({"allowance_scope"})
_GATEWAY_LIMIT_MEMBERS = frozenset({"quota_renews", "quota_remaining"})

# Members of a gateway's session which would grant or restrict something that is not kept here: refused, not
# dropped.
_NOT_KEPT = frozenset(
    {
        "apply_policies",
        "apply_policy_id",
        "oauth_client_id",
        "oauth_keys",
        "certificate",
        "mtls_static_certificate_bindings",
        "basic_auth_data",
        "jwt_data",
        "hmac_enabled",
        "hmac_string",
        "rsa_certificate_id",
        "enable_http_signature_validation",
        "throttle_interval",
        "throttle_retry_limit",
        "max_query_depth",
        "smoothing",
        "data_expires",
        "monitor",
        "enable_detail_recording",
        "enable_detailed_recording",
        "session_lifetime",
        "post_expiry_action",
        "post_expiry_grace_period",
    }
)
_NOT_KEPT_IN_RIGHT = frozenset(
    {
        "allowed_urls",
        "limit",
        "restricted_types",
        "allowed_types",
        "field_access_rights",
        "disable_introspection",
        "endpoints",
        "json_rpc_methods",
        "json_rpc_methods_access_rights",
        "mcp_primitives",
        "mcp_access_rights",
    }
)


class SessionError(ValueError):
    """A session that must not be written. `field` is the member at fault, `message` a sentence for its
    sender."""

    def __init__(self, field: str, message: str):
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


@dataclass(frozen=True)
class Api:
    """An API as rights speak of it: the id gateways know it by, its name, the names of its versions."""

    api_id: str
    name: str
    versions: tuple[str, ...] = ("Default",)


@dataclass(frozen=True)
class Right:
    """One API a key may call. No versions means all the API has, also those it gets later."""

    api_id: str
    versions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Limits:
    """`rate` requests in `per` seconds; `quota_max` requests in `quota_renewal_rate` seconds. A rate or
    quota of 0 or -1 is unlimited."""

    rate: float = UNLIMITED
    per: float = 0
    quota_max: int = UNLIMITED
    quota_renewal_rate: int = 0


def rights_from(access_rights: Any, own_apis: Iterable[str]) -> list[Right]:
    """The rights a request body's `access_rights` asks for.

    `own_apis`: API ids of the key's organisation. Raises SessionError for wrong types, for empty rights,
    for a member that restricts in a way not kept here, and for an API which is unknown or another
    organisation's: in one wording, since the difference would tell what others have.
    """
    rights = _rights_object({} if access_rights is None else access_rights)
    if not rights:
        raise SessionError("access_rights", NO_RIGHTS)
    own = set(own_apis)
    return [_right_from(api_id, entry, own) for api_id, entry in rights.items()]


def no_such_api(api_id: str) -> str:
    """What is said of an API that does not exist and of another organisation's: the difference would tell."""
    return f"There is no API {api_id!r} in this organisation."


def _right_from(api_id: str, entry: Any, own: set[str]) -> Right:
    field = f"access_rights.{api_id}"
    if api_id not in own:
        raise SessionError("access_rights", no_such_api(api_id))
    if entry is None:
        entry = {}
    if not isinstance(entry, dict):
        raise SessionError(field, "Must be an object.")
    if entry.get("api_id", api_id) not in (api_id, ""):
        raise SessionError(f"{field}.api_id", "Must be the API id under which the entry stands.")
    for name in sorted(_NOT_KEPT_IN_RIGHT & entry.keys()):
        if not _is_zero(entry[name]):
            raise SessionError(f"{field}.{name}", "Is not supported; leave it out or empty.")
    return Right(api_id, tuple(_texts(entry.get("versions"), f"{field}.versions")))


def values_from(body: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a request body that a key keeps, by name, each of the JSON type a gateway decodes it
    as; null is as good as absent. Only members present are in the answer. `access_rights` is handed on as
    it is, for `rights_from`.

    Raises SessionError naming the member for a wrong type and for whatever would grant or restrict
    something that is not kept here. Unknown members and those which gateways write are passed over.
    """
    for name in sorted(_NOT_KEPT & body.keys()):
        if not _is_zero(body[name]):
            raise SessionError(name, "Is not supported; leave it out or empty.")
    values = {name: read(body[name], name) for name, read in _READERS.items() if body.get(name) is not None}
    if body.get("access_rights") is not None:
        values["access_rights"] = _rights_object(body["access_rights"])
    return values


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
}


def session(*, rights: Iterable[Right] | None, **facts: Any) -> dict[str, Any] | None:
    """The session object of a key as `described`, or None when there is nothing it may open: empty rights
    would open everything."""
    made = described(rights=rights, **facts)
    return made if made["access_rights"] and made["org_id"] else None


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
    created_at: datetime,
    updated_at: datetime,
) -> dict[str, Any]:
    """A key in the form of a session object, for people and programs to read; without rights it is none for
    gateways.

    `apis`: the organisation's APIs of this moment. `rights`: None means all of them. A right whose API is
    not among them is left out. Times are aware.
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
    }


def _access_rights(apis: Iterable[Api], rights: Iterable[Right] | None) -> dict[str, Any]:
    wanted = None if rights is None else {right.api_id: right.versions for right in rights}
    return {
        api.api_id: {
            "api_name": api.name,
            "api_id": api.api_id,
            "versions": list((wanted or {}).get(api.api_id) or api.versions),
        }
        for api in sorted(apis, key=lambda api: api.api_id)
        if wanted is None or api.api_id in wanted
    }


def parsed(stored: bytes | None) -> dict[str, Any] | None:
    """The session in what Redis holds; None when there is none or a gateway could read it otherwise than we
    do: not JSON, not an object, a member twice (gateways tell no letter case, and take the last)."""
    if stored is None:
        return None
    try:
        value = json.loads(stored, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or len({name.casefold() for name in value}) != len(value):
        return None
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member occurs twice")
    return members


def same(ours: dict[str, Any], stored: dict[str, Any] | None) -> bool:
    """Whether a gateway treats `stored` as it would `ours`: members which gateways write themselves do not
    count, and absent, zero and -1 are one (from 5.12 on gateways leave out zero members when they write a
    session back)."""
    return stored is not None and _essence(ours) == _essence(stored)


def _essence(session: dict[str, Any]) -> dict[str, Any]:
    kept = {
        name: value for name, value in session.items() if name not in GATEWAY_MEMBERS and not _is_zero(value)
    }
    rights = session.get("access_rights")
    if isinstance(rights, dict):
        kept["access_rights"] = {api_id: _right_essence(right) for api_id, right in rights.items()}
    kept["meta_data"] = session.get("meta_data") or {}
    return kept


def _right_essence(right: Any) -> Any:
    if not isinstance(right, dict):
        return right
    kept = {name: value for name, value in right.items() if name not in _GATEWAY_RIGHT_MEMBERS}
    if isinstance(kept.get("limit"), dict):
        kept["limit"] = {n: v for n, v in kept["limit"].items() if n not in _GATEWAY_LIMIT_MEMBERS}
    return {name: value for name, value in kept.items() if not _is_zero(value)}


def with_quota_state(ours: dict[str, Any], stored: dict[str, Any] | None, now: int) -> dict[str, Any]:
    """`ours` with the quota period a gateway has begun in `stored`, or else one that begins `now` (unix
    seconds).

    A gateway which finds a spent quota and a renewal time in the past starts a new period at once: a quota
    with no renewal time is not enforced by 3.0 (seen), and one that loses it in the middle is handed out
    twice.
    """
    stored = stored or {}
    merged = dict(ours)
    if ours["quota_max"] > 0:
        begun = stored.get("quota_renews")
        merged["quota_renews"] = (
            begun if _is_count(begun) and begun > now else now + ours["quota_renewal_rate"]
        )
        left = stored.get("quota_remaining")
        if stored.get("quota_max") == ours["quota_max"] and _is_count(left):
            merged["quota_remaining"] = left
    return merged


def encoded(session: dict[str, Any]) -> bytes:
    """A session as bytes for Redis. Raises ValueError rather than write one without rights or
    organisation."""
    if not session.get("access_rights") or not session.get("org_id"):
        raise ValueError("a session without rights or organisation opens every API on a gateway")
    return json.dumps(session, separators=(",", ":"), allow_nan=False).encode()


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= INT64


def _is_zero(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_zero(entry) for entry in value.values())
    if isinstance(value, list):
        return all(_is_zero(entry) for entry in value)
    return value is None or value in (0, "", UNLIMITED)
