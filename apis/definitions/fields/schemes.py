"""How callers of an OpenAPI document prove who they are, as the one choice of a form: what of `security`, of
`components` and of the extension makes it (apis.definitions.oas.security says what gateways are told of that). Pure.
"""

import copy
from collections.abc import Iterator
from typing import Any, NamedTuple

from apis.definitions.authentication import KEYLESS, TOKEN
from apis.definitions.fields.members import SEVERAL, put_at, value_at
from apis.definitions.fields.texts import Unshowable
from apis.definitions.oas.made import of_extension
from apis.definitions.oas.security import AUTHENTICATION, COMPLIANT, SCHEMES
from apis.definitions.pointer import Path

HERE: Path = (*AUTHENTICATION, "securitySchemes")
CERTIFICATES = of_extension("server/clientCertificates/enabled")
_BY_CERTIFICATE: Path = (*AUTHENTICATION, "certificateAuth", "enabled")
JWT, BASIC, OAUTH, EXTERNAL, MUTUAL_TLS = "jwt", "basic", "oauth", "external oauth", "mtls"
_HEADER = {"enabled": True, "name": "Authorization"}


class _Scheme(NamedTuple):
    """name: what it is called where a document has none. component: how the document says it. added: what the extension
    says of a new one besides."""

    name: str
    component: dict[str, Any]
    added: dict[str, Any]


_FLOW = {"authorizationUrl": "/oauth/authorize", "tokenUrl": "/oauth/token", "scopes": {}}
_OAUTH2 = {"type": "oauth2", "flows": {"authorizationCode": _FLOW}}
_KINDS = {
    TOKEN: _Scheme("authToken", {"type": "apiKey", "in": "header", "name": "Authorization"}, {}),
    JWT: _Scheme("jwtAuth", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}, {"header": _HEADER}),
    BASIC: _Scheme("basicAuth", {"type": "http", "scheme": "basic"}, {"header": _HEADER}),
    OAUTH: _Scheme("oauth", _OAUTH2, {"header": _HEADER}),
    # Without providers it would be the one above.
    EXTERNAL: _Scheme("externalOAuth", _OAUTH2, {"header": _HEADER, "providers": [{}]}),
}
# What the extension alone switches on, and what it says of a new one besides.
_SWITCHED: dict[str, dict[str, Any]] = {
    "hmac": {"header": _HEADER},
    "oidc": {"header": _HEADER},
    "custom": {"header": _HEADER, "config": {"enabled": True}},
}
WAYS = (
    (TOKEN, "Token: callers send a key"),
    (KEYLESS, "Keyless: open to everyone"),
    (JWT, "JSON Web Token"),
    (BASIC, "User name and password"),
    (OAUTH, "OAuth 2.0, by this gateway"),
    (EXTERNAL, "OAuth 2.0, by another server (gateways of 5.x)"),
    ("hmac", "HMAC signature"),
    ("oidc", "OpenID Connect"),
    ("custom", "A plugin"),
    (MUTUAL_TLS, "Client certificate (mutual TLS)"),
)


def way(document: dict) -> str:
    """The one of WAYS, or SEVERAL. Raises Unshowable."""
    for path in (HERE, SCHEMES):
        for name in _object(document, path):
            value_at(document, (*path, name, "enabled"))
    is_on = value_at(document, (*AUTHENTICATION, "enabled"))
    by_certificate = value_at(document, _BY_CERTIFICATE)
    found = {kind for name in _asked(document) if (kind := _switched_on(document, name))}
    found |= {name for name in _SWITCHED if value_at(document, (*AUTHENTICATION, name, "enabled"))}
    if value_at(document, CERTIFICATES):
        found.add(MUTUAL_TLS)
    if not is_on:
        return KEYLESS
    if len(found) > 1 or by_certificate:
        return SEVERAL
    # As gateways do where nothing is named that they know.
    return found.pop() if found else TOKEN


def authenticate_by(document: dict, way: str) -> None:
    """Make a way the one: what else the document says of others is switched off, and stays."""
    put_at(document, (*AUTHENTICATION, "enabled"), way != KEYLESS)
    _switch(document, CERTIFICATES, way == MUTUAL_TLS)
    if way == KEYLESS:
        return
    _switch(document, _BY_CERTIFICATE, False)
    for name, added in _SWITCHED.items():
        if name == way and not value_at(document, (*AUTHENTICATION, name)):
            put_at(document, (*AUTHENTICATION, name), copy.deepcopy(added))
        _switch(document, (*AUTHENTICATION, name, "enabled"), name == way)
    chosen = scheme_name(document, way) if way in _KINDS else ""
    for name in value_at(document, HERE) or {}:
        if name != chosen:
            _switch(document, (*HERE, name, "enabled"), False)
    _ask_for(document, chosen)
    if chosen:
        component(document, way)
        if not value_at(document, (*HERE, chosen)):
            put_at(document, (*HERE, chosen), copy.deepcopy(_KINDS[way].added))
        put_at(document, (*HERE, chosen, "enabled"), True)


def _switch(document: dict, path: Path, on: bool) -> None:
    """Switch something on, or off where it is on."""
    if on or value_at(document, path):
        put_at(document, path, on)


def _ask_for(document: dict, name: str) -> None:
    wanted = [name] if name else []
    if list(_asked(document)) != wanted or len(document.get("security") or []) > 1:
        document["security"] = [{name: []}] if name else []
    if value_at(document, (*AUTHENTICATION, "security")):
        put_at(document, (*AUTHENTICATION, "security"), [])


def component(document: dict, kind: str) -> Path:
    """Where the scheme of a kind stands in the document, in which there is one afterwards."""
    path = (*SCHEMES, scheme_name(document, kind))
    if value_at(document, path) is None:
        put_at(document, path, copy.deepcopy(_KINDS[kind].component))
    return path


def scheme_name(document: dict, kind: str) -> str:
    """What the scheme of a kind is called: one that is asked for, else one that is there, else a name for a new one."""
    try:
        there = [name for name in _object(document, SCHEMES) if _kind(document, name) == kind]
        asked = [name for name in _asked(document) if name in there]
    except Unshowable:
        return _KINDS[kind].name
    free = _KINDS[kind].name
    while free in _object(document, SCHEMES):
        free += "2"
    return next(iter([*asked, *there]), free)


def _asked(document: dict) -> Iterator[str]:
    """The names that `security` asks for, as gateways read it. Raises Unshowable."""
    alternatives = _list(document, ("security",))
    if any(not isinstance(each, dict) for each in alternatives):
        raise Unshowable
    if value_at(document, (*AUTHENTICATION, "securityProcessingMode")) == COMPLIANT:
        alternatives = [*alternatives, *_list(document, (*AUTHENTICATION, "security"))]
        if any(not isinstance(each, list | dict) for each in alternatives):
            raise Unshowable
    else:
        alternatives = alternatives[:1]
    names = [name for each in alternatives for name in each]
    if not all(isinstance(name, str) for name in names):
        raise Unshowable
    return iter(dict.fromkeys(names))


def _switched_on(document: dict, name: str) -> str | None:
    """The kind of a scheme that gateways ask for; None for one that they do not know."""
    return _kind(document, name) if value_at(document, (*HERE, name, "enabled")) else None


def _kind(document: dict, name: str) -> str | None:
    scheme = value_at(document, (*SCHEMES, name))
    if not isinstance(scheme, dict):
        return None
    kind, how = scheme.get("type"), str(scheme.get("scheme") or "").lower()
    if kind == "apiKey":
        return TOKEN
    if kind == "oauth2":
        return EXTERNAL if value_at(document, (*HERE, name, "providers")) else OAUTH
    if kind == "http" and how == "basic":
        return BASIC
    return JWT if kind == "http" and how == "bearer" and scheme.get("bearerFormat") == "JWT" else None


def _object(document: dict, path: Path) -> dict:
    found = value_at(document, path)
    if found is not None and not isinstance(found, dict):
        raise Unshowable
    return found or {}


def _list(document: dict, path: Path) -> list:
    found = value_at(document, path)
    if found is not None and not isinstance(found, list):
        raise Unshowable
    return found or []
