"""How a text is gone through: names one after the other, with the value behind each. Pure."""

import json
import re
from collections.abc import Callable
from typing import NamedTuple

from dashboard.analytics.bodies.redaction.found import Found
from dashboard.analytics.bodies.redaction.names import Names

# What stands for no secret, whatever its name.
PLAIN = frozenset({"null", "true", "false", ""})

_BRACKET = re.compile(r"[\[\]{}]")
Match = re.Match[str]
# Of a text and a match: where the value behind it ends, and what stands for it; None where it is none.
ValueOf = Callable[[str, Match], tuple[int, str | None]]


class Pass(NamedTuple):
    """sign: what a text holds where the pattern may match. is_secret: whether names make a match secret."""

    sign: str
    pattern: re.Pattern[str]
    is_secret: Callable[[Names, Match], bool]
    value_of: ValueOf


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
        found.add_value(meant(value))
        made += [text[done:at], mark]
        done = at = end
    return "".join([*made, text[done:]]) if made else text


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


def end_of_brackets(text: str, at: int) -> int:
    """Behind the bracket that closes the one at `at`, of a text in which quotes say nothing."""
    open_ = 0
    for match in _BRACKET.finditer(text, at):
        open_ += 1 if match[0] in "{[" else -1
        if open_ <= 0:
            return match.end()
    return len(text)
