"""Texts of several lines inside of JSON, with their line ends escaped: they are unpacked, and packed again. Pure."""

import json
import re
from collections.abc import Callable

_STRING = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*\\?)(?:"|\Z)', re.DOTALL)
_ENDS_OF_LINES = re.compile(r"\\n|\\r|\\u000[aAdD]")
_HALF_AN_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*)\\(?:u[0-9a-fA-F]{0,3})?\Z")


def each_text(text: str, redacted: Callable[[str], str]) -> str:
    """The text with what `redacted` makes of each text of several lines in quotes."""
    made, done = [], 0
    for match in _STRING.finditer(text):
        if not _ENDS_OF_LINES.search(match[1]):
            continue
        try:
            whole = _HALF_AN_ESCAPE.sub(r"\1", match[1])
            meant = json.loads(f'"{whole}"', strict=False)
        except ValueError:
            continue
        found = redacted(meant)
        if found != meant:
            made += [text[done : match.start(1)], json.dumps(found, ensure_ascii=False)[1:-1]]
            done = match.end(1)
    return "".join([*made, text[done:]]) if made else text
