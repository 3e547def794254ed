"""What a form has to be told of a kind of definition: its sections, and in them single members and lists of entries.

The description is data (classic, oas); everything else of a form is made of it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from apis.definitions.pointer import Path

LARGEST = 100_000  # characters of a long text
NONE = ("", "Choose …")  # of a choice that need not be made
VERSION = "<version>"  # a step of a path: the version whose paths the form shows


class Field(NamedTuple):
    """A member. name: of its input. path: of the member, from the root or from the entry that it is in. kind: how its
    value is written as text (texts). most: characters, or the largest number. required: what has none says so.
    own: further members that are set along with it. needs: the response processor without which gateways of 3.x do
    nothing of it.
    """

    name: str
    path: Path
    kind: str
    label: str
    help: str = ""
    most: int = 500
    choices: tuple[tuple[str, str], ...] = ()
    required: bool = False
    own: tuple[Path, ...] = ()
    needs: str = ""


class Rows(NamedTuple):
    """Entries with the same fields. shape: "list"; "map", where a field of the kind "key" is the name that an entry
    stands under; "members", those of such a map which have the `member`; "lists", a map of lists. new: what an entry is
    made of. needs: as of a field.
    """

    name: str
    path: Path
    label: str
    entry: str
    columns: tuple[Field, ...]
    help: str = ""
    shape: str = "list"
    new: dict[str, Any] = {}
    needs: str = ""
    member: str = ""


class Section(NamedTuple):
    """name: of its place in the page. is_open: whether it is read without unfolding it. switches: the fields without
    which the others do nothing."""

    name: str
    label: str
    parts: tuple[Field | Rows, ...]
    help: str = ""
    is_open: bool = False
    switches: tuple[str, ...] = ()


Sections = tuple[Section, ...]


def of_version(sections: Sections, version: str) -> Sections:
    """The sections of a definition whose paths are those of one version."""
    return placed(sections, {VERSION: version})


def placed(sections: Sections, names: Mapping[str, str]) -> Sections:
    """The sections with names in the place of steps that stand for them."""
    return tuple(
        section._replace(parts=tuple(_placed(part, names) for part in section.parts)) for section in sections
    )


def _placed(part: Field | Rows, names: Mapping[str, str]) -> Field | Rows:
    return part._replace(path=tuple(names.get(str(step), step) for step in part.path))


def fields(sections: Sections) -> Iterator[Field]:
    """Every field, those of entries too."""
    for section in sections:
        for part in section.parts:
            yield from part.columns if isinstance(part, Rows) else (part,)


def switch(name: str, path: Path, label: str, help: str = "") -> Field:
    return Field(name, path, "switch", label, help)


IN_DETAIL = (
    "Record requests and answers in detail",
    "Gateways then send both whole, beside the record of each request. Whether they are kept is the organisation's "
    "choice, below Logs.",
)


def lines(name: str, path: Path, label: str, help: str = "") -> Field:
    return Field(name, path, "lines", label, help or "One a line.", most=LARGEST)


def pairs(name: str, path: Path, label: str, help: str = "") -> Field:
    return Field(name, path, "pairs", label, help or "One a line: <code>Name: value</code>.", most=LARGEST)


def member(name: str, path: str, kind: str, label: str, help: str = "", *, most: int = 500) -> Field:
    """A member of an entry."""
    return Field(name, tuple(path.split("/")), kind, label, help, most)
