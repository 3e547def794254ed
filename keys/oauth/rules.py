"""What an OAuth client may be, and the form in which gateways of 3.0 and 5.14 keep one in their Redis. Pure.

Members on the wire are those of Tyk's gateways: client_id, secret, redirect_uri, policy_id, description, meta_data.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from keys.policies.document import ACTED_ON
from orgs import refusals

LONGEST = {"client_id": 200, "secret": 200, "redirect_uri": 2_000, "policy_id": 200, "description": 500}
LARGEST_META_DATA = 10_000  # characters
# How gateways call what they keep of a client: one with such an id would lie where something of another kind does.
RESERVED = "oauth-"
_CLIENT_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._~=@+-]*")
# What stands beside an id in the paths of the REST API.
_ROUTES = ("authorize-client", "revoke", "revoke_all", "tokens")
_SECRET = re.compile(r"[\x21-\x7e]+")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s#<>\"\\^`{|}]+")
_SCRIPTS = ("javascript:", "data:", "vbscript:")


class ClientError(refusals.Invalid):
    """A client that must not be written."""

    def __init__(self, field: str, message: str):
        super().__init__(message, field)


def values_from(body: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a request's body that a client keeps, each of its type; null is as good as absent, except that it
    empties `meta_data`. Raises ClientError."""
    values: dict[str, Any] = {}
    for name, longest in LONGEST.items():
        value = body.get(name)
        if value is None:
            continue
        if not isinstance(value, str):
            raise ClientError(name, "Must be a string.")
        if len(value) > longest:
            raise ClientError(name, f"Must not be longer than {longest:,} characters.")
        if "\0" in value:
            raise ClientError(name, "Must not hold a NUL character.")
        values[name] = value
    if "meta_data" in body:
        values["meta_data"] = meta_data_from(body["meta_data"])
    for name, rule in _RULES.items():
        if values.get(name):
            rule(values[name])
    return values


def meta_data_from(value: Any, field: str = "meta_data") -> dict[str, Any]:
    """Metadata as sessions of tokens may have them; null is none. Raises ClientError naming `field`."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ClientError(field, "Must be an object: gateways end the request of a token otherwise.")
    for name in ACTED_ON.keys() & value.keys():
        # Gateways put a client's metadata into the sessions of its tokens.
        raise ClientError(f"{field}.{name}", f"{ACTED_ON[name][0].upper()}{ACTED_ON[name][1:]}.")
    text = json.dumps(value)
    if len(text) > LARGEST_META_DATA:
        raise ClientError(field, f"Must not be longer than {LARGEST_META_DATA:,} characters.")
    if "\\u0000" in text:
        raise ClientError(field, "Must not hold a NUL character.")
    return value


def _client_id(text: str) -> None:
    if not _CLIENT_ID.fullmatch(text):
        raise ClientError(
            "client_id", "Must be letters, digits and . _ ~ = @ + - after a letter, digit or _."
        )
    if text in _ROUTES or text.startswith(RESERVED):
        raise ClientError("client_id", "Is a word that stands for something else.")


def _secret(text: str) -> None:
    if not _SECRET.fullmatch(text):
        raise ClientError("secret", "Must be letters, digits and signs of ASCII, without blanks.")


def _redirect_uri(text: str) -> None:
    """One, or several as gateways with a setting for it separate them."""
    for uri in text.split(","):
        if not _URI.fullmatch(uri) or uri.casefold().startswith(_SCRIPTS):
            raise ClientError(
                "redirect_uri", "Must be an absolute address without a fragment, or several with commas."
            )


_RULES = {"client_id": _client_id, "secret": _secret, "redirect_uri": _redirect_uri}


def served(
    *,
    client_id: str,
    secret: str,
    redirect_uri: str,
    policy: str,
    description: str,
    meta_data: Mapping[str, Any],
) -> bytes:
    """The client as gateways write and read it. policy: its row's id, which resolves on all of them."""
    made: dict[str, Any] = {"id": client_id, "secret": secret, "redirecturi": redirect_uri}
    if meta_data:
        made["meta_data"] = dict(meta_data)
    made |= {"policyid": policy, "description": description}
    return json.dumps(made, separators=(",", ":"), ensure_ascii=False).encode()


def same(wanted: bytes | None, stored: bytes | None) -> bool:
    """Whether gateways read the one as the other: what they write themselves has other escapes."""
    if wanted is None or stored is None:
        return wanted is stored
    return wanted == stored or _parsed(wanted) == _parsed(stored)


def id_in(text: bytes) -> str | None:
    """The id of the client that gateways keep as `text`; None if it is none."""
    found = _parsed(text)
    return found.get("id") if isinstance(found, dict) else None


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
