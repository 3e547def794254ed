"""Tables whose first line names their columns: CSV, with any of the usual delimiters. Pure."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from dashboard.analytics.bodies.redaction.found import MARK, Found
from dashboard.analytics.bodies.redaction.names import NAMING, WORTH, Names
from dashboard.analytics.bodies.redaction.passes import PLAIN

_DELIMITERS = ",;\t|"
LONGEST_HEAD = 4_000  # characters
_LINE = re.compile(r"[^\r\n]+")
# Of a head: it may have blanks and signs, yet none that says where a value is in other formats.
_NAME = re.compile(r"[^\"=<>{}:\\]{1,60}|\s*\"[^\"=<>{}:\\]{1,60}\"\s*")
_BEGIN = re.compile(r"[\r\n]*")
_END = re.compile(r"\r\n?|\n")
_OVER = re.compile(r"[\r\n]|--|\Z")

Cells = list[tuple[int, int]]


class _Head(NamedTuple):
    """width: how many columns there are. secret: those that hold secrets. named: those that hold the names of what
    stands in `worth`."""

    delimiter: str
    width: int
    secret: list[int]
    named: list[int]
    worth: list[int]


def without_columns(text: str, names: Names, found: Found) -> str:
    """The text with the cells replaced of which a column's name, or a name in the same row, says that they hold
    secrets."""
    if text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[", "<"):
        return text
    made, done, at, is_first = [], 0, 0, True
    while line := _LINE.search(text, at):
        at = line.end()
        head = _head(line[0], names, is_first=is_first)
        is_first = False
        if head is None:
            continue
        for cells, end in _rows(text, at, head.delimiter):
            for start, stop in _secret_cells(text, cells, head, names):
                if text[start:stop].strip("\"' \t") not in PLAIN:
                    found.add_value(text[start:stop].strip(" \t").strip('"').replace('""', '"'))
                    made += [text[done:start], f'"{MARK}"' if text[start] == '"' else MARK]
                    done = stop
            at = end
    return "".join([*made, text[done:]]) if made else text


def _head(line: str, names: Names, *, is_first: bool) -> _Head | None:
    """What a line says that names columns; None for others, and where none of them may hold secrets."""
    line = line.removeprefix("\ufeff")
    if len(line) > LONGEST_HEAD:
        return None
    for delimiter in filter(line.__contains__, _DELIMITERS):
        fields = [line[start:stop] for start, stop in _cells(line, 0, delimiter)]
        head = _Head(
            delimiter,
            len(fields),
            [column for column, field in enumerate(fields) if _is_secret(field, names)],
            [column for column, field in enumerate(fields) if _bare(field).lower() in NAMING],
            [column for column, field in enumerate(fields) if _bare(field).lower() in WORTH],
        )
        is_of_use = head.secret or (head.named and head.worth)
        if is_of_use and all(_NAME.fullmatch(field) or not field for field in fields):
            return head
    alone = is_first and _NAME.fullmatch(line) and _is_secret(line, names)
    return _Head("", 1, [0], [], []) if alone else None


def _secret_cells(text: str, cells: Cells, head: _Head, names: Names) -> Cells:
    """Those of a row; all of one that has not as many as its head, if the head names any."""
    if len(cells) != head.width:
        return cells if head.secret else []
    is_named = any(names.parameter(_bare(text[slice(*cells[column])])) for column in head.named)
    columns = {*head.secret, *(head.worth if is_named else ())}
    return [cells[column] for column in sorted(columns)]


def _is_secret(field: str, names: Names) -> bool:
    name = _bare(field)
    return len(name) <= 60 and name[:1].isalnum() and names.column(name)


def _bare(field: str) -> str:
    return field.strip("\"' \t")


def _rows(text: str, at: int, delimiter: str) -> Iterator[tuple[Cells, int]]:
    """The cells of each row behind a head, as spans, and where it ends: up to an empty line, or the end of a part."""
    begin = _BEGIN.match(text, at)
    at = begin.end() if begin else at
    while at < len(text) and not _OVER.match(text, at):
        cells = _cells(text, at, delimiter)
        at = cells[-1][1]
        end = _END.match(text, at)
        at = end.end() if end else at + 1
        yield cells, at


def _cells(text: str, at: int, delimiter: str) -> Cells:
    """Those of the row that begins there, as spans; at least one."""
    cell, cells = _cell(delimiter), []
    while match := cell.match(text, at):
        cells.append(match.span())
        at = match.end()
        if not delimiter or text[at : at + 1] != delimiter:
            break
        at += 1
    return cells


@lru_cache
def _cell(delimiter: str) -> re.Pattern[str]:
    """With quotes, in which a quote is written twice, or without."""
    plain = rf"[^{re.escape(delimiter)}\r\n]*"
    return re.compile(rf'"[^"]*(?:""[^"]*)*(?:"|\Z){plain}|{plain}')
