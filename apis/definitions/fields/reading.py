"""A definition as a form shows it: for each part of its description the inputs, with what stands in them. Pure."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from apis.definitions.fields import members, places
from apis.definitions.fields.description import Field, Rows, Section, Sections
from apis.definitions.fields.texts import Shown, Unshowable
from apis.definitions.pointer import Path, pointer

SPARE = 1  # empty entries that a form offers of itself
MORE = 3  # that a button adds
# In the entries of a form: a browser sends them back one by one (DATA_UPLOAD_MAX_NUMBER_FIELDS).
MOST_CELLS = 900


class Cell(NamedTuple):
    """An input. name: of it. shown: what stands in it; None for a value that no form can show, which stays. pointer: of
    the member, or of the entry's where it has none yet."""

    name: str
    field: Field
    shown: Shown | None
    pointer: str


class Entry(NamedTuple):
    """name: what the names of its inputs begin with. key, value: what stands in the list, of a new one what it is made
    of."""

    name: str
    cells: tuple[Cell, ...]
    key: Any
    value: Any
    is_new: bool

    @property
    def removal(self) -> str:
        return f"{self.name}_remove"


class Listed(NamedTuple):
    """entries: with the spare ones. refusal: why they are not shown, "" where they are. room: the name of the input
    that says how many there are."""

    rows: Rows
    entries: tuple[Entry, ...]
    refusal: str = ""

    @property
    def room(self) -> str:
        return f"{self.rows.name}_rows"


class Part(NamedTuple):
    section: Section
    items: tuple[Cell | Listed, ...]


def read(definition: dict, sections: Sections, asked: Callable[[str], int] = lambda _: 0) -> tuple[Part, ...]:
    """The parts of a form. asked: how many entries a list, by the name of its room, is to have."""
    left = [MOST_CELLS]
    return tuple(
        Part(
            section,
            tuple(
                _listed(definition, part, asked, left) if isinstance(part, Rows) else _cell(definition, part)
                for part in section.parts
            ),
        )
        for section in sections
    )


def _cell(definition: dict, field: Field) -> Cell:
    return Cell(field.name, field, _shown(field, definition), pointer(field.path))


def _shown(field: Field, holder: Any) -> Shown | None:
    try:
        return places.shown(field, holder)
    except Unshowable:
        return None


def _listed(definition: dict, rows: Rows, asked: Callable[[str], int], left: list[int]) -> Listed:
    try:
        held = entries_of(rows, members.value_at(definition, rows.path))
    except Unshowable:
        return Listed(rows, (), "holds something that this form cannot show")
    width = len(rows.columns) + 1
    room = left[0] // width
    if len(held) > room:
        return Listed(rows, (), f"has {len(held):,} entries, more than this form has room for")
    wanted = max(len(held) + SPARE, asked(f"{rows.name}_rows"))
    number = min(wanted, max(room, len(held)))
    left[0] -= number * width
    made = [_entry(rows, index, key, value) for index, (key, value) in enumerate(held)]
    made += [_entry(rows, index, "", rows.new, is_new=True) for index in range(len(held), number)]
    return Listed(rows, tuple(made))


def _entry(rows: Rows, index: int, key: Any, value: Any, *, is_new: bool = False) -> Entry:
    name = f"{rows.name}_{index}"
    here = (*rows.path, *_place(rows, index, key))
    cells = tuple(
        Cell(f"{name}_{field.name}", field, _column(field, key, value), pointer((*here, *field.path)))
        for field in rows.columns
    )
    return Entry(name, cells, key, value, is_new)


def _place(rows: Rows, index: int, key: Any) -> Path:
    """Where an entry stands below its list."""
    if rows.shape == "list":
        return (index,)
    return key if isinstance(key, tuple) else (key,)


def _column(field: Field, key: Any, value: Any) -> Shown | None:
    if field.kind == "key":
        return key[0] if isinstance(key, tuple) else key
    return _shown(field, value) if isinstance(value, dict) else None


def entries_of(rows: Rows, held: Any) -> list[tuple[Any, Any]]:
    """(key, value) of each entry. key: "" in a list, a name in a map, (name, index) in a map of lists. Raises
    Unshowable."""
    if held is None:
        return []
    if rows.shape == "list":
        return [("", value) for value in _list(held)]
    if not isinstance(held, dict) or any("\n" in name or "\r" in name or not name for name in held):
        raise Unshowable
    if rows.shape == "map":
        return list(held.items())
    if rows.shape == "members":
        return [
            (name, value) for name, value in held.items() if isinstance(value, dict) and rows.member in value
        ]
    return [
        ((name, index), value) for name, values in held.items() for index, value in enumerate(_list(values))
    ]


def _list(held: Any) -> list:
    if held is not None and not isinstance(held, list):
        raise Unshowable
    return held or []


def cells(parts: Iterable[Part]) -> Iterator[Cell]:
    """Every input of a form, in its order."""
    for part in parts:
        for item in part.items:
            if isinstance(item, Listed):
                for entry in item.entries:
                    yield from entry.cells
            else:
                yield item


def lists(parts: Iterable[Part]) -> Iterator[Listed]:
    for part in parts:
        yield from (item for item in part.items if isinstance(item, Listed))
