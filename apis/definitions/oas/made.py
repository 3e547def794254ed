"""A classic definition in the making, and where in a document each of its members comes from. Pure."""

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from apis.definitions.pointer import Path, Problem, pointer

EXTENSION = "x-tyk-api-gateway"
VERSION = "Default"
VERSION_PATH: Path = ("version_data", "versions", VERSION)
Convert = Callable[[Any], Any] | None
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:h|ms|m|s|us|µs|μs|ns))+")
_LONGEST = 2**63 / 1e9  # seconds, as many as Go has nanoseconds
_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s|us|µs|μs|ns)")


class Made:
    """definition: what has been derived so far. places: {path in it: path in the document}. used: paths of the document
    whose whole value is accounted for. faults: what cannot be read in the document. warnings: what is derived
    otherwise than it says, in sentences."""

    def __init__(self, document: dict):
        self.document = document
        self.definition: dict[str, Any] = {}
        self.places: dict[Path, Path] = {}
        self.used: set[Path] = set()
        self.faults: list[Problem] = []
        self.warnings: list[str] = []

    def at(self, path: Path) -> Any:
        """The value of the document at a path; None where there is none."""
        value: Any = self.document
        for step in path:
            if isinstance(value, dict):
                value = value.get(step)
            elif isinstance(value, list) and isinstance(step, int) and step < len(value):
                value = value[step]
            else:
                return None
        return value

    def put(self, to: Path, value: Any, source: Path) -> None:
        """Set a member, which comes from `source`; None sets nothing but is remembered all the same."""
        self.places[to] = source
        self.used.add(source)
        if value is None:
            return
        holder: Any = self.definition
        for step, after in pairwise(to):
            empty: Any = [] if isinstance(after, int) else {}
            if isinstance(step, int) and step == len(holder):
                holder.append(empty)
            holder = holder[step] if isinstance(step, int) else holder.setdefault(step, empty)
        if isinstance(to[-1], int) and to[-1] == len(holder):
            holder.append(value)
        else:
            holder[to[-1]] = value

    def begin(self, to: Path, source: Path) -> None:
        """Set an object or element that is empty so far; its source is not accounted for by that."""
        self.put(to, {}, source)
        self.used.discard(source)

    def copy(self, source: Path, to: Path, convert: Convert = None) -> None:
        """Set a member to what the document says at `source`, if it says anything."""
        self.put(to, self.read(source, convert), source)

    def read(self, source: Path, convert: Convert) -> Any:
        """What the document says at `source`, written otherwise; None where it says nothing, or convert raises
        ValueError, which is a fault then."""
        self.used.add(source)
        value = self.at(source)
        if value is None or convert is None:
            return value
        try:
            return convert(value)
        except ValueError as error:
            self.faults.append(Problem(pointer(source), str(error)))
            return None

    def enabled(self, source: Path) -> bool:
        """Whether an object of the document is there and switched on; one that is not is accounted for, whole."""
        if self.at((*source, "enabled")):
            self.used.add((*source, "enabled"))
            return True
        self.used.add(source)
        return False

    def place(self, path: Path) -> Path:
        """Where in the document a member of the definition comes from, or what holds it."""
        for length in range(len(path), 0, -1):
            if (source := self.places.get(path[:length])) is not None:
                return (*source, *path[length:])
        return (EXTENSION,)


def path(text: str) -> Path:
    """A path written with slashes."""
    return tuple(text.split("/"))


def of_extension(text: str) -> Path:
    return (EXTENSION, *path(text))


def headers(made: Made, source: Path, to: Path) -> None:
    """A list of {name, value} as an object."""
    for index, header in enumerate(made.at(source) or []):
        name = (header or {}).get("name")
        if name:
            made.put((*to, name), (header.get("value") or ""), (*source, index, "value"))
            made.used.add((*source, index))


def processor(made: Made, source: Path, name: str) -> None:
    """Gateways of 3.x change answers only with such a member."""
    there = made.definition.setdefault("response_processors", [])
    if name not in [each["name"] for each in there]:
        there.append({"name": name, "options": {}})
        made.places[("response_processors", len(there) - 1)] = source


def seconds(text: str) -> float:
    """A duration as gateways of 5.x write it ("1h30m") in seconds. Raises ValueError."""
    if text and not _DURATION.fullmatch(text):
        raise ValueError("must be a duration such as 10s or 1m30s")
    found = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    if found > _LONGEST:
        raise ValueError("must be a duration of less than 292 years")
    return int(found) if found == int(found) else found


def whole_seconds(text: str) -> int:
    """As `seconds`, rounded up: what gateways do with a time-out."""
    return -int(-seconds(text) // 1)


def nanoseconds(text: str) -> int:
    """As `seconds`, in the unit of Go."""
    return round(seconds(text) * 1e9)


def duration(text: str) -> str:
    """A duration as it is. Raises ValueError for one that gateways take for none."""
    seconds(text)
    return text
