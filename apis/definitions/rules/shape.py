"""The JSON types a gateway decodes.

`types.json` holds, for every member of a classic definition that gateway 3.0.12 or 5.14 knows, the type its
decoder wants: a name ("string", "bool", "int", …), {"member": type, …} for an object, {"*": type} for a map
with free keys, [type] for a list. One wrong type anywhere makes a gateway drop the whole list of APIs, of
every organisation.
"""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path as File
from typing import Any

from apis.definitions.pointer import Path, Problem
from apis.definitions.pointer import pointer as text_of

TYPES = json.loads(File(__file__).with_name("types.json").read_text())

MOST = 1_000  # problems that are looked for; a text of a megabyte could have a million

_WHOLE_NUMBERS = {
    "int": (-(2**63), 2**63 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint16": (0, 2**16 - 1),
    "uint64": (0, 2**64 - 1),
}
_OBJECT_ID = re.compile(r"[0-9a-fA-F]{24}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def problems(document: object, types: dict = TYPES) -> list[Problem]:
    """The Problems of a document's types and member names, in document order; at most MOST of them. types: of what
    gateways decode, a classic definition or another document, in the form of `types.json`."""
    return [Problem(text_of(path), fault) for path, fault in islice(_object(document, types, ()), MOST)]


def _check(value: object, wanted: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if wanted == "any":
        yield from _unknown(value, path)
    elif isinstance(wanted, dict):
        yield from _map(value, wanted["*"], path) if "*" in wanted else _object(value, wanted, path)
    elif isinstance(wanted, list):
        yield from _list(value, wanted[0], path)
    elif fault := _scalar(value, wanted):
        yield path, fault


def _object(value: object, members: dict, path: Path) -> Iterator[tuple[Path, str]]:
    if value is None and path:
        return
    if not isinstance(value, dict):
        yield path, "must be an object"
        return
    yield from _same_but_for_case(value, members, path)
    for name, below in value.items():
        if name in members:
            yield from _check(below, members[name], (*path, name))
        else:
            yield from _unknown(below, (*path, name))


def _map(value: object, wanted: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if value is None:
        return
    if not isinstance(value, dict):
        yield path, "must be an object"
        return
    yield from _same_but_for_case(value, (), path)
    for name, below in value.items():
        yield from _check(below, wanted, (*path, name))


def _list(value: object, wanted: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if value is None:
        return
    if not isinstance(value, list):
        yield path, "must be a list"
        return
    for index, below in enumerate(value):
        yield from _check(below, wanted, (*path, index))


def _unknown(value: object, path: Path) -> Iterator[tuple[Path, str]]:
    """A gateway skips what it does not know; only names that differ in case alone are looked for below it."""
    if isinstance(value, dict):
        yield from _map(value, "any", path)
    elif isinstance(value, list):
        yield from _list(value, "any", path)


def _same_but_for_case(value: dict, members: Iterable[str], path: Path) -> Iterator[tuple[Path, str]]:
    """Gateways match names without regard to case, so a second name would overrule the first."""
    taken = {name.casefold(): name for name in members}
    for name in value:
        other = taken.setdefault(name.casefold(), name)
        if other != name:
            yield (*path, name), f"differs from {json.dumps(other)} only by upper and lower case"


def _scalar(value: object, wanted: str) -> str | None:
    """What is wrong with a value of a simple type, or None."""
    if value is None:
        return 'must be text like "5s", not null' if wanted == "duration" else None
    if wanted == "string":
        return None if isinstance(value, str) else "must be text"
    if wanted == "bool":
        return None if isinstance(value, bool) else "must be true or false"
    if wanted in _WHOLE_NUMBERS:
        return _whole_number(value, *_WHOLE_NUMBERS[wanted])
    return _SPECIAL[wanted](value)


def _whole_number(value: object, low: int, high: int) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return "must be a whole number"
    return None if low <= value <= high else f"must be between {low} and {high}"


def _number(value: object) -> str | None:
    return "must be a number" if isinstance(value, bool) or not isinstance(value, int | float) else None


def _duration(value: object) -> str | None:
    return None if isinstance(value, str) else 'must be text like "5s"'


def _time(value: object) -> str | None:
    fault = "must be a time like 2026-01-31T12:00:00Z"
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        return fault
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return fault
    return None


def _object_id(value: object) -> str | None:
    if isinstance(value, dict) and list(value) == ["$oid"]:
        value = value["$oid"]
    if value == "" or (isinstance(value, str) and _OBJECT_ID.fullmatch(value)):
        return None
    return "must be 24 hexadecimal digits"


_SPECIAL = {"float64": _number, "duration": _duration, "time": _time, "id": _object_id}
