"""Which names say that a secret follows. Pure."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_plus

LONGEST_REMEMBERED = 120  # characters of a name: the same ones come all the time

# Of a name without its blanks, hyphens and capitals: any that holds one of these, or is one of those, or whose last
# word is.
_WITHIN = (
    *("password", "passwd", "passphrase", "passcode", "secret", "token", "apikey", "accesskey", "privatekey"),
    *("subscriptionkey", "functionskey", "credential", "authorization", "cookie", "bearer", "jwt"),
    *(
        "signature",
        "sessionid",
        "sessid",
        "sessionkey",
        "assertion",
        "samlresponse",
        "codeverifier",
        "otpcode",
    ),
    *("authkey", "accountkey", "masterkey", "sharedkey", "signingkey", "encryptionkey"),
)
_WHOLE = frozenset({"pwd", "pass", "pin", "otp", "cvv", "cvc", "auth", "sid", "session"})
_OF_A_QUERY = frozenset({"code", "key", "sig"})  # as members of JSON they mean anything
# Members whose value is the name of another thing, and that which has its value.
NAMING = ("name", "key", "field", "header", "param", "parameter", "id", "k")
WORTH = ("value", "val", "content", "data", "v")

_WORDS = re.compile(r"[\W_]+|(?<=[a-z0-9])(?=[A-Z])")
_BLANK = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Names:
    """Where else secrets are: headers and parameters by which an API is called, and what an organisation says itself.
    As `plain` makes them."""

    headers: frozenset[str] = frozenset()
    parameters: frozenset[str] = frozenset()
    members: frozenset[str] = frozenset()

    def header(self, name: str) -> bool:
        return plain(name) in self.headers or _is_secret(name)

    def member(self, name: str) -> bool:
        """Of JSON and XML, where headers are told by their names as well; what it is of may stand before a dot."""
        known = {plain(name), plain(name.rpartition(".")[2])}
        return not known.isdisjoint(self.members | self.headers) or _is_secret(name)

    def parameter(self, name: str) -> bool:
        """Of a query or a form."""
        name = unquote_plus(name)
        known = plain(name)
        return self.member(name) or known in self.parameters or known in _OF_A_QUERY

    def column(self, name: str) -> bool:
        """Of a table, or of a pair in brackets."""
        return self.member(name) or plain(name) in self.parameters

    def pair(self, name: str, sign: str) -> bool:
        """Of a name before ":" or "=" in any text."""
        return self.parameter(name) if "=" in sign else self.member(name)


def last_word(name: str) -> str:
    """The last word of a name, in small letters: of "ParameterValue", "value"."""
    words = [word for word in _WORDS.split(name) if word]
    return words[-1].lower() if words else ""


def plain(name: str) -> str:
    """A name as it is compared: without capitals, blanks and hyphens, as lax as any reader of names is."""
    return _plain(name) if len(name) <= LONGEST_REMEMBERED else _plain.__wrapped__(name)


@lru_cache(maxsize=20_000)
def _plain(name: str) -> str:
    return _BLANK.sub("", unicodedata.normalize("NFKC", name).casefold())


def _is_secret(name: str) -> bool:
    return _holds_secret(name) if len(name) <= LONGEST_REMEMBERED else _holds_secret.__wrapped__(name)


@lru_cache(maxsize=20_000)
def _holds_secret(name: str) -> bool:
    known, words = plain(name), [word for word in _WORDS.split(name) if word]
    return (
        known in _WHOLE
        or any(word in known for word in _WITHIN)
        or bool(words and plain(words[-1]) in _WHOLE)
    )
