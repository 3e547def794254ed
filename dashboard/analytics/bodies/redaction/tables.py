"""Tables whose first line names their columns: CSV, with any of the usual delimiters. Pure."""

import re
from collections.abc import Iterator
from functools import lru_cache

from dashboard.analytics.bodies.redaction.found import MARK, Found
from dashboard.analytics.bodies.redaction.names import Names
from dashboard.analytics.bodies.redaction.passes import PLAIN

_DELIMITERS = ",;\t|"
LONGEST_HEAD = 4_000  # characters
_LINE = re.compile(r"[^\r\n]+")
_HEAD = re.compile(r"\s*([\"']?)[\w .\-/()\[\]%$@#]{1,60}\1\s*")
_END = re.compile(r"\r?\n|--|\Z")


def without_columns(text: str, names: Names, found: Found) -> str:
    """The text with the columns replaced whose names say that they hold secrets."""
    if text.lstrip()[:1] in ("{", "[", "<"):
        return text
    made, done, at, is_first = [], 0, 0, True
    while line := _LINE.search(text, at):
        at = line.end()
        delimiter, columns, count = _head(line[0], names, is_first=is_first)
        is_first = False
        if not columns:
            continue
        for cells, end in _rows(text, at, delimiter):
            for start, stop in cells if len(cells) != count else [cells[column] for column in columns]:
                if text[start:stop].strip("\"' \t") not in PLAIN:
                    found.add_value(text[start:stop].strip(" \t").strip('"').replace('""', '"'))
                    made += [text[done:start], f'"{MARK}"' if text[start] == '"' else MARK]
                    done = stop
            at = end
    return "".join([*made, text[done:]]) if made else text


def _head(line: str, names: Names, *, is_first: bool) -> tuple[str, list[int], int]:
    """The delimiter of a line that names columns, those of them that hold secrets, and how many there are."""
    if len(line) > LONGEST_HEAD:
        return "", [], 0
    for delimiter in filter(line.__contains__, _DELIMITERS):
        fields = line.split(delimiter)
        secret = [column for column, field in enumerate(fields) if _is_secret(field, names)]
        if secret and all(_HEAD.fullmatch(field) or not field for field in fields):
            return delimiter, secret, len(fields)
    alone = is_first and _HEAD.fullmatch(line) and _is_secret(line, names)
    return "", [0] if alone else [], 1


def _is_secret(field: str, names: Names) -> bool:
    name = field.strip("\"' \t")
    return len(name) <= 60 and name[:1].isalnum() and names.column(name)


def _rows(text: str, at: int, delimiter: str) -> Iterator[tuple[list[tuple[int, int]], int]]:
    """The cells of each row behind a head, as spans, and where it ends: up to an empty line, or the end of a part."""
    cell, end = _cell(delimiter), text.find("\n", at)
    at = end + 1 if end >= 0 else len(text)
    while at < len(text) and not _END.match(text, at):
        cells = []
        while match := cell.match(text, at):
            cells.append(match.span())
            at = match.end()
            if not delimiter or text[at : at + 1] != delimiter:
                break
            at += 1
        at += 2 if text.startswith("\r\n", at) else 1
        yield cells, at


@lru_cache
def _cell(delimiter: str) -> re.Pattern[str]:
    """With quotes, in which a quote is written twice, or without."""
    plain = rf"[^{re.escape(delimiter)}\r\n]*"
    return re.compile(rf'"[^"]*(?:""[^"]*)*(?:"|\Z){plain}|{plain}')
