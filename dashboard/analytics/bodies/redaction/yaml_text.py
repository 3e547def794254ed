"""Lists of names and values in YAML, in lines and in brackets. Pure.

- name: token                [token, value]            - - token
  value: …                   {name: token, value: …}     - …
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from dashboard.analytics.bodies.redaction.found import MARK, Found
from dashboard.analytics.bodies.redaction.names import NAMING, WORTH, Names
from dashboard.analytics.bodies.redaction.passes import PLAIN, Match, Pass, behind, end_of_brackets, through

_LINE = re.compile(r"[^\r\n]+")
_LEAD = re.compile(r"[ \t]*(?:-(?:[ \t]+|$))*")
_MEMBER = re.compile(r"([\"']?)([\w.\-]{1,60})\1[ \t]*:(?:[ \t]+|$)")
_PART = re.compile(r"(?:\"[^\"]*\"?|'[^']*'?|[^,\"'])+")
_BRACES = re.compile(r"\{([^{}]{1,2000})\}")
_BARE = re.compile(r"[^\],]*")
_FIRST_OF_TWO = re.compile(r"\[[ \t]{0,9}([\"']?)(\w[\w.\- ]{0,60})\1[ \t]{0,9},[ \t]{0,9}")

Span = tuple[int, int]


@dataclass
class _Item:
    """Of a column of lines: whether its name is that of a secret, and where its values are. of_list: whether it is one
    of names and values that follow each other."""

    column: int
    of_list: bool
    is_secret: bool = False
    values: list[Span] = field(default_factory=list)


def without_values(text: str, names: Names, found: Found) -> str:
    """The text with the values replaced whose names say that they are secrets."""
    for spans in (_in_lines, _in_braces):
        text = _without(text, sorted(spans(text, names)), found)
    return through(text, _PAIRS, names, found)


def _without(text: str, spans: list[Span], found: Found) -> str:
    made, done = [], 0
    for start, end in spans:
        value = text[start:end].strip(" \t\r\n\"',")
        if start >= done and value not in PLAIN and value != MARK:
            found.add_value(value)
            made += [text[done:start], MARK]
            done = end
    return "".join([*made, text[done:]]) if made else text


def _in_lines(text: str, names: Names) -> Iterator[Span]:
    if ":" not in text and "-" not in text:
        return
    lines = [(match.start(), match[0]) for match in _LINE.finditer(text)]
    leads = [_lead(line) for _, line in lines]
    items: list[_Item] = []
    for number, (start, line) in enumerate(lines):
        dash, column = leads[number]
        while items and items[-1].column > min(dash, column):
            yield from _values(items.pop())
        if items and items[-1].of_list and items[-1].column == dash < column:
            items[-1].values.append((start + dash + 2, _end(lines, leads, number, dash)))
        if member := _MEMBER.match(line, column):
            if dash < column or not items or items[-1].column != column:
                items.append(_Item(column, of_list=False))
            name, value = member[2].lower(), _unquoted(line[member.end() :])
            if name in NAMING and names.parameter(value):
                items[-1].is_secret = True
            elif name in WORTH:
                items[-1].values.append((start + member.end(), _end(lines, leads, number, column)))
        elif line[:column].count("-") > 1:
            secret = names.column(_unquoted(line[column:]))
            items.append(_Item(line.rindex("-", 0, column), of_list=True, is_secret=secret))
    for item in items:
        yield from _values(item)


def _values(item: _Item) -> list[Span]:
    return item.values if item.is_secret else []


def _lead(line: str) -> tuple[int, int]:
    """The columns of the first dash before what a line says, and of that; the same without a dash."""
    match = _LEAD.match(line)
    lead = match[0] if match else ""
    return (lead.index("-") if "-" in lead else len(lead)), len(lead)


def _end(lines: list[tuple[int, str]], leads: list[Span], number: int, column: int) -> int:
    """The end of what stands in a line and in those that follow it further to the right."""
    last = number
    while last + 1 < len(lines) and leads[last + 1][0] > column:
        last += 1
    return lines[last][0] + len(lines[last][1])


def _in_braces(text: str, names: Names) -> Iterator[Span]:
    for match in _BRACES.finditer(text):
        parts = [(match.start(1) + part.start(), *_halves(part[0])) for part in _PART.finditer(match[1])]
        if any(_bare(name) in NAMING and names.parameter(_unquoted(value)) for _, name, value in parts):
            for start, name, value in parts:
                if _bare(name) in WORTH and value.strip():
                    begin = start + len(name) + 1 + len(value) - len(value.lstrip())
                    # A list ends somewhere in the parts that follow.
                    yield (
                        begin,
                        match.end(1) if text[begin] == "[" else start + len(name) + 1 + len(value.rstrip()),
                    )


def _halves(member: str) -> tuple[str, str]:
    name, _, value = member.partition(":")
    return name, value


def _second_of_two(text: str, match: Match) -> tuple[int, str | None]:
    at = match.end()
    mark = text[at : at + 1] if text[at : at + 1] in ("'", '"') else ""
    if mark:
        end = behind(text, mark, at + 1)
    elif text[at : at + 1] in ("[", "{"):
        end = end_of_brackets(text, at)
    else:
        end = at + len(_bare_value(text, at))
    ends_there = text[end : end + 100].lstrip()[:1] in ("", "]")
    return end, f"{mark}{MARK}{mark}" if ends_there else None


def _bare_value(text: str, at: int) -> str:
    match = _BARE.match(text, at)
    return match[0].rstrip() if match else ""


def _unquoted(text: str) -> str:
    return text.strip(" \t\r\n\"'")


def _bare(text: str) -> str:
    return _unquoted(text).lower()


_PAIRS = Pass("[", _FIRST_OF_TWO, lambda names, match: names.column(match[2]), _second_of_two)
