"""How an API is called, as a command to copy into a shell. Pure.

Gateways take a key from a header, always unless `disable_header` says otherwise, and with `use_param` or `use_cookie`
from a query parameter or a cookie too, under the header's name where these have none; what `auth_configs` says of
`authToken` comes before `auth`.
"""

import re
import shlex
from urllib.parse import quote, urlencode

from apis.definitions.starter import authentication

HOST = "gateway.example:8080"
# What the name of a header or a cookie may consist of (RFC 9110, 5.6.2). No other name can be sent, and curl would
# take one that begins with @ for a file to read.
NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def command(definition: dict, key: str) -> str:
    """A curl command which calls the API with `key`, safe in a shell whatever the definition says; without the key
    where the API takes none, or not as a token. "" if no command could carry it."""
    url = address(definition)
    if authentication(definition) != "token":
        return f"curl {shlex.quote(url)}"
    place, name = _place(definition)
    if place == "parameter":
        query = urlencode({name: key}, quote_via=quote, safe="")
        return f"curl {shlex.quote(f'{url}?{query}')}"
    if not NAME.fullmatch(name):
        return ""
    option, value = ("--cookie", f"{name}={key}") if place == "cookie" else ("--header", f"{name}: {key}")
    return f"curl {shlex.quote(url)} \\\n  {option} {shlex.quote(value)}"


def address(definition: dict) -> str:
    """The URL of an API on a gateway that HOST stands for."""
    proxy = definition.get("proxy") or {}
    return f"http://{definition.get('domain') or HOST}{quote(proxy.get('listen_path') or '/', safe='/~')}"


def header(definition: dict, credential: str) -> str:
    """The header in which gateways look for a credential other than the token ("basic", "hmac", "jwt"); "" where it is
    none, or one that cannot be sent."""
    configured = (definition.get("auth_configs") or {}).get(credential)
    if configured is None and credential == "jwt":
        configured = definition.get("auth")
    settings = configured or {}
    name = settings.get("auth_header_name") or "Authorization"
    return "" if settings.get("disable_header") or not NAME.fullmatch(name) else str(name)


def takes_secrets_of_keys(definition: dict) -> bool:
    """Whether a JSON Web Token is checked against a shared secret of the key that it names."""
    return not definition.get("jwt_source") and (definition.get("jwt_signing_method") or "hmac") == "hmac"


def _place(definition: dict) -> tuple[str, str]:
    """Where the key goes, "header", "parameter" or "cookie", and under which name."""
    settings = (definition.get("auth_configs") or {}).get("authToken") or definition.get("auth") or {}
    header = settings.get("auth_header_name") or "Authorization"
    no_header = settings.get("disable_header")
    if settings.get("use_param") or (no_header and settings.get("param_name")):
        return "parameter", settings.get("param_name") or header
    if settings.get("use_cookie") or no_header:
        return "cookie", settings.get("cookie_name") or header
    return "header", header
