"""Definition text: read strictly, written out in one form, and the line of each of its values."""

import json
import re

from apis.pointer import child
from orgs.strict_json import BadJson, loads

LARGEST = 1_000_000  # characters; the largest definitions in public use are some 300 kB

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+|\s+', re.DOTALL)


def parse(text: str) -> object:
    """The value written in `text`. Raises BadJson."""
    if len(text) > LARGEST:
        raise BadJson(f"it is longer than {LARGEST:,} characters")
    return loads(text)


def compact(value: object) -> str:
    """`value` as JSON text without blanks, members in their order; the form that is stored and served."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def pretty(value: object) -> str:
    """`value` as JSON text for a person to read and edit."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2)


def faithful(value: object) -> object:
    """`value` as a reader of its text would see it. Raises BadJson if there is no such text."""
    try:
        return parse(compact(value))
    except (TypeError, RecursionError, ValueError) as error:
        if isinstance(error, BadJson):
            raise
        raise BadJson("it cannot be written as JSON") from None


def lines(text: str) -> dict[str, int]:
    """{JSON pointer: line number from 1} for every value in text that `parse` accepts."""
    found = {}
    line, path, key = 1, [], None
    for piece in _TOKEN.findall(text):
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


def _place(piece, line, path, key, found):
    """Note where one value begins; the answer is the name of a member whose value comes next, or None."""
    holder, index = path[-1] if path else ("", None)
    if path and index is None and key is None:
        return json.loads(piece)
    pointer = child(holder, key if index is None else index) if path else ""
    found[pointer] = line
    if piece in "{[":
        path.append([pointer, 0 if piece == "[" else None])
    return None
