"""JSON pointers (RFC 6901) and the one shape in which a fault of a definition is reported."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

Path = tuple[str | int, ...]  # the steps of a pointer; cheap to lengthen, however long a member's name


class Problem(NamedTuple):
    """A fault: where (a JSON pointer, "" for the whole document) and what is wrong, in a sentence part."""

    pointer: str
    message: str

    def __str__(self) -> str:
        return f"{self.pointer}: {self.message}" if self.pointer else self.message


def child(pointer: str, step: str | int) -> str:
    """The pointer of a member or list element below `pointer`."""
    return f"{pointer}/{str(step).replace('~', '~0').replace('/', '~1')}"


def pointer(path: Path) -> str:
    """The JSON pointer of a path."""
    text = ""
    for step in path:
        text = child(text, step)
    return text


def steps(pointer: str) -> list[str]:
    """The names and indices, as text, that a JSON pointer is made of."""
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def at(document: object, pointer: str) -> Any:
    """What a JSON pointer, or a reference (#/…) within a document, leads to; None where there is nothing."""
    value = document
    for step in steps(pointer.removeprefix("#")):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def walk(value: object, path: Path = ()) -> Iterator[tuple[Path, str | None, object]]:
    """Every (path, key or None, value) of a document, parents first; iterative, so depth is no danger."""
    stack: list[Iterator[tuple[Path, str | None, object]]] = [iter([(path, None, value)])]
    while stack:
        found = next(stack[-1], None)
        if found is None:
            stack.pop()
            continue
        yield found
        stack.append(_below(found[0], found[2]))


def _below(path: Path, item: object) -> Iterator[tuple[Path, str | None, object]]:
    if isinstance(item, dict):
        return (((*path, name), name, below) for name, below in item.items())
    if isinstance(item, list):
        return (((*path, index), None, below) for index, below in enumerate(item))
    return iter(())


def summary(problems: Sequence[object], most: int) -> list[str]:
    """The first `most` as text, and how many there are beyond."""
    shown = [str(problem) for problem in problems[:most]]
    more = len(problems) - most
    return [*shown, f"and {more:,} more"] if more > 0 else shown
