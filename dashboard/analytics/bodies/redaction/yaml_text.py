"""Lists of names and values in the lines of YAML, and tables; what stands in brackets is in `lists`. Pure.

- name: token            - - token            - --token            columns: [id, token]
  value: …                 - …                - …                  rows:
                                                                   - - 1
                                                                     - …
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from dashboard.analytics.bodies.redaction.found import Found
from dashboard.analytics.bodies.redaction.lists import Group, Read, of_tables
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


class _Blocks(Read):
    """The lists and objects that lines are of, with those in brackets that have a line."""

    def _read(self) -> None:
        self._columns: list[int] = []  # of what is open
        end = 0  # of the line before
        for start, line in _lines(self.text):
            dash, column = _lead(line)
            for at in range(dash, column):
                if line[at] == "-":
                    self._go_on("[", at, start + at + 1, end)
            value = column
            if member := _MEMBER.match(line, column):
                group = self._go_on("{", column, start + column, end)
                colon = member.start() + member[0].rindex(":") + 1
                group.colons.setdefault(len(group.parts), start + colon)
                value = member.end()
            end = start + len(line)
            if self._open and line[value : value + 1] in ("[", "{"):
                self._take(Read(line[value:]), start + value)
        while self._open:
            self._end(end)

    def _go_on(self, sign: str, column: int, at: int, end: int) -> Group:
        """The group with the next part, which begins at `at`; in what is open it may be the first one."""
        while self._open and self._columns[-1] >= column + (sign == "[" or self._open[-1][0].sign == "{"):
            self._columns.pop()
            self._end(end)
        if self._open and self._columns[-1] == column and self._open[-1][0].sign == sign:
            group, first = self._open[-1]
            group.parts.append((first, end))
            self._open[-1] = group, at
        else:
            self._begin(sign, at)
            self._columns.append(column)
        return self._open[-1][0]

    def _take(self, read: Read, at: int) -> None:
        """What was read of a line from there on, as the value that it is."""
        parent, _ = self._open[-1]
        for group in read.groups:
            group.parts = [(start + at, end + at) for start, end in group.parts]
            group.colons = {number: colon + at for number, colon in group.colons.items()}
            if group.parent is None:
                group.parent, group.place = parent, len(parent.parts)
                parent.children.setdefault(group.place, group)
            self.outermost[-1].append(group)


def without_cells(text: str, names: Names, found: Found) -> str:
    """The text with the cells of tables replaced whose columns are named as secrets are."""
    if "-" not in text and "[" not in text:
        return text
    return without(text, sorted(set(of_tables(_Blocks(text), names))), found, is_sure=False)


def without_values(text: str, names: Names, found: Found) -> str:
    """The text with the values replaced whose names say that they are secrets."""
    if ":" not in text and "-" not in text:
        return text
    lines = _lines(text)
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
        if dash < column or column <= named:
            named = -1
        if dash < column and not _MEMBER.match(line, column):
            said = _unquoted(line[column:])
            if names.column(said) or is_option(said, names):
                named = line.rindex("-", 0, column)


def _values(item: _Item) -> list[Span]:
    return item.values if item.is_secret else []


def _lines(text: str) -> Lines:
    return [(match.start(), match[0]) for match in _LINE.finditer(text)]


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
