"""Names before ":", "=" or "=>" in any text: lines, queries, what programs print. Pure."""

import re

from dashboard.analytics.bodies.redaction.found import MARK
from dashboard.analytics.bodies.redaction.json_text import end_of_text
from dashboard.analytics.bodies.redaction.names import plain
from dashboard.analytics.bodies.redaction.passes import (
    PLAIN,
    Match,
    Pass,
    behind,
    end_of_brackets,
    end_of_literal,
)

_OF_SEVERAL_WORDS = ("authorization", "cookie")
_QUOTED_PAIR = re.compile(r"'([^'\"\\\s]{1,120})'\s*(?::|=>)\s*")
_PAIR = re.compile(r"(?<![\w.\-\[\]%$@])([\w.\-\[\]%$@]{1,120})([ \t]?[:=][ \t]?)")
_NUMBER = re.compile(r"[\d.]{1,40}")
_QUOTE = re.compile(r"(?:[a-zA-Z]{1,2}(?=[\"']))?(\\{0,15})([\"'])")  # some say what kind of text it is
_LONG_QUOTES = ('"""', "'''")  # around several lines, in TOML and in programs
_VALUE = re.compile(r"(?:(?:bearer|basic|digest|token)[ +])?(?:[^\s&\"<>\\]|\\(?!\"))*", re.IGNORECASE)
_IN_BRACES = re.compile(r"[^,}\]\"]*")
_LINES = re.compile(r"(\r?\n)([^\r\n]*)")
_LINE = re.compile(r"(?:[^\r\n\"\\]|\\(?!\"))*")


def _quoted_pair_value(text: str, match: Match) -> tuple[int, str | None]:
    at = match.end()
    if text.startswith("'", at):
        return end_of_literal(text, at), f"'{MARK}'"
    number = _NUMBER.match(text, at)
    return (number.end(), f"'{MARK}'") if number else (at, None)


def _pair_value(text: str, match: Match) -> tuple[int, str | None]:
    at = match.end()
    if (three := text[at : at + 3]) in _LONG_QUOTES:
        return behind(text, three, at + 3), f"{three}{MARK}{three}"
    if quoted := _QUOTE.match(text, at):
        of_json = quoted[2] == '"'
        end = _end_of_texts(text, quoted) if of_json else end_of_literal(text, quoted.end() - 1)
        return end, f"{quoted[0]}{MARK}{quoted[1]}{quoted[2]}"
    if text[at : at + 1] in ("{", "[") and not text.startswith(MARK, at):
        return end_of_brackets(text, at), MARK
    if _begins_line(text, match) and ":" in match[2]:
        end = _end_of_lines(text, match)
        return end, None if text[at:end].strip() in PLAIN or text.startswith(MARK, at) else MARK
    value = _pattern_of(text, match).match(text, at)
    end = value.end() if value else at
    return end, None if text[at:end] in PLAIN or text.startswith(MARK, at) else MARK


def _end_of_texts(text: str, quoted: Match) -> int:
    """Behind a text in double quotes, which goes on behind a quote that is written twice."""
    end = end_of_text(text, quoted.end(), len(quoted[1]))
    while text.startswith('"', end) and end > quoted.end() + len(quoted[1]) + 1:
        end = end_of_text(text, end + 1, 0)
    return end


def _begins_line(text: str, match: Match) -> bool:
    """Looks back no farther than to the name before it, which the line may be full of."""
    at = match.start()
    while at and text[at - 1] in " \t-":
        at -= 1
    return at == 0 or text[at - 1] == "\n"


def _end_of_lines(text: str, match: Match) -> int:
    """The end of a value that has the rest of a line, and what follows further to the right: a text of several lines,
    or a list, which may begin right below its name."""
    column = match.start() - text.rfind("\n", 0, match.start()) - 1
    value = _LINE.match(text, match.end())
    end = value.end() if value else match.end()
    is_above = not text[match.end() : end].strip()
    for line in _LINES.finditer(text, end):
        lead = len(line[2]) - len(line[2].lstrip(" \t"))
        listed = is_above and lead == column and line[2].startswith("-", lead)
        if line[2].strip() and not (lead > column or listed):
            break
        if line[2].strip():
            end = line.end()
    return end


def _pattern_of(text: str, match: Match) -> re.Pattern[str]:
    """Of a value without quotes: it may have blanks in it in a header, in a line that begins with its name, and in the
    braces of YAML."""
    if match[2] == "=":
        return _VALUE
    if any(word in plain(match[1]) for word in _OF_SEVERAL_WORDS) or _begins_line(text, match):
        return _LINE
    before = text[max(0, match.start() - 20) : match.start()].rstrip(" \t\n")
    return _IN_BRACES if before[-1:] in ("{", ",") and match[2] != ":" else _VALUE


PASSES = (
    Pass("'", _QUOTED_PAIR, lambda names, match: names.member(match[1]), _quoted_pair_value),
    Pass("", _PAIR, lambda names, match: names.pair(match[1], match[2]), _pair_value),
)
