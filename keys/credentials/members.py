"""Secrets that are given in clear, by a page or a body, and those that are made. Pure."""

import base64
import secrets
from collections.abc import Mapping
from typing import Any

from keys.keys.parameters import SessionError

SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 72  # bytes; bcrypt reads no more
_LONGEST = {"hmac_string": 1_000, "jwt_secret": 10_000}
# Where they stand in a session: (member, member of that).
PLACES = {
    "password": ("basic_auth_data", "password"),
    "jwt_secret": ("jwt_data", "secret"),
    "hmac_string": ("hmac_string", ""),
}


def secrets_from(body: Mapping[str, Any]) -> dict[str, str]:
    """The secrets that a session object brings, in clear, by name; a blank one is none, as reads give them back. Raises
    SessionError naming the member."""
    given = {}
    for name, (member, inner) in PLACES.items():
        value = body.get(member)
        if inner:
            if value is not None and not isinstance(value, dict):
                raise SessionError(member, "Must be an object.")
            value = (value or {}).get(inner)
        if value is not None and not isinstance(value, str):
            raise SessionError(f"{member}.{inner}".rstrip("."), "Must be a string.")
        if value:
            given[name] = value
            if fault := fault_of(name, value):
                raise SessionError(f"{member}.{inner}".rstrip("."), fault)
    return given


def fault_of(name: str, value: str) -> str:
    """What is wrong with a secret that somebody chose; "" if nothing is."""
    if "\0" in value:
        return "Must not hold a NUL character."
    if name == "password":
        if len(value) < SHORTEST_PASSWORD or len(value.encode()) > LONGEST_PASSWORD:
            return f"Must have {SHORTEST_PASSWORD} characters at least, and {LONGEST_PASSWORD} bytes at most."
        return "Must not hold a colon, at which gateways cut it." if ":" in value else ""
    longest = _LONGEST[name]
    return f"Must not be longer than {longest} characters." if len(value) > longest else ""


def made(name: str) -> str:
    """A new secret, of 128 random bits at least."""
    if name == "hmac_string":  # in the form in which gateways make them
        return base64.b64encode(secrets.token_hex(16).encode()).decode()
    return secrets.token_urlsafe(32 if name == "jwt_secret" else 18)
