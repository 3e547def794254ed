"""JSON pointers (RFC 6901) and the one shape in which a fault of a definition is reported."""

from collections.abc import Iterator
from typing import NamedTuple


class Problem(NamedTuple):
    """A fault: where (a JSON pointer, "" for the whole document) and what is wrong, in a sentence part."""

    pointer: str
    message: str

    def __str__(self) -> str:
        return f"{self.pointer}: {self.message}" if self.pointer else self.message


def child(pointer: str, step: str | int) -> str:
    """The pointer of a member or list element below `pointer`."""
    return f"{pointer}/{str(step).replace('~', '~0').replace('/', '~1')}"


def walk(value: object, pointer: str = "") -> Iterator[tuple[str, str | None, object]]:
    """Every (pointer, key or None, value) of a document, parents first; iterative, so depth is no danger."""
    stack = [(pointer, None, value)]
    while stack:
        here, key, item = stack.pop()
        yield here, key, item
        if isinstance(item, dict):
            stack.extend((child(here, name), name, below) for name, below in reversed(item.items()))
        elif isinstance(item, list):
            stack.extend(
                (child(here, index), None, below) for index, below in reversed(list(enumerate(item)))
            )
