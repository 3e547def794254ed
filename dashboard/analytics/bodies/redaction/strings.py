"""Texts in texts: JSON in JSON, files in forms, cells of CSV. They are unpacked, and packed if they change. Pure."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple
from urllib.parse import quote, quote_plus, unquote_plus

from dashboard.analytics.bodies.redaction.found import MARK

_HALF_AN_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*)\\(?:u[0-9a-fA-F]{0,3})?\Z")
_PERCENT = r"%(?:25){0,3}"


class _Packing(NamedTuple):
    """pattern: what is packed, its first group. holds: what must be in it, of which a text for itself consists: ends of
    lines, quotes, brackets. Both ways may raise ValueError."""

    pattern: re.Pattern[str]
    holds: re.Pattern[str]
    unpacked: Callable[[str], str]
    packed: Callable[[str, str], str]  # of what is meant, and how it was packed


def each_text(text: str, packings: Iterable[_Packing], redacted: Callable[[str], str]) -> str:
    """The text with what `redacted` makes of each text in it."""
    for packing in packings:
        made, done = [], 0
        for start, end, packed in _changed(text, packing, redacted):
            made += [text[done:start], packed]
            done = end
        text = "".join([*made, text[done:]]) if made else text
    return text


def _changed(text: str, packing: _Packing, redacted: Callable[[str], str]) -> Iterator[tuple[int, int, str]]:
    for match in packing.pattern.finditer(text):
        if packing.holds.search(match[1]):
            try:
                meant = packing.unpacked(match[1])
                found = redacted(meant)
                if found != meant:
                    yield *match.span(1), packing.packed(found, match[1])
            except ValueError:
                continue


def _of_json(packed: str) -> str:
    whole = _HALF_AN_ESCAPE.sub(r"\1", packed)
    return str(json.loads(f'"{whole}"', strict=False))


def _to_json(text: str, _packed: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _to_percent(text: str, packed: str) -> str:
    to = quote_plus if "+" in packed else quote
    return to(text, safe="").replace(quote(MARK, safe=""), MARK)


IN_QUOTES = (
    _Packing(
        re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*\\?)(?:"|\Z)', re.DOTALL),
        re.compile(r'\\n|\\r|\\u000[aAdD]|\\"'),
        _of_json,
        _to_json,
    ),
    _Packing(
        re.compile(r'"([^"]*(?:""[^"]*)+)(?:"|\Z)'),
        re.compile(r"[\r\n{\[:=]"),
        lambda packed: packed.replace('""', '"'),
        lambda text, _: text.replace('"', '""'),
    ),
)
IN_PERCENT = (
    _Packing(
        re.compile(r"([^\s&=?\"<>]+)"),
        re.compile(rf"{_PERCENT}(?:0[aAdD]|22|27|5[bB]|7[bB])|(?:{_PERCENT}20|\+)-"),
        unquote_plus,
        _to_percent,
    ),
)
