"""Lists of names and values in the lines of YAML; what stands in brackets there is in `lists`. Pure.

- name: token            - - token            - --token
  value: …                 - …                - …
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from dashboard.analytics.bodies.redaction.found import Found
from dashboard.analytics.bodies.redaction.names import NAMING, WORTH, Names, last_word
from dashboard.analytics.bodies.redaction.passes import Span, without
from dashboard.analytics.bodies.redaction.statements import is_option

_LINE = re.compile(r"[^\r\n]+")
_LEAD = re.compile(r"[ \t]*(?:-(?:[ \t]+|$))*")
_MEMBER = re.compile(r"([\"']?)([\w.\-]{1,60})\1[ \t]*:(?:[ \t]+|$)")

Lines = list[tuple[int, str]]  # where each begins, and what it says


@dataclass
class _Item:
    """Of a column of lines: whether its name is that of a secret, and where its values are."""

    column: int
    is_secret: bool = False
    values: list[Span] = field(default_factory=list)


def without_values(text: str, names: Names, found: Found) -> str:
    """The text with the values replaced whose names say that they are secrets."""
    if ":" not in text and "-" not in text:
        return text
    lines = [(match.start(), match[0]) for match in _LINE.finditer(text)]
    leads = [_lead(line) for _, line in lines]
    spans = [*_of_members(lines, leads, names), *_of_elements(lines, leads, names)]
    return without(text, sorted(spans), found)


def _of_members(lines: Lines, leads: list[Span], names: Names) -> Iterator[Span]:
    """What has the value of what a member beside it names."""
    items: list[_Item] = []
    for number, (start, line) in enumerate(lines):
        dash, column = leads[number]
        while items and items[-1].column > min(dash, column):
            yield from _values(items.pop())
        if member := _MEMBER.match(line, column):
            if dash < column or not items or items[-1].column != column:
                items.append(_Item(column))
            name, value = last_word(member[2]), _unquoted(line[member.end() :])
            if name in NAMING and names.parameter(value):
                items[-1].is_secret = True
            elif name in WORTH:
                items[-1].values.append((start + member.end(), _end(lines, leads, number, column)))
    for item in items:
        yield from _values(item)


def _of_elements(lines: Lines, leads: list[Span], names: Names) -> Iterator[Span]:
    """The element of a list behind one that is a name, or an option of a command."""
    named = -1  # the column of the dash before the name
    for number, (start, line) in enumerate(lines):
        dash, column = leads[number]
        if dash == named < column:
            yield start + column, _end(lines, leads, number, dash)
        if dash < column or column < named:
            named = -1
        if dash < column and not _MEMBER.match(line, column):
            said = _unquoted(line[column:])
            if names.column(said) or is_option(said, names):
                named = line.rindex("-", 0, column)


def _values(item: _Item) -> list[Span]:
    return item.values if item.is_secret else []


def _lead(line: str) -> tuple[int, int]:
    """The columns of the first dash before what a line says, and of that; the same without a dash."""
    match = _LEAD.match(line)
    lead = match[0] if match else ""
    return (lead.index("-") if "-" in lead else len(lead)), len(lead)


def _end(lines: Lines, leads: list[Span], number: int, column: int) -> int:
    """The end of what stands in a line and in those that follow it further to the right."""
    last = number
    while last + 1 < len(lines) and leads[last + 1][0] > column:
        last += 1
    return lines[last][0] + len(lines[last][1])


def _unquoted(text: str) -> str:
    return text.strip(" \t\r\n\"'")
