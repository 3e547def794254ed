"""What is never stored of a request and its answer: credentials, wherever they stand. Pure.

Names say where secrets are, in headers, queries, forms, JSON, XML: they are looked for as text, since a body may be cut
off, wrong, or something in something else. What was found by its name, and what is shaped like a token, is then taken
out wherever else it stands. Rather too much is taken out than too little.
"""

import base64
import binascii
import json
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import NamedTuple
from urllib.parse import quote, quote_plus, unquote_plus

from dashboard.analytics.bodies.message import Message

MARK = "[redacted]"
MOST_KEPT = 1 << 15  # bytes of UTF-8 of a message
FARTHEST = 1 << 13  # characters in which the end of an element is looked for
SHORTEST = 6  # characters of a secret that is looked for elsewhere: shorter ones stand in every other word
SHORTEST_KEY = 4  # of what a caller is known by: organisations may have keys as short as that
SHORTEST_COOKIE = 16  # of a cookie whose name says nothing
MOST_SECRETS = 256
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
_OF_SEVERAL_WORDS = ("authorization", "cookie")
_SCHEMES = frozenset({"bearer", "basic", "digest", "token", "apikey", "hmac", "signature", "negotiate"})

_WORDS = re.compile(r"[\W_]+|(?<=[a-z0-9])(?=[A-Z])")
_MEMBER = re.compile(r'(?<!\\)(\\{0,15})"((?:[^"\\]|\\[^"]){1,120})\1"\s*:\s*')
_QUOTED_PAIR = re.compile(r"'([^'\"\\\s]{1,120})'\s*(?::|=>)\s*")
# Where the name of a thing is the value of another: of JSON with its quotes escaped at whatever depth, and of XML.
_NAMED = r"\"(?:name|key|field|header|param|parameter|id)\1\"\s*:\s*\1\"((?:[^\"\\]|\\[^\"]){1,120})\1\""
_WORTH = r"\"(?:value|val|content|data)\1\"\s*:\s*"
_BETWEEN = r"(?:\s*,\s*\1\"[^\"\\]{1,120}\1\"\s*:\s*(?:\1\"[^\"\\]{0,200}\1\"|[\w.+\-]{1,40})){0,8}\s*,\s*\1"
_LISTED = re.compile(rf"(?<!\\)(\\{{0,15}}){_NAMED}{_BETWEEN}{_WORTH}", re.IGNORECASE)
_LISTED_AFTER = re.compile(
    rf"(?<!\\)(\\{{0,15}}){_WORTH}(?=(?:\1\"[^\"]{{0,4000}}\1\"|[\w.+\-]{{1,40}}){_BETWEEN}{_NAMED})",
    re.IGNORECASE,
)
_NAMED = r"(?:name|key|id|field|param)\s{0,9}=\s{0,9}[\"']([^\"'<>]{1,120})[\"']"
_WORTH = r"(?:value|content)\s{0,9}=\s{0,9}"
_QUOTED = r"(?:\"[^\"<>]{0,4000}\"|'[^'<>]{0,4000}')"
_BETWEEN = rf"(?:\s{{1,9}}[\w:.\-]{{1,60}}(?:\s{{0,9}}=\s{{0,9}}{_QUOTED})?){{0,8}}"
_ATTRIBUTE = re.compile(rf"(?<=\s){_NAMED}{_BETWEEN}\s{{1,9}}{_WORTH}", re.IGNORECASE)
_ATTRIBUTE_AFTER = re.compile(rf"(?<=\s){_WORTH}(?={_QUOTED}{_BETWEEN}\s{{1,9}}{_NAMED})", re.IGNORECASE)
_NAMED_ELEMENT = re.compile(
    rf"<((?:[\w.\-]{{1,100}}:)?[\w.\-]{{1,100}})(?![^<>]{{0,2000}}\s{_WORTH})"
    rf"{_BETWEEN}\s{{1,9}}{_NAMED}{_BETWEEN}\s{{0,9}}>",
    re.IGNORECASE,
)
_PAIR = re.compile(r"(?<![\w.\-\[\]%$@])([\w.\-\[\]%$@]{1,120})([ \t]?[:=][ \t]?)")
# Percent signs are escaped once more in an address that is in an address.
_PERCENT = r"%(?:25){0,3}"
_PACKED_PAIR = re.compile(rf"(?<![\w.\-])([\w.\-]{{1,120}}){_PERCENT}3[dD]")
_PACKED_QUOTE = re.compile(rf"(?:{_PERCENT}5[cC]){{0,8}}{_PERCENT}22")
_PACKED_MEMBER = re.compile(
    rf"{_PERCENT}22((?:(?!{_PERCENT}22)[^\s&\"'<>]){{1,120}}){_PERCENT}22(?:{_PERCENT}20|\+){{0,9}}"
    rf"(?:{_PERCENT}3[aA]|:)(?:{_PERCENT}20|\+){{0,9}}"
)
_PACKED_SCALAR = re.compile(rf"(?:(?!{_PERCENT}(?:2[cC]|7[dD]))[^\s&,}}\"'<>])*")
_PACKED_REST = re.compile(r"[^\s&\"'<>]*")
_ELEMENT = re.compile(r"<((?:[\w.\-]{1,100}:)?[\w.\-]{1,100})(?:\s[^<>]*)?(?<!/)>")
_PART = re.compile(
    r"^content-disposition:[^\r\n]{0,200}?\bname\*?=\"?(?:utf-8'[^']{0,20}')?([^\"\r\n;]{1,200})[^\r\n]{0,500}"
    r"(?:\r?\n[^\r\n]{1,500}){0,10}\r?\n\r?\n",
    re.IGNORECASE | re.MULTILINE,
)
_BRACKET = re.compile(r'["{}\[\]]')
_NUMBER = re.compile(r"[\d.]{1,40}")
_SCALAR = re.compile(r"[^\s,}\]]*")
_PLAIN = frozenset({"null", "true", "false", ""})
_QUOTE = re.compile(r"(\\{0,15})([\"'])")
_VALUE = re.compile(r"(?:(?:bearer|basic|digest|token)[ +])?(?:[^\s&\"<>\\]|\\(?!\"))*", re.IGNORECASE)
_LINE = re.compile(r"(?:[^\r\n\"\\]|\\(?!\"))*")
_PACKED_VALUE = re.compile(rf"(?:(?!{_PERCENT}26)[^\s&;\"'<>])*")
_PACKED_GROUP = re.compile(rf"{_PERCENT}(?:7[bB]|5[bB])|[{{\[]")
_DIGITS = re.compile(r"^(?:25){0,3}[0-9A-Fa-f]{2}")
_IN_LISTS = re.compile(r'"([^"\\]{16,})"(?!\s{0,9}:)')
_BLANK = re.compile(r"[\W_]+")
# A token of Tyk's own making, in base64 or behind the id of the organisation, a JSON web token, a private key, and a
# user's name and password in an address.
_TOKEN = re.compile(
    r"eyJvcmciOi[\w+/=-]{16,}|(?<![0-9a-f])[0-9a-f]{56}(?![0-9a-f])"
    r"|(?<![\w-])eyJ[\w-]{6,}\.eyJ[\w-]{6,}(?:\.[\w-]*)?"
    r"|-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]*(?:-(?!----)[^-]*)*(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?"
    r"|(?<=://)[^\s/:@\"'<>]{0,200}:[^\s/@\"'<>]{1,200}(?=@)"
)


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
        """Of JSON and XML, where headers are told by their names as well."""
        known = plain(name)
        return known in self.members or known in self.headers or _is_secret(name)

    def parameter(self, name: str) -> bool:
        """Of a query or a form."""
        name = unquote_plus(name)
        known = plain(name)
        return self.member(name) or known in self.parameters or known in _OF_A_QUERY

    def pair(self, name: str, sign: str) -> bool:
        """Of a name before ":" or "=" in any text."""
        return self.parameter(name) if "=" in sign else self.member(name)


class Redacted(NamedTuple):
    """request, response: as they are stored. cut: of each, whether more was sent. secrets: what has been taken out."""

    request: str
    response: str
    cut: tuple[bool, bool]
    secrets: tuple[str, ...]


@dataclass
class _Found:
    """Secrets, in the order in which they were found."""

    secrets: dict[str, None] = field(default_factory=dict)

    def add(self, secret: str, shortest: int = SHORTEST) -> None:
        secret = secret.strip()
        if len(secret) >= shortest and secret not in MARK and len(self.secrets) < MOST_SECRETS:
            self.secrets[secret] = None

    def add_value(self, value: str, shortest: int = SHORTEST) -> None:
        """As it stands, as it is meant, and without the word for its kind."""
        scheme, blank, rest = value.partition(" ")
        self.add(value, shortest)
        if blank and scheme.lower() in _SCHEMES:
            self.add(rest, shortest)
            if scheme.lower() == "basic":
                self.add(_password(rest), shortest)
        if "%" in value or "+" in value:
            self.add(unquote_plus(value), shortest)
        if value[:1] in ("{", "["):
            for each in _IN_LISTS.findall(value):
                self.add(each)


def plain(name: str) -> str:
    """A name as it is compared: without capitals, blanks and hyphens, as lax as any reader of names is."""
    return _plain(name) if len(name) <= LONGEST_REMEMBERED else _plain.__wrapped__(name)


@lru_cache(maxsize=20_000)
def _plain(name: str) -> str:
    return _BLANK.sub("", unicodedata.normalize("NFKC", name).casefold())


def redact(
    request: Message | None, response: Message | None, names: Names, tokens: Iterable[str] = ()
) -> Redacted:
    """Both as they may be stored. tokens: secrets that are known already."""
    found = _Found()
    for token in tokens:
        found.add(token, SHORTEST_KEY)
    texts = [_redacted(message, names, found) if message else "" for message in (request, response)]
    secrets = tuple(found.secrets)
    kept = [_kept(clear(text, secrets)) for text in texts]
    cut = tuple(
        bool(message and (message.cut or longer))
        for message, (_, longer) in zip((request, response), kept, strict=True)
    )
    return Redacted(kept[0][0], kept[1][0], (cut[0], cut[1]), secrets)


def clear(text: str, secrets: Iterable[str]) -> str:
    """The text without the secrets, in any of the ways in which text has them, and without what is shaped like one."""
    for secret in sorted(secrets, key=len, reverse=True):
        for form in {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]}:
            for written in {form, _lower_escapes(form)}:
                if written in text:
                    text = text.replace(written, MARK)
    return _TOKEN.sub(MARK, text)


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


def _password(packed: str) -> str:
    try:
        return base64.b64decode(packed).decode("utf-8", "replace").partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def _lower_escapes(text: str) -> str:
    return re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), text) if "%" in text else text


def _kept(text: str) -> tuple[str, bool]:
    """The beginning, and whether there is more."""
    packed = text.encode("utf-8", "replace")
    if len(packed) <= MOST_KEPT:
        return text, False
    return packed[:MOST_KEPT].decode("utf-8", "ignore"), True


def _redacted(message: Message, names: Names, found: _Found) -> str:
    lines = [_of_text(message.start, names, found)]
    for name, value in message.headers:
        shown = _of_header(name, value, names, found)
        lines.append(f"{name}: {shown}" if name else shown)
    body = _of_text(message.text, names, found)
    return "\n".join(lines) + (f"\n\n{body}" if body else "\n")


def _of_header(name: str, value: str, names: Names, found: _Found) -> str:
    if not names.header(name):
        return _of_text(value, names, found)
    if "cookie" in name.lower():
        # What follows the first one of an answer says where it is valid.
        _cookies(value.split(";")[:1] if "set" in name.lower() else value.split(";"), names, found)
    found.add_value(value, SHORTEST_KEY if plain(name) in names.headers else SHORTEST)
    scheme, blank, _ = value.partition(" ")
    return f"{scheme} {MARK}" if blank and scheme.lower() in _SCHEMES else MARK


def _cookies(pairs: Iterable[str], names: Names, found: _Found) -> None:
    for pair in pairs:
        name, _, worth = pair.partition("=")
        found.add(worth.strip(' "'), SHORTEST if names.parameter(name.strip()) else SHORTEST_COOKIE)


def _of_text(text: str, names: Names, found: _Found) -> str:
    for sign, pattern, is_secret, value_of in _PASSES:
        if sign in text:
            text = _pass(text, pattern, partial(is_secret, names), value_of, found)
    return text


def _pass(
    text: str,
    pattern: re.Pattern[str],
    is_secret: Callable[[re.Match[str]], bool],
    value_of: Callable[[str, re.Match[str]], tuple[int, str | None]],
    found: _Found,
) -> str:
    """The text with the value behind each name that is_secret replaced. value_of: of a text and a match, where the
    value ends and what stands for it. A name is looked at once, a value that is replaced not again."""
    made, done, at = [], 0, 0
    while match := pattern.search(text, at):
        at = match.end()
        if not is_secret(match):
            continue
        end, mark = value_of(text, match)
        value = text[at:end]
        if mark is None or not value:
            continue
        found.add_value(_meant(value))
        made += [text[done:at], mark]
        done = at = end
    return "".join([*made, text[done:]]) if made else text


def _meant(value: str) -> str:
    """A value without its quotes and escapes."""
    value = value.strip("\\\"' \t")
    return _unescaped(value)


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return text.replace("\\", "")


def _json_value(text: str, match: re.Match[str]) -> tuple[int, str | None]:
    """Of a member at whatever depth of escapes: JSON is often a text in other JSON."""
    at, quote_ = match.end(), match[1] + '"'
    mark = f"{quote_}{MARK}{quote_}"
    if text.startswith(quote_, at):
        return _end_of_text(text, at + len(quote_), len(match[1])), mark
    if text[at : at + 1] in ("{", "["):
        return _end_of_group(text, at, len(match[1])), mark
    scalar = _SCALAR.match(text, at)
    end = scalar.end() if scalar else at
    return end, None if text[at:end] in _PLAIN else mark


def _end_of_text(text: str, at: int, depth: int) -> int:
    """Behind the closing quote, which `depth` backslashes escape; a backslash of the text is twice as many and two."""
    begin = at
    while (at := text.find('"', at)) >= 0:
        before = at
        while before > begin and text[before - 1] == "\\":
            before -= 1
        if (at - before - depth) % (2 * (depth + 1)) == 0 and at - before >= depth:
            return at + 1
        at += 1
    return len(text)


def _end_of_group(text: str, at: int, depth: int) -> int:
    """Behind the bracket that closes the one at `at`."""
    open_ = 0
    while match := _BRACKET.search(text, at):
        at = match.end()
        if match[0] == '"':
            at = _end_of_text(text, at, depth)
        else:
            open_ += 1 if match[0] in "{[" else -1
            if open_ <= 0:
                return at
    return len(text)


def _element_value(text: str, match: re.Match[str]) -> tuple[int, str | None]:
    """Up to the end of the element, or of the first one in it if that is far."""
    end = text.find(f"</{match[1]}", match.end(), match.end() + FARTHEST)
    end = end if end >= 0 else text.find("</", match.end())
    return (end if end >= 0 else len(text)), MARK


def _attribute_value(text: str, match: re.Match[str]) -> tuple[int, str | None]:
    at = match.end()
    mark = text[at : at + 1]
    return (_behind(text, mark, at + 1), f"{mark}{MARK}{mark}") if mark in ('"', "'") else (at, None)


def _part_value(text: str, match: re.Match[str]) -> tuple[int, str | None]:
    end = text.find("\n--", match.end())
    if end < 0:
        return len(text), MARK
    return (end - 1 if text[end - 1] == "\r" else end), MARK


def _quoted_pair_value(text: str, match: re.Match[str]) -> tuple[int, str | None]:
    at = match.end()
    if text.startswith("'", at):
        return _behind(text, "'", at + 1), f"'{MARK}'"
    number = _NUMBER.match(text, at)
    return (number.end(), f"'{MARK}'") if number else (at, None)


def _pair_value(text: str, match: re.Match[str]) -> tuple[int, str | None]:
    at = match.end()
    if quoted := _QUOTE.match(text, at):
        of_json = quoted[2] == '"'
        end = (
            _end_of_text(text, quoted.end(), len(quoted[1])) if of_json else _behind(text, "'", quoted.end())
        )
        return end, f"{quoted[0]}{MARK}{quoted[0]}"
    value = (_LINE if _has_line(text, match) else _VALUE).match(text, at)
    end = value.end() if value else at
    return end, None if text[at:end] in _PLAIN or text.startswith(MARK, at) else MARK


def _behind(text: str, mark: str, at: int) -> int:
    """Behind the next `mark`."""
    end = text.find(mark, at)
    return end + len(mark) if end >= 0 else len(text)


def _has_line(text: str, match: re.Match[str]) -> bool:
    """Whether a value without quotes may have blanks in it: of a header, or of a line that begins with its name."""
    if match[2] == "=":
        return False
    name, line = plain(match[1]), text.rfind("\n", 0, match.start()) + 1
    return any(word in name for word in _OF_SEVERAL_WORDS) or not text[line : match.start()].strip(" \t-")


def _packed_name(match: re.Match[str]) -> str:
    """Without the digits of a character before it."""
    packed = match.string[match.start() - 1 : match.start()] == "%"
    return _DIGITS.sub("", match[1]) if packed else match[1]


def _packed_pair_value(text: str, match: re.Match[str]) -> tuple[int, str | None]:
    value = _PACKED_VALUE.match(text, match.end())
    return (value.end() if value else match.end()), MARK


def _packed_json_value(text: str, match: re.Match[str]) -> tuple[int, str | None]:
    """A text to the quote that is written as its first one, a list or an object to the end of the parameter."""
    at = match.end()
    rest = _PACKED_REST.match(text, at)
    end = rest.end() if rest else at
    if quote_ := _PACKED_QUOTE.match(text, at, end):
        for other in _PACKED_QUOTE.finditer(text, quote_.end(), end):
            if other[0].lower() == quote_[0].lower():
                return other.end(), f"{quote_[0]}{MARK}{quote_[0]}"
        return end, MARK
    if _PACKED_GROUP.match(text, at):
        return end, MARK
    scalar = _PACKED_SCALAR.match(text, at)
    end = scalar.end() if scalar else at
    return end, None if text[at:end] in _PLAIN else MARK


def _is_listed(names: Names, match: re.Match[str]) -> bool:
    return names.parameter(_unescaped(match[2]))


# What a text holds where a pattern may match, the pattern, whether names make a match secret, where its value ends.
_PASSES: tuple[
    tuple[str, re.Pattern[str], Callable[..., bool], Callable[..., tuple[int, str | None]]], ...
] = (
    ('"', _MEMBER, lambda names, match: names.member(_unescaped(match[2])), _json_value),
    ('"', _LISTED, _is_listed, _json_value),
    ('"', _LISTED_AFTER, _is_listed, _json_value),
    ("<", _ATTRIBUTE, lambda names, match: names.parameter(match[1]), _attribute_value),
    ("<", _ATTRIBUTE_AFTER, lambda names, match: names.parameter(match[1]), _attribute_value),
    ("<", _NAMED_ELEMENT, lambda names, match: names.parameter(match[2]), _element_value),
    ("<", _ELEMENT, lambda names, match: names.member(match[1].rpartition(":")[2]), _element_value),
    ("=", _PART, lambda names, match: names.parameter(match[1]), _part_value),
    ("'", _QUOTED_PAIR, lambda names, match: names.member(match[1]), _quoted_pair_value),
    ("%", _PACKED_MEMBER, lambda names, match: names.parameter(match[1]), _packed_json_value),
    ("%", _PACKED_PAIR, lambda names, match: names.parameter(_packed_name(match)), _packed_pair_value),
    ("", _PAIR, lambda names, match: names.pair(match[1], match[2]), _pair_value),
)
