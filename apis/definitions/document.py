"""Definition text: read strictly, written out in one form, and the line of each of its values."""

import json
import re
from collections.abc import Iterable
from typing import Any

from apis.definitions.pointer import steps
from orgs.http.strict_json import BadJson, loads, printable

LARGEST = 1_000_000  # characters; the largest definitions in public use are some 300 kB

LONGEST_SHOWN = 200  # characters of a line in an excerpt

_END = object()
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+|\s+', re.DOTALL)


def parse(text: str) -> object:
    """The value written in `text`. Raises BadJson."""
    if len(text) > LARGEST:
        raise BadJson(f"it is longer than {LARGEST:,} characters")
    return loads(text)


def object_in(text: str) -> dict | None:
    """The object written in `text`; None if there is none."""
    try:
        value = parse(text)
    except BadJson:
        return None
    return value if isinstance(value, dict) else None


def compact(value: object) -> str:
    """`value` as JSON text without blanks, members in their order; the form that is stored and served."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def pretty(value: object) -> str:
    """`value` as JSON text for a person to read and edit; without blanks where those would make it longer than
    LARGEST, which could not be sent back.
    """
    length, pieces = 0, []
    for piece in json.JSONEncoder(ensure_ascii=False, allow_nan=False, indent=2).iterencode(value):
        length += len(piece)
        if length > LARGEST:
            return compact(value)
        pieces.append(piece)
    return "".join(pieces)


def faithful(value: object) -> object:
    """`value` as a reader of its text would see it. Raises BadJson if there is no such text."""
    try:
        return parse(compact(value))
    except (TypeError, RecursionError, ValueError) as error:
        if isinstance(error, BadJson):
            raise
        raise BadJson("it cannot be written as JSON") from None


def lines(text: str, pointers: Iterable[str]) -> dict[str, int]:
    """{JSON pointer: line number from 1} for those of `pointers` that lead to a value in `text`, which `parse`
    accepts. One pass, however many are asked for.
    """
    found: dict[str, int] = {}
    line = 1
    key: str | None = ""
    path: list[list[Any]] = [[{"": _tree(pointers)}, None]]
    # The byte order mark that `parse` takes is no value.
    for match in _TOKEN.finditer(text.removeprefix("\ufeff")):
        piece = match.group()
        if piece.isspace():
            line += piece.count("\n")
        elif piece == ",":
            if path[-1][1] is not None:
                path[-1][1] += 1
        elif piece in "}]":
            path.pop()
        elif piece != ":":
            key = _place(piece, line, path, key, found)
    return found


def nearest_lines(text: str, pointers: Iterable[str]) -> dict[str, int]:
    """As `lines`, for what is not there of what would hold it, for every pointer."""
    wanted = list(pointers)
    found = lines(text, [holder for each in wanted for holder in _holders(each)])
    return {each: next((found[at] for at in _holders(each) if at in found), 1) for each in wanted}


def _holders(pointer: str) -> list[str]:
    """A pointer and those of all that holds it, the nearest first."""
    found = [pointer]
    while pointer:
        pointer = pointer.rpartition("/")[0]
        found.append(pointer)
    return found


def line_of_fault(text: str, message: str) -> int:
    """The line that a BadJson of `text` is about: as it says itself, or of the member that it names; else 1."""
    if found := re.search(r"at line (\d+) column", message):
        return int(found[1])
    if found := re.match(r"the member (.*) is there twice", message, re.DOTALL):
        return _line_of_second(text, found[1])
    if found := re.search(r"(?:^|of |at )(/\S*)", message):
        return nearest_lines(text, [found[1]])[found[1]]
    return 1


def _line_of_second(text: str, name: str) -> int:
    """The line of the first member of that name beside another of the same; 1 if there is none."""
    line, last = 1, ""
    path: list[set[str]] = [set()]
    for match in _TOKEN.finditer(text):
        piece = match.group()
        if piece in "{[":
            path.append(set())
        elif piece in "}]" and len(path) > 1:
            path.pop()
        elif piece == ":" and last:
            if last in path[-1] and printable(json.loads(last)) == name:
                return line
            path[-1].add(last)
        line += piece.count("\n")
        last = piece if piece.startswith('"') else last if piece.isspace() else ""
    return 1


def excerpt(text: str, line: int, around: int = 1) -> list[tuple[int, str]]:
    """(number, text) of a line and its neighbours, each cut to LONGEST_SHOWN; nothing of a text of one line."""
    every = text.split("\n")
    if len(every) == 1:
        return []
    first = max(1, line - around)
    return [
        (number, each.rstrip("\r")[:LONGEST_SHOWN])
        for number, each in enumerate(every[first - 1 : line + around], first)
    ]


def _tree(pointers: Iterable[str]) -> dict:
    """The pointers as nested {step: …}; a pointer stands under _END where it ends."""
    root: dict = {}
    for pointer in pointers:
        node = root
        for step in steps(pointer):
            node = node.setdefault(step, {})
        node[_END] = pointer
    return root


def _place(
    piece: str, line: int, path: list[list[Any]], key: str | None, found: dict[str, int]
) -> str | None:
    """Note where one value begins; the answer is the name of a member whose value comes next, or None."""
    holder, index = path[-1]
    if index is None and key is None:
        return json.loads(piece)
    here = holder.get(key if index is None else str(index), {})
    if _END in here:
        found[here[_END]] = line
    if piece in "{[":
        path.append([here, 0 if piece == "[" else None])
    return None
