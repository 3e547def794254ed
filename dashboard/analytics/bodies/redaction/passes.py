"""How a text is gone through: names one after the other, with the value behind each. Pure."""

import json
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from dashboard.analytics.bodies.redaction.found import MARK, Found
from dashboard.analytics.bodies.redaction.names import Names

# What stands for no secret, whatever its name.
PLAIN = frozenset({"null", "true", "false", ""})

_QUOTE = re.compile(r"\\{0,15}[\"']")
# Behind a quote that is written twice, or escaped, it goes on.
_LITERAL = re.compile(r"(?:'(?:[^'\\]|\\.)*(?:'|\\?\Z))+", re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")
# What may be a word, a number or a path as well as a secret.
_ORDINARY = re.compile(r"[A-Za-z]?[a-z_\-]*|[\d:.,]*|[/.~][\w./\-]*")
Match = re.Match[str]
Span = tuple[int, int]
# Of a text and a match: where the value behind it ends, and what stands for it; None where it is none.
ValueOf = Callable[[str, Match], tuple[int, str | None]]


class Pass(NamedTuple):
    """sign: what a text holds where the pattern may match. is_secret: whether names make a match secret. is_sure:
    whether what may be an ordinary word is looked for elsewhere, too."""

    sign: str
    pattern: re.Pattern[str]
    is_secret: Callable[[Names, Match], bool]
    value_of: ValueOf
    is_sure: bool = True


def through(text: str, each: Pass, names: Names, found: Found) -> str:
    """The text with the value behind each secret name replaced. A name is looked at once, a value that is replaced not
    again."""
    if each.sign not in text:
        return text
    made, done, at = [], 0, 0
    while match := each.pattern.search(text, at):
        at = match.end()
        if not each.is_secret(names, match):
            continue
        end, mark = each.value_of(text, match)
        value = text[at:end]
        if mark is None or not value:
            continue
        if each.is_sure or not is_ordinary(meant(value)):
            found.add_value(meant(value))
        made += [text[done:at], mark]
        done = at = end
    return "".join([*made, text[done:]]) if made else text


def trimmed(text: str, start: int, end: int) -> Span:
    """The span without the blanks at its ends."""
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def without(text: str, spans: Iterable[Span], found: Found, quote: str = "", *, is_sure: bool = True) -> str:
    """The text with each of the spans, which are in order, replaced; a span in one before it goes with that. quote:
    around what stands for one that has none. is_sure: as of a pass."""
    made, done = [], 0
    for start, end in spans:
        if start < done:
            continue
        value = meant(text[start:end])
        if value not in PLAIN and value != MARK:
            if is_sure or not is_ordinary(value):
                found.add_value(value)
            quoted = _QUOTE.match(text, start)
            around = quoted[0] if quoted else quote
            made += [text[done:start], f"{around}{MARK}{around}"]
            done = end
    return "".join([*made, text[done:]]) if made else text


def is_ordinary(value: str) -> bool:
    return bool(_ORDINARY.fullmatch(value))


def meant(value: str) -> str:
    """A value without its quotes and escapes."""
    value = value.strip("\\\"' \t")
    return unescaped(value)


def unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return text.replace("\\", "")


def behind(text: str, mark: str, at: int) -> int:
    """Behind the next `mark`."""
    end = text.find(mark, at)
    return end + len(mark) if end >= 0 else len(text)


def end_of_literal(text: str, at: int) -> int:
    """Behind what stands in single quotes, of which the first is at `at`."""
    literal = _LITERAL.match(text, at)
    return literal.end() if literal else at


def end_of_brackets(text: str, at: int) -> int:
    """Behind the bracket that closes the one at `at`, of a text in which quotes say nothing."""
    open_ = 0
    for match in _BRACKET.finditer(text, at):
        open_ += 1 if match[0] in "{[" else -1
        if open_ <= 0:
            return match.end()
    return len(text)
