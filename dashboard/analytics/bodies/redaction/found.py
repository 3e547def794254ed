"""Secrets that were found, and how they are taken out wherever else they stand. Pure."""

import base64
import binascii
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus, unquote_plus

MARK = "[redacted]"
SHORTEST = 6  # characters of a secret that is looked for elsewhere: shorter ones stand in every other word
SHORTEST_KEY = 4  # of what a caller is known by: organisations may have keys as short as that
MOST_SECRETS = 256
SCHEMES = frozenset({"bearer", "basic", "digest", "token", "apikey", "hmac", "signature", "negotiate"})
_IN_LISTS = re.compile(r'"([^"\\]{16,})"(?!\s{0,9}:)')
# A token of Tyk's own making, in base64 or behind the id of the organisation, a JSON web token, a private key, and a
# user's name and password in an address.
_TOKEN = re.compile(
    r"eyJvcmciOi[\w+/=-]{16,}|(?<![0-9a-f])[0-9a-f]{56}(?![0-9a-f])"
    r"|(?<![\w-])eyJ[\w-]{6,}\.eyJ[\w-]{6,}(?:\.[\w-]*)?"
    r"|-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]*(?:-(?!----)[^-]*)*(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?"
    r"|(?<=://)[^\s/:@\"'<>]{0,200}:[^\s/@\"'<>]{1,200}(?=@)"
)


@dataclass
class Found:
    """Secrets, in the order in which they were found."""

    secrets: dict[str, None] = field(default_factory=dict)

    def add(self, secret: str, shortest: int = SHORTEST) -> None:
        secret = secret.strip()
        is_marked = secret in MARK or MARK in secret
        if len(secret) >= shortest and not is_marked and len(self.secrets) < MOST_SECRETS:
            self.secrets[secret] = None

    def add_value(self, value: str, shortest: int = SHORTEST) -> None:
        """As it stands, as it is meant, and without the word for its kind."""
        scheme, blank, rest = value.partition(" ")
        self.add(value, shortest)
        self.add(value.rstrip(".,;:!?)"), shortest)  # what ends a sentence
        if blank and scheme.lower() in SCHEMES:
            self.add(rest, shortest)
            if scheme.lower() == "basic":
                self.add(_password(rest), shortest)
        if "%" in value or "+" in value:
            self.add(unquote_plus(value), shortest)
        if value[:1] in ("{", "["):
            for each in _IN_LISTS.findall(value):
                self.add(each)


def clear(text: str, secrets: Iterable[str]) -> str:
    """The text without the secrets, in any of the ways in which text has them, and without what is shaped like one."""
    for secret in sorted(secrets, key=len, reverse=True):
        for form in {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]}:
            for written in {form, _lower_escapes(form)}:
                if written in text:
                    text = text.replace(written, MARK)
    return _TOKEN.sub(MARK, text)


def _password(packed: str) -> str:
    try:
        return base64.b64decode(packed).decode("utf-8", "replace").partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def _lower_escapes(text: str) -> str:
    return re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), text) if "%" in text else text
