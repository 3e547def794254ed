"""How an API is called with each kind of credential, as commands to copy into a POSIX shell. Pure.

Facts: gateways take a signature of the draft "Signing HTTP Messages" with `keyId`, over the date alone where no headers
are named, base64 and then percent-encoded; of a JWT the `kid` names the key (both seen).
"""

import base64
import shlex
from collections.abc import Mapping
from typing import Any

from apis.definitions import calling
from apis.definitions.authentication import CERTIFICATE

OWN = {"password": "PASSWORD", "hmac_string": "SECRET", "jwt_secret": "SECRET"}
# The one way of authenticating of an API (apis.definitions.authentication) that a kind of key is for.
WAY_OF = {"token": "token", "basic": "basic", "hmac": "HMAC", "jwt": "JWT", "certificate": CERTIFICATE}


def command(credential: str, definition: Mapping[str, Any], key: str, secrets: Mapping[str, str]) -> str:
    """Commands that call the API. key: the token, or the name of a user. secrets: those that may be shown, in clear by
    name; a word stands for another. "" if there is no example."""
    given = {**OWN, **secrets}
    if credential in ("token", "certificate"):
        return (
            _with_certificate(definition)
            if credential == "certificate"
            else calling.command(dict(definition), key)
        )
    header = calling.header(dict(definition), credential)
    if not header:
        return ""
    url = shlex.quote(calling.address(dict(definition)))
    if credential == "basic":
        return _with_password(url, header, f"{key}:{given['password']}")
    if credential == "hmac":
        return _signed(url, header, key, given["hmac_string"])
    if not calling.takes_secrets_of_keys(dict(definition)) or given["jwt_secret"].startswith("-----BEGIN"):
        return ""
    return _by_jwt(url, header, key, given["jwt_secret"])


def _with_certificate(definition: Mapping[str, Any]) -> str:
    """Over TLS: nothing else shows it."""
    url = calling.address(dict(definition)).replace("http://", "https://", 1)
    return f"curl {shlex.quote(url)} \\\n  --cert certificate.pem --key private-key.pem"


def _with_password(url: str, header: str, both: str) -> str:
    if header == "Authorization":
        return f"curl {url} \\\n  --user {shlex.quote(both)}"
    encoded = base64.b64encode(both.encode()).decode()
    return f"curl {url} \\\n  --header {shlex.quote(f'{header}: Basic {encoded}')}"


def _signed(url: str, name: str, key: str, secret: str) -> str:
    header = f'{name}: Signature keyId="{key}",algorithm="hmac-sha256",signature="'
    return f"""date=$(LC_ALL=C date -u '+%a, %d %b %Y %H:%M:%S GMT')
signature=$(printf 'date: %s' "$date" | openssl dgst -sha256 -hmac {shlex.quote(secret)} -binary | base64 |
  sed 's/+/%2B/g; s/[/]/%2F/g; s/=/%3D/g')
curl {url} --header "Date: $date" \\
  --header {shlex.quote(header)}"$signature"'"'"""


def _by_jwt(url: str, header: str, key: str, secret: str) -> str:
    head = f'{{"alg":"HS256","typ":"JWT","kid":"{key}"}}'
    return f"""url64() {{ base64 | tr -d '\\n=' | tr '+/' '-_'; }}
text=$(printf %s {shlex.quote(head)} | url64).$(printf '{{"sub":"me","exp":%d}}' $(($(date +%s) + 300)) | url64)
signature=$(printf %s "$text" | openssl dgst -sha256 -hmac {shlex.quote(secret)} -binary | url64)
curl --header {shlex.quote(f"{header}: Bearer ")}"$text.$signature" {url}"""
