"""What is never stored of a request and its answer: credentials, wherever they stand. Pure.

Names say where secrets are, in headers, queries, forms, JSON, XML and so on: they are looked for as text, since a body
may be cut off, wrong, or something in something else. What was found by its name, and what is shaped like a token, is
then taken out wherever else it stands. Rather too much is taken out than too little. What nothing names cannot be told
from other text: CSV without a line of names, SQL without names of columns, and of a sentence what may be a word of it,
and what is not said to be something.
"""

from collections.abc import Iterable
from typing import NamedTuple

from dashboard.analytics.bodies.message import Message
from dashboard.analytics.bodies.redaction import (
    json_text,
    lists,
    markup,
    packed,
    pairs,
    parts,
    statements,
    strings,
    tables,
    yaml_text,
)
from dashboard.analytics.bodies.redaction.found import MARK, SCHEMES, SHORTEST, SHORTEST_KEY, Found, clear
from dashboard.analytics.bodies.redaction.names import Names, plain
from dashboard.analytics.bodies.redaction.passes import through

MOST_KEPT = 1 << 15  # bytes of UTF-8 of a message
SHORTEST_COOKIE = 16  # of a cookie whose name says nothing
DEEPEST = 3  # texts in texts
_WITHOUT = (
    lists.without_values,
    tables.without_columns,
    yaml_text.without_cells,
    yaml_text.without_values,
    statements.without_rows,
)
_OTHERS = (*statements.PASSES, *markup.PASSES, *parts.PASSES, *packed.PASSES, *pairs.PASSES)


class Redacted(NamedTuple):
    """request, response: as they are stored. cut: of each, whether more was sent. secrets: what has been taken out."""

    request: str
    response: str
    cut: tuple[bool, bool]
    secrets: tuple[str, ...]


def redact(
    request: Message | None, response: Message | None, names: Names, tokens: Iterable[str] = ()
) -> Redacted:
    """Both as they may be stored. tokens: secrets that are known already."""
    found = Found()
    for token in tokens:
        found.add(token, SHORTEST_KEY)
    texts = [_redacted(message, names, found) if message else "" for message in (request, response)]
    secrets = tuple(found.secrets)
    kept = [_kept(clear(text, secrets)) for text in texts]
    cut = tuple(
        bool(message and (message.cut or longer))
        for message, (_, longer) in zip((request, response), kept, strict=True)
    )
    return Redacted(kept[0][0], kept[1][0], (cut[0], cut[1]), secrets)


def _kept(text: str) -> tuple[str, bool]:
    """The beginning, and whether there is more."""
    packed = text.encode("utf-8", "replace")
    if len(packed) <= MOST_KEPT:
        return text, False
    return packed[:MOST_KEPT].decode("utf-8", "ignore"), True


def _redacted(message: Message, names: Names, found: Found) -> str:
    lines = [_of_text(message.start, names, found)]
    for name, value in message.headers:
        shown = _of_header(name, value, names, found)
        lines.append(f"{name}: {shown}" if name else shown)
    body = _of_text(message.text, names, found)
    return "\n".join(lines) + (f"\n\n{body}" if body else "\n")


def _of_header(name: str, value: str, names: Names, found: Found) -> str:
    if not names.header(name):
        return _of_text(value, names, found)
    if "cookie" in name.lower():
        # What follows the first one of an answer says where it is valid.
        _cookies(value.split(";")[:1] if "set" in name.lower() else value.split(";"), names, found)
    found.add_value(value, SHORTEST_KEY if plain(name) in names.headers else SHORTEST)
    scheme, blank, _ = value.partition(" ")
    return f"{scheme} {MARK}" if blank and scheme.lower() in SCHEMES else MARK


def _cookies(pairs: Iterable[str], names: Names, found: Found) -> None:
    for pair in pairs:
        name, _, worth = pair.partition("=")
        found.add(worth.strip(' "'), SHORTEST if names.parameter(name.strip()) else SHORTEST_COOKIE)


def _of_text(text: str, names: Names, found: Found, depth: int = DEEPEST) -> str:
    def of_inner(inner: str) -> str:
        return _of_text(inner, names, found, depth - 1)

    if depth:
        text = strings.each_text(text, strings.IN_QUOTES, of_inner)
    for each in json_text.PASSES:
        text = through(text, each, names, found)
    for without in _WITHOUT:
        text = without(text, names, found)
    for each in _OTHERS:
        text = through(text, each, names, found)
    # Behind what is looked for as it stands, which leaves more of it as it was.
    return strings.each_text(text, strings.IN_PERCENT, of_inner) if depth else text
