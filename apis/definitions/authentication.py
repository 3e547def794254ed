"""How callers of a classic API prove who they are. Pure."""

from collections.abc import Iterator
from typing import Any, NamedTuple

OAUTH = "OAuth 2.0"
# Members that switch on a way of authenticating other than the token, and what that is called.
_OTHERS = {
    "use_oauth2": OAUTH,
    "use_openid": "OpenID Connect",
    "use_basic_auth": "basic",
    "use_mutual_tls_auth": "mutual TLS",
    "use_go_plugin_auth": "Go plugin",
    "enable_jwt": "JWT",
    "enable_coprocess_auth": "plugin",
    "enable_signature_checking": "HMAC",
    "custom_plugin_auth_enabled": "custom plugin",
}
OTHERS = tuple(_OTHERS)
TOKEN, KEYLESS = "token", "keyless"
# In place of the token, where the API says so: gateways find the key by the certificate that a caller's TLS shows.
CERTIFICATE = "client certificate"


def ways(definition: dict) -> str:
    """The ways in words, "keyless" for none of them: "token", "JWT", "basic, mutual TLS". Gateways take the token, or a
    client certificate in its place, where nothing else is switched on, and ask for all that is.
    """
    if definition.get("use_keyless"):
        return KEYLESS
    others = [word for name, word in _OTHERS.items() if definition.get(name)]
    first = CERTIFICATE if token_settings(definition).get("use_certificate") else TOKEN
    return ", ".join([first, *others] if not others or definition.get("use_standard_auth") else others)


def token_settings(definition: dict) -> dict:
    """What a definition says of the token: gateways prefer `auth_configs` to `auth`, and null there says nothing of it.
    Empty where it is no object."""
    configured = definition.get("auth_configs") or {}
    named = isinstance(configured, dict) and "authToken" in configured
    settings = configured["authToken"] if named else definition.get("auth")
    return settings if isinstance(settings, dict) else {}


class Credentials(NamedTuple):
    """Names under which credentials are sent: to an API by its callers, and by gateways to its upstream."""

    headers: frozenset[str]
    parameters: frozenset[str]


# Members that name a header, or a parameter or cookie; that hold headers by their names, which gateways put in; and
# places of a document, with the member `name`.
_OF_HEADERS, _OF_PARAMETERS = ("auth_header_name", "header_name"), ("param_name", "cookie_name")
_PUT_IN = ("global_headers", "global_response_headers", "add_headers")
# What is put in so, and is no secret of anybody.
_NO_SECRETS = (
    "accept", "accept-encoding", "accept-language", "cache-control", "connection", "content-disposition",
    "content-encoding", "content-length", "content-type", "date", "expires", "host", "server", "user-agent",
)  # fmt: skip
_PLACES = {"header": True, "query": False, "cookie": False}


def credentials(definition: object) -> Credentials:
    """Of every way to authenticate, every version and every upstream of a definition of either kind, switched on or
    not: who switches one off means no older request."""
    found = list(_credentials(definition))
    headers, parameters = (
        frozenset(name for name, is_header in found if name and is_header is wanted)
        for wanted in (True, False)
    )
    return Credentials(headers, parameters)


def _credentials(value: Any) -> Iterator[tuple[str, bool]]:
    """(name, whether it is a header's)"""
    if isinstance(value, list):
        for each in value:
            yield from _credentials(each)
    if not isinstance(value, dict):
        return
    if value.get("type") == "apiKey" and isinstance(value.get("name"), str):
        yield value["name"], value.get("in") == "header"
    for name, member in value.items():
        if isinstance(member, str):
            if name in (*_OF_HEADERS, *_OF_PARAMETERS, "header"):
                yield member, name not in _OF_PARAMETERS
            continue
        if name in _PUT_IN and isinstance(member, dict):
            yield from ((header, True) for header in member if header.lower() not in _NO_SECRETS)
        elif name in _PLACES and isinstance(member, dict) and isinstance(member.get("name"), str):
            yield member["name"], _PLACES[name]
        yield from _credentials(member)


def uses_oauth(ways: str) -> bool:
    """Whether an API with these ways, in words, takes tokens of OAuth clients."""
    return OAUTH in ways.split(", ")


def asks_for_password(ways: str) -> bool:
    """Whether an API with these ways, in words, lets nobody in without a user name and a password."""
    return _OTHERS["use_basic_auth"] in ways.split(", ")


def asks_for_certificate(ways: str) -> bool:
    """Whether an API with these ways, in words, lets nobody in by a token alone, but by a client certificate."""
    return CERTIFICATE in ways.split(", ")
