"""What differs between two definitions."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from apis.definitions.document import compact
from apis.definitions.pointer import Path, pointer


class Row(NamedTuple):
    """One difference: the JSON pointer, and compact JSON before and after; None where there was nothing."""

    pointer: str
    before: str | None
    after: str | None


MOST_SHOWN = 300  # characters of one value on a page
MOST_ROWS = 200  # of one difference on a page

_NOTHING = object()


def shown(before: object, after: object) -> dict[str, Any]:
    """The difference of two definitions, small enough for a page: {"rows", "is_cut": whether there are more}."""
    found = rows(before, after, MOST_ROWS + 1)
    short = [row._replace(before=_short(row.before), after=_short(row.after)) for row in found[:MOST_ROWS]]
    return {"rows": short, "is_cut": len(found) > MOST_ROWS, "most": MOST_ROWS}


def _short(text: str | None) -> str | None:
    return text if text is None or len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def rows(before: object, after: object, most: int | None = None) -> list[Row]:
    """The Rows between two JSON values, in document order, as deep as both are objects or lists. most: how many
    of them at most.
    """
    found = islice(_rows(before, after, ()), most)
    return [Row(pointer(path), _text(old), _text(new)) for path, old, new in found]


def _rows(before: Any, after: Any, path: Path) -> Iterator[tuple[Path, Any, Any]]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in {**before, **after}:
            yield from _rows(before.get(name, _NOTHING), after.get(name, _NOTHING), (*path, name))
    elif isinstance(before, list) and isinstance(after, list):
        for index in range(max(len(before), len(after))):
            yield from _rows(_element(before, index), _element(after, index), (*path, index))
    elif not _equal(before, after):
        yield path, before, after


def _element(values: list, index: int) -> object:
    return values[index] if index < len(values) else _NOTHING


def _equal(before: object, after: object) -> bool:
    # To Python 1, 1.0 and True are equal; to a gateway they are three things.
    return type(before) is type(after) and before == after


def _text(value: object) -> str | None:
    return None if value is _NOTHING else compact(value)
