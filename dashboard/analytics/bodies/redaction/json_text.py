"""Members of JSON, as text, at whatever depth of escapes. Pure."""

import re

from dashboard.analytics.bodies.redaction.found import MARK
from dashboard.analytics.bodies.redaction.passes import PLAIN, Match, Pass, unescaped

_MEMBER = re.compile(r'(?<!\\)(\\{0,15})"((?:[^"\\]|\\[^"]){1,120})\1"\s*:\s*')
_BRACKET = re.compile(r'["{}\[\]]')
_SCALAR = re.compile(r"[^\s,}\]]*")


def _json_value(text: str, match: Match) -> tuple[int, str | None]:
    """Of a member at whatever depth of escapes: JSON is often a text in other JSON."""
    at, quote_ = match.end(), match[1] + '"'
    mark = f"{quote_}{MARK}{quote_}"
    if text.startswith(quote_, at):
        return end_of_text(text, at + len(quote_), len(match[1])), mark
    if text.startswith(MARK, at):
        return at, None
    if text[at : at + 1] in ("{", "["):
        return _end_of_group(text, at, len(match[1])), mark
    scalar = _SCALAR.match(text, at)
    end = scalar.end() if scalar else at
    return end, None if text[at:end] in PLAIN else mark


def end_of_text(text: str, at: int, depth: int) -> int:
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
            at = end_of_text(text, at, depth)
        else:
            open_ += 1 if match[0] in "{[" else -1
            if open_ <= 0:
                return at
    return len(text)


PASSES = (Pass('"', _MEMBER, lambda names, match: names.member(unescaped(match[2])), _json_value),)
