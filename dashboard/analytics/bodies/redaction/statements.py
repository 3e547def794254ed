"""Command lines, statements of SQL, and credentials that a sentence names. Pure.

mysql --password … -p …     curl -u ann:…      UPDATE users SET … WHERE token LIKE '…'
sent with Bearer …          mysql -p…          INSERT INTO users (id, password) VALUES (1, '…')
the password is now …       token was set to "…"
"""

import base64
import binascii
import re
from collections.abc import Iterator

from dashboard.analytics.bodies.redaction.found import MARK, Found
from dashboard.analytics.bodies.redaction.json_text import end_of_text
from dashboard.analytics.bodies.redaction.names import Names
from dashboard.analytics.bodies.redaction.passes import (
    PLAIN,
    Match,
    Pass,
    Span,
    end_of_literal,
    is_ordinary,
    meant,
    trimmed,
    without,
)

# What options of one letter mean in most programs that take a password, and in those that are known: mkdir has -p, too.
_OF_PASSWORDS = frozenset({"p", "P"})
_OF_USERS = frozenset({"u", "U", "a", "user", "proxy-user", "http-user", "ftp-user"})
_KNOWN = re.compile(
    r"\b(?:mysql\w*|mariadb[\w-]*|sshpass|7z\w?|zip|unzip|rar|unrar|mongo\w*|redis-cli|ldap\w+)\b"
    r"[^\n|;]{0,500}?\s-[pPaw](?:[ \t]{1,9})?(?=[^\s\-|;&])"
)
_OPTION = re.compile(r"(?<![\w\-./\\])--?([A-Za-z][\w.\-]{0,60})[ \t]{1,9}(?=[^\s\-]|-[^\s\-]{2})")
# What is written without a blank is another word if it has small letters alone.
_ATTACHED = re.compile(r"(?<![\w\-./\\])-p(?=[a-z\-]*[^\sa-z\-\"'=,;:)\]}])")
_USER = re.compile(
    r"(?<![\w\-./])(?:-[uUa][ \t]{0,9}|--(?:(?:proxy|http|ftp)-)?user(?:[ \t]{1,9}|=))"
    r"((?:\\{0,15}[\"'])?)[^\s:%\"'\\/]{0,200}[:%](?=[^\s\"'\\])"
)
_WORD = re.compile(r"(?:'[^'\n]*'|\\[^\"'nrt]|[^\s\"\\])+")
_DOUBLE_QUOTE = re.compile(r"(\\{0,15})\"")

_SCHEME = re.compile(
    r"(?<![\w\-])(bearer|basic)(?:[ \t+]|%20){1,9}(?!\w{1,20}=\\{0,15}[\"'])(?=[\w\-.~+/]{4})", re.IGNORECASE
)
_CREDENTIAL = re.compile(r"[\w\-.~+/]+=*")

_PREFIX = r"(?:[ENXBU](?='))?"
_COMPARED = re.compile(
    rf"(?<![\w\-])([\w.\-]{{1,120}})[\"`\]]?"
    rf"(?:\s{{0,9}}(?:<>|!=|<=>|:=|=|~\*?)\s{{0,9}}"
    rf"|\s{{1,9}}(?:(?:is|to|by|as|with|(?:not\s{{1,9}})?(?:i?like|rlike|regexp|similar\s{{1,9}}to))\s{{1,9}})?)"
    rf"{_PREFIX}(?=')",
    re.IGNORECASE,
)
_CALLED = re.compile(
    r"(?<![\w\-])([\w.\-]{1,120})[\"`\]]?(?:\s{1,9}(?:not\s{1,9})?in\s{0,9}(?=\()|(?=\(\s{0,9}[ENXBU]?[\"']))",
    re.IGNORECASE,
)
_IDENTIFIED = re.compile(
    rf"\b(?:identified\s{{1,9}}(?:with\s{{1,9}}[\w\"'`]{{1,60}}\s{{1,9}})?(?:by|as)"
    rf"|set\s{{1,9}}password\s{{1,9}}for\s{{1,9}}[^\s=;]{{1,200}}\s{{0,9}}(?:=|to))\s{{0,9}}{_PREFIX}(?=')",
    re.IGNORECASE,
)
_SAID = re.compile(
    r"(?<![\w\-])((?:[A-Za-z]{1,30}\s)?[\w\-]{1,60})[\"'`]?"
    r"(?:\s{1,9}(?:is|was|are|were|be|been|becomes|has|will|now|set|changed|reset|updated)){1,5}"
    r"(?:\s{1,9}(?:to|as))?(?:\s{0,9}[:=])?\s{1,9}(?=(?:\\{0,15}\"|`)?[^\s\"'`,\\])",
    re.IGNORECASE,
)
# Of a sentence: what ends it is no part of a value.
_SPOKEN = re.compile(r"`[^`\n]{1,500}`|[^\s\"'`<>\\]*[^\s\"'`<>\\.,;:!?)]")
SHORTEST_SPOKEN = 4  # characters
_SIGN = re.compile(r"[(),]|'(?:[^'\\]|\\.)*(?:'|\\?\Z)", re.DOTALL)
_INSERT = re.compile(
    r"\b(?:insert|replace|upsert)\b[^()]{0,300}?\(([^()]{1,4000})\)[^()']{0,100}?\bvalues?\s{0,99}(?=\()",
    re.IGNORECASE,
)
_NEXT = re.compile(r"\s{0,99},\s{0,99}(?=\()")


def is_option(argument: str, names: Names) -> bool:
    """Whether the argument of a command says that the next one is a secret, or ends with one."""
    name = argument.lstrip("-")
    return argument.startswith("-") and (name in _OF_PASSWORDS or name in _OF_USERS or names.parameter(name))


def without_rows(text: str, names: Names, found: Found) -> str:
    """The text with the cells replaced that SQL puts into columns whose names say that they hold secrets."""
    return without(text, _secret_cells(text, names), found)


def _secret_cells(text: str, names: Names) -> Iterator[Span]:
    at = 0
    while match := _INSERT.search(text, at):
        at = match.end()
        columns = [name.strip(" \t\r\n\"'`[]\\") for name in match[1].split(",")]
        secret = [number for number, name in enumerate(columns) if names.column(name)]
        row: Match | None = match
        while secret and row:
            cells, at = _tuple(text, row.end())
            yield from [cells[number] for number in secret] if len(cells) == len(columns) else cells
            row = _NEXT.match(text, at)


def _tuple(text: str, at: int) -> tuple[list[Span], int]:
    """The cells between the bracket that opens there and its end, and where that is."""
    cells, begin, deep = [], at + 1, 0
    for match in _SIGN.finditer(text, at):
        deep += {"(": 1, ")": -1}.get(match[0], 0)
        if deep == 0 or (deep == 1 and match[0] == ","):
            cells.append(trimmed(text, begin, match.start()))
            begin = match.end()
        if deep == 0:
            return cells, match.end()
    return [*cells, trimmed(text, begin, len(text))], len(text)


def _is_option(names: Names, match: Match) -> bool:
    return match[1] in _OF_PASSWORDS or names.parameter(match[1])


def _is_credential(_names: Names, match: Match) -> bool:
    """Basic is a word of any text, too."""
    if match[1].lower() == "bearer":
        return True
    packed = _CREDENTIAL.match(match.string, match.end())
    try:
        return b":" in base64.b64decode(packed[0] if packed else "")
    except (binascii.Error, ValueError):
        return False


def _always(_names: Names, _match: Match) -> bool:
    return True


def _word(text: str, match: Match) -> tuple[int, str | None]:
    """To the next blank, or the end of its quotes."""
    at = match.end()
    if quoted := _DOUBLE_QUOTE.match(text, at):
        return end_of_text(text, quoted.end(), len(quoted[1])), f"{quoted[0]}{MARK}{quoted[0]}"
    return _unless_plain(text, at, _WORD)


def _password_of_user(text: str, match: Match) -> tuple[int, str | None]:
    if match[1]:
        end = text.find(match[1], match.end())
        return (end if end >= 0 else len(text)), MARK
    return _unless_plain(text, match.end(), _WORD)


def _spoken(text: str, match: Match) -> tuple[int, str | None]:
    """Behind a verb stands many a word, of which no secret can be told: it is required, wrong or expired."""
    at = match.end()
    if _DOUBLE_QUOTE.match(text, at):
        return _word(text, match)
    spoken = _SPOKEN.match(text, at)
    value = meant(spoken[0]) if spoken else ""
    is_word = (is_ordinary(value) and not value.isdigit()) or (value.isalpha() and value.isupper())
    if not spoken or is_word or len(value) < SHORTEST_SPOKEN or text.startswith(MARK, at):
        return at, None
    return spoken.end(), MARK


def _credential(text: str, match: Match) -> tuple[int, str | None]:
    return _unless_plain(text, match.end(), _CREDENTIAL)


def _literal(text: str, match: Match) -> tuple[int, str | None]:
    at = match.end()
    return end_of_literal(text, at), None if text.startswith(f"'{MARK}'", at) else f"'{MARK}'"


def _in_brackets(text: str, match: Match) -> tuple[int, str | None]:
    return _tuple(text, match.end())[1], f"({MARK})"


def _unless_plain(text: str, at: int, pattern: re.Pattern[str]) -> tuple[int, str | None]:
    value = pattern.match(text, at)
    end = value.end() if value else at
    return end, None if text[at:end] in PLAIN or text.startswith(MARK, at) else MARK


def _is_member(names: Names, match: Match) -> bool:
    return names.column(match[1])


def _is_spoken_of(names: Names, match: Match) -> bool:
    """Of two words, such as "api key", the last one alone, too."""
    return names.column(match[1]) or names.column(match[1].split()[-1])


PASSES = (
    Pass("'", _IDENTIFIED, _always, _literal, is_sure=False),
    Pass("'", _COMPARED, _is_member, _literal, is_sure=False),
    Pass("(", _CALLED, _is_member, _in_brackets, is_sure=False),
    Pass("-", _USER, _always, _password_of_user, is_sure=False),
    Pass("-", _KNOWN, _always, _word, is_sure=False),
    Pass("-", _OPTION, _is_option, _word, is_sure=False),
    Pass("-", _ATTACHED, _always, _word, is_sure=False),
    Pass("", _SAID, _is_spoken_of, _spoken, is_sure=False),
    Pass("", _SCHEME, _is_credential, _credential, is_sure=False),
)
