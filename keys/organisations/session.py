"""Organisation keys: the session by which gateways limit and count all requests of one organisation together, if they
are told to (`enforce_org_quotas`), and know how long its records live (`enforce_org_data_age`). It opens nothing: no
request is ever signed in by it. Pure.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from apis.definitions.rules import shape
from keys.keys.parameters import KEPT, SessionError
from keys.keys.session import is_zero

# What gateways make of the session of an organisation, with the types that they decode.
MEMBERS: dict[str, Any] = {
    "rate": "float64",
    "per": "float64",
    "quota_max": "int64",
    "quota_renewal_rate": "int64",
    "is_inactive": "bool",
    **KEPT,
}
_NUMBERS = ("int", "int64", "float64")


def members_from(body: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a request body that an organisation's key keeps. Raises SessionError for a wrong type, a limit
    without its seconds, and rights: they would say that it opens something."""
    for name in ("access_rights", "apply_policies", "apply_policy_id"):
        if body.get(name):
            raise SessionError(name, "An organisation's key opens nothing; leave it out or empty.")
    kept = {name: body[name] for name in MEMBERS if body.get(name) is not None}
    if found := shape.problems(kept, MEMBERS):
        raise SessionError(found[0].pointer.removeprefix("/").replace("/", "."), f"{found[0].message}.")
    for name, value in kept.items():
        if MEMBERS[name] in _NUMBERS and value < -1:
            raise SessionError(name, "Must be a number from 0 up, or -1 for unlimited.")
    for limit, seconds in (("rate", "per"), ("quota_max", "quota_renewal_rate")):
        if kept.get(limit, 0) > 0 and kept.get(seconds, 0) <= 0:
            raise SessionError(seconds, f"A {limit} needs the seconds that it is counted in.")
    return {name: value for name, value in kept.items() if value == -1 or not is_zero(value)}


def session(
    org_id: str, members: Mapping[str, Any], created_at: datetime, updated_at: datetime
) -> dict[str, Any]:
    """The session of an organisation; without members one that limits nothing. Times are aware."""
    return {
        "org_id": org_id,
        "access_rights": {},
        "rate": 0,
        "per": 0,
        "quota_max": -1,
        "quota_renews": 0,
        "quota_remaining": members.get("quota_max", -1),
        "quota_renewal_rate": 0,
        "is_inactive": False,
        "date_created": created_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "last_updated": str(int(updated_at.timestamp())),
        **members,
    }


def encoded(session: Mapping[str, Any]) -> bytes:
    """A session as bytes for Redis."""
    return json.dumps(session, separators=(",", ":"), allow_nan=False).encode()
