"""A definition with what was typed in a form, all else as it was. Pure."""

import copy
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from apis.definitions.fields import members, places
from apis.definitions.fields.description import Rows
from apis.definitions.fields.reading import Cell, Entry, Listed, Part
from apis.definitions.fields.texts import Unshowable
from apis.definitions.pointer import Path, pointer

MAPS = ("map", "members")
VERSIONS: Path = ("version_data", "versions")


class Written(NamedTuple):
    """owners: {JSON pointer in the definition: name of the input that it was typed in}."""

    definition: dict
    owners: dict[str, str]

    def owner(self, at: str) -> str | None:
        """The input that owns a member: of the nearest that holds it; None for what the form does not show."""
        while at:
            if at in self.owners:
                return self.owners[at]
            at = at.rpartition("/")[0]
        return None


class _Kept(NamedTuple):
    """An entry that is there afterwards. key: the name that it stands under, "" in a list."""

    entry: Entry
    key: str
    value: Any


def write(definition: dict, parts: Iterable[Part], said: Mapping[str, Any], version: str = "") -> Written:
    """said: the new value of each input that says something else than what it showed, True for the removal of an
    entry; what is not there stays as it is. version: whose paths the parts are about."""
    made = copy.deepcopy(definition)
    owners: dict[str, str] = {}
    for part in parts:
        for item in part.items:
            if isinstance(item, Listed):
                _write_list(made, item, said, owners)
            else:
                _write_cell(made, item, said, owners)
    if version and said:
        _complete(made, definition, version)
    return Written(made, owners)


def _write_cell(made: dict, cell: Cell, said: Mapping[str, Any], owners: dict[str, str]) -> None:
    if cell.shown is None:
        return
    if cell.name in said:
        places.put(cell.field, made, said[cell.name])
        if cell.field.needs and said[cell.name] and not cell.shown:
            _need(made, cell.field.needs)
    for path in (cell.field.path, *cell.field.own):
        owners[pointer(path)] = cell.name


def _write_list(made: dict, listed: Listed, said: Mapping[str, Any], owners: dict[str, str]) -> None:
    kept: list[_Kept] = []
    removed: set[str] = set()
    for entry in listed.entries:
        if said.get(entry.removal):
            removed.add(entry.name)
        elif _has_gone(made, listed.rows, entry):
            continue
        elif not entry.is_new or is_filled(entry, said):
            kept.append(_written(made, listed.rows, entry, said))
    if removed or any(cell.name in said for each in kept for cell in each.entry.cells):
        members.put_at(made, listed.rows.path, _container(made, listed, kept))
        if listed.rows.needs and any(each.entry.is_new for each in kept):
            _need(made, listed.rows.needs)
    _own(listed.rows, kept, owners)


def is_filled(entry: Entry, said: Mapping[str, Any]) -> bool:
    """Whether anything was typed in a new entry."""
    return any(cell.name in said for cell in entry.cells)


def _written(made: dict, rows: Rows, entry: Entry, said: Mapping[str, Any]) -> _Kept:
    key, value = name_of(entry), rows.new if entry.is_new else entry.value
    if rows.shape in MAPS and not entry.is_new:  # other parts of the form may have changed what stands in it
        value = members.value_at(made, (*rows.path, key))
    value = copy.deepcopy(value)
    for cell in entry.cells:
        if cell.name in said and cell.field.kind == "key":
            key = said[cell.name]
            if "name" in value:
                value["name"] = key
        elif cell.name in said:
            places.put(cell.field, value, said[cell.name])
    return _Kept(entry, key, value)


def name_of(entry: Entry) -> str:
    """What an entry stands under; "" for one of a list, and for a new one."""
    return entry.key[0] if isinstance(entry.key, tuple) else entry.key


def _container(made: dict, listed: Listed, kept: list[_Kept]) -> Any:
    """What the entries stand in afterwards."""
    if listed.rows.shape == "list":
        return [each.value for each in kept]
    if listed.rows.shape in MAPS:
        return _map(made, listed, kept)
    held = members.value_at(made, listed.rows.path) or {}
    lists: dict[str, Any] = {name: [] for name in held}
    for each in kept:
        lists.setdefault(each.key, []).append(each.value)
    # One that was empty before stays.
    return {name: values or held[name] for name, values in lists.items() if values or not held[name]}


def _map(made: dict, listed: Listed, kept: list[_Kept]) -> dict[str, Any]:
    """The map with its entries changed; other parts of the form may have put more into it."""
    after = dict(members.value_at(made, listed.rows.path) or {})
    stay = {each.entry.name for each in kept}
    for entry in listed.entries:
        if entry.name not in stay and not entry.is_new and entry.key in after:
            after = _without(after, entry.key, listed.rows.member)
    for each in kept:
        there = after.get(each.key) if each.entry.is_new else None
        after[each.key] = {**there, **each.value} if isinstance(there, dict) else each.value
    return after


def _without(held: dict[str, Any], key: str, member: str) -> dict[str, Any]:
    """A map without an entry, or, where that has others, without a member of it."""
    rest = {name: value for name, value in held[key].items() if name != member} if member else {}
    return {name: rest if name == key else value for name, value in held.items() if name != key or rest}


def _has_gone(made: dict, rows: Rows, entry: Entry) -> bool:
    """Whether another part of the form has taken away what an entry is a member of."""
    return (
        rows.shape == "members"
        and not entry.is_new
        and entry.key not in (members.value_at(made, rows.path) or {})
    )


def _own(rows: Rows, kept: list[_Kept], owners: dict[str, str]) -> None:
    """Note where what was typed in an entry stands now."""
    numbers: dict[str, int] = {}
    for index, (entry, key, _) in enumerate(kept):
        number = numbers[key] = numbers.get(key, -1) + 1
        places_of: dict[str, Path] = {
            "list": (index,),
            "map": (key,),
            "members": (key,),
            "lists": (key, number),
        }
        below = places_of[rows.shape]
        for cell in entry.cells:
            if cell.shown is not None and cell.field.path:
                for path in (cell.field.path, *cell.field.own):
                    owners[pointer((*rows.path, *below, *path))] = cell.name


def _need(made: dict, processor: str) -> None:
    """Gateways of 3.x change answers only with such a member."""
    there = made.get("response_processors") or []
    if isinstance(there, list) and processor not in [
        each.get("name") for each in there if isinstance(each, dict)
    ]:
        made["response_processors"] = [*there, {"name": processor, "options": {}}]


def _complete(made: dict, before: dict, version: str) -> None:
    """Give a version that has come by its paths what gateways serve none without."""
    path = (*VERSIONS, version)
    try:
        after, was_there = members.value_at(made, path), members.value_at(before, path) is not None
    except Unshowable:
        return
    if after is not None and not was_there:
        made["version_data"].setdefault("not_versioned", True)
        made["version_data"]["versions"][version] = {"name": version, "use_extended_paths": True, **after}
