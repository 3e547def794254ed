"""The secrets of a key beside its token: passwords, and what signatures are made with. Sealed in its row; delivered in
the members of a session that gateways read them from; of a password only the hash is kept that gateways compare with.
"""

import json
import logging
from collections.abc import Mapping
from typing import Any

import bcrypt

from keys.models import Key
from orgs import refusals, sealing

log = logging.getLogger(__name__)

FIELD = "sealed_secrets"
# As gateways hash passwords.
_ROUNDS = 10
BLANK: dict[str, Any] = {
    "basic_auth_data": {"password": "", "hash_type": ""},
    "hmac_string": "",
    "jwt_data": {"secret": ""},
}
# A user's name stands beside them, to be shown; sessions have none.
USER_NAME = "user_name"


class Unreadable(refusals.NotAllowed):
    """They were sealed with a key that is not known any more."""

    def __init__(self) -> None:
        super().__init__(
            "The secrets of this key cannot be read: SEALING_KEY is another than they were sealed with. "
            "Revoke the key and make a new one, or put the former SEALING_KEY back."
        )


def of(key: Key) -> dict[str, Any]:
    """The secrets of a key by members of its session, and USER_NAME. Raises Unreadable."""
    try:
        plain = sealing.unseal(key, FIELD)
    except sealing.NotOpened:
        raise Unreadable from None
    return {} if plain is None else json.loads(plain)


def keep(key: Key, secrets: Mapping[str, Any]) -> None:
    """Seal secrets, in the form of `of`, into the row of a key, which is not saved."""
    sealing.seal(key, FIELD, json.dumps(secrets).encode() if secrets else None)


def members_of(key: Key) -> dict[str, Any] | None:
    """The members that the session of a key has for them; None where they cannot be read. Without its password a user
    would get in with an empty one (seen), so such a session must not be."""
    try:
        return {name: value for name, value in of(key).items() if name in BLANK}
    except Unreadable:
        log.error(
            "The secrets of key %s cannot be read: no gateway is given it. Is SEALING_KEY right?", key.id
        )
        return None


def changed(held: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """What is held with what is `given` in clear by name: "password", "hmac_string", "jwt_secret", "user_name". The
    password that it has already keeps its hash."""
    made = dict(held)
    if "password" in given and not _is_password(held, given["password"]):
        hashed = bcrypt.hashpw(given["password"].encode(), bcrypt.gensalt(_ROUNDS)).decode()
        made["basic_auth_data"] = {"password": hashed, "hash_type": "bcrypt"}
    if "hmac_string" in given:
        made["hmac_string"] = given["hmac_string"]
    if "jwt_secret" in given:
        made["jwt_data"] = {"secret": given["jwt_secret"]}
    if USER_NAME in given:
        made[USER_NAME] = given[USER_NAME]
    return made


def new(held: Mapping[str, Any], made: Mapping[str, Any]) -> list[str]:
    """Which members of `made`, by name, are others than those held."""
    return sorted(name for name in BLANK if made.get(name) != held.get(name))


def _is_password(held: Mapping[str, Any], password: str) -> bool:
    hashed = held.get("basic_auth_data", {}).get("password", "")
    try:
        return bool(hashed) and bcrypt.checkpw(password.encode(), hashed.encode())
    except ValueError:  # one that was taken over, hashed otherwise or not at all
        return False


def kind(held: Mapping[str, Any], extra: Mapping[str, Any], before: str = "token") -> str:
    """What the holder of such a key signs in with. extra: further members of its session."""
    if extra.get("certificate"):
        return "certificate"
    if "basic_auth_data" in held:
        return "basic"
    if "jwt_data" in held:
        return "jwt"
    signs = extra.get("hmac_enabled") or extra.get("enable_http_signature_validation")
    return "hmac" if signs else "token"
