"""Parts of an OpenAPI document as gateways are given them: in the form of 3.0, typed, nothing that they do not read.

Gateway 5.14 skips an API with a member that it does not know, and drops the list of everybody's APIs for one of a wrong
type. So nothing is copied: each member is read and written anew. Pure.
"""

import re
from collections.abc import Iterator
from typing import Any

from apis.definitions.pointer import Path, Problem, at, pointer, steps

COMPONENT = "#/components/schemas/"
_NAME = re.compile(r"[a-zA-Z0-9._-]+")
_TYPES = ("string", "number", "integer", "boolean", "array", "object")
_COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
_NUMBERS = ("minimum", "maximum", "multipleOf")
_FLAGS = ("nullable", "uniqueItems", "readOnly", "writeOnly")
_LISTS = ("allOf", "anyOf", "oneOf")
# What says nothing of which values are valid.
_REMARKS = {
    "title",
    "description",
    "deprecated",
    "example",
    "examples",
    "externalDocs",
    "xml",
    "$comment",
    "$id",
    "$schema",
    "contentMediaType",
}
# What Go's patterns do not know.
_NOT_RE2 = re.compile(r"\(\?(?:[=!>(]|<[=!])|\\[1-9]|[*+?}]\+")


class Writer:
    """Writes schemas anew. components: those that were named, by name. problems: what gateways could not read.
    unchecked: paths of members that they would not look at."""

    def __init__(self, document: dict):
        self.document = document
        self.components: dict[str, Any] = {}
        self._named: list[str] = []
        self.problems: list[Problem] = []
        self.unchecked: list[Path] = []

    def fault(self, path: Path, message: str) -> None:
        self.problems.append(Problem(pointer(path), message))

    def inlined(self, value: Any, path: Path) -> tuple[dict, Path]:
        """An object that may be a reference to another, of the same document: that one, and where it is."""
        for _ in range(10):
            if not isinstance(value, dict):
                self.fault(path, "must be an object")
                return {}, path
            reference = value.get("$ref")
            if not isinstance(reference, str):
                return value, path
            path = tuple(steps(reference.removeprefix("#")))
            value = at(self.document, reference)
        self.fault(path, "must not be a reference to a reference")
        return {}, path

    def schema(self, value: Any, path: Path) -> dict[str, Any]:
        if value is True:
            return {}
        if not isinstance(value, dict):
            self.fault(path, "must be an object")
            return {}
        if isinstance(value.get("$ref"), str):
            return self._reference(value["$ref"], path)
        made: dict[str, Any] = {}
        for name, member in value.items():
            here = (*path, name)
            if name == "type":
                self._type(made, member, here)
            elif name in _READERS:
                _READERS[name](self, made, name, member, here)
            elif name not in _REMARKS and not name.startswith("x-"):
                self.unchecked.append(here)
        if "example" in value:
            made["example"] = value["example"]
        if made.get("type") == "array":
            made.setdefault("items", {})
        return made

    def _reference(self, reference: str, path: Path) -> dict[str, Any]:
        name = "".join(steps(reference.removeprefix("#"))[-1:])
        if reference != COMPONENT + name or not _NAME.fullmatch(name):
            self.fault((*path, "$ref"), f"must lead to {COMPONENT} and a name of letters, digits and . _ -")
            return {}
        if name not in self.components:
            self.components[name] = {}
            self._named.append(name)
        return {"$ref": reference}

    def write_components(self) -> None:
        """Write those that were named, and those that they name; one after the other, for a chain of them may be
        longer than Python's stack."""
        while self._named:
            name = self._named.pop()
            there = at(self.document, COMPONENT + name)
            self.components[name] = self.schema(there, ("components", "schemas", name))

    def _type(self, made: dict, value: Any, path: Path) -> None:
        """A list of types is 3.1's; 3.0 has one, and `nullable`."""
        types = value if isinstance(value, list) else [value]
        kinds = [each for each in types if each != "null"]
        null = {"nullable": True} if "null" in types else {}
        made |= null
        if not all(each in _TYPES for each in kinds):
            self.fault(path, f"must be one of {', '.join(_TYPES)}")
        elif len(kinds) == 1:
            made["type"] = kinds[0]
        elif kinds:
            items: dict[str, Any] = {"items": {}}
            several = [{"type": each} | null | (items if each == "array" else {}) for each in kinds]
            made["allOf"] = [*made.get("allOf", []), {"anyOf": several}]

    def _text(self, made: dict, name: str, value: Any, path: Path) -> None:
        if not isinstance(value, str):
            self.fault(path, "must be text")
        elif name == "pattern" and not _is_pattern(value):
            self.fault(path, "must be a pattern that gateways read (RE2: nothing that looks ahead or back)")
        else:
            made[name] = value

    def _count(self, made: dict, name: str, value: Any, path: Path) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
            self.fault(path, "must be a whole number from 0")
        else:
            made[name] = value

    def _number(self, made: dict, name: str, value: Any, path: Path) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fault(path, "must be a number")
        elif name == "multipleOf" and value <= 0:
            self.fault(path, "must be above 0")
        else:
            made.setdefault(name, value)

    def _exclusive(self, made: dict, name: str, value: Any, path: Path) -> None:
        """A number is 3.1's way to say it."""
        if isinstance(value, bool):
            made[name] = value
        else:
            self._number(made, "minimum" if name == "exclusiveMinimum" else "maximum", value, path)
            made[name] = True

    def _flag(self, made: dict, name: str, value: Any, path: Path) -> None:
        if not isinstance(value, bool):
            self.fault(path, "must be true or false")
        else:
            made[name] = value

    def _values(self, made: dict, name: str, value: Any, path: Path) -> None:
        if name == "const":
            made["enum"] = [value]
        elif name == "default":
            made["default"] = value
        elif not isinstance(value, list) or not value:
            self.fault(path, "must be a list")
        else:
            made["enum"] = value

    def _required(self, made: dict, name: str, value: Any, path: Path) -> None:
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            self.fault(path, "must be a list of texts")
        else:
            made[name] = value

    def _list(self, made: dict, name: str, value: Any, path: Path) -> None:
        if not isinstance(value, list):
            self.fault(path, "must be a list")
        else:
            found = [self.schema(each, (*path, index)) for index, each in enumerate(value)]
            made[name] = [*made.get(name, []), *found]

    def _single(self, made: dict, name: str, value: Any, path: Path) -> None:
        made[name] = value if name == "additionalProperties" and value is False else self.schema(value, path)

    def _properties(self, made: dict, name: str, value: Any, path: Path) -> None:
        if not isinstance(value, dict):
            self.fault(path, "must be an object")
        else:
            made[name] = {each: self.schema(below, (*path, each)) for each, below in value.items()}


_READERS = {
    **dict.fromkeys(("format", "pattern"), Writer._text),
    **dict.fromkeys(_COUNTS, Writer._count),
    **dict.fromkeys(_NUMBERS, Writer._number),
    **dict.fromkeys(("exclusiveMinimum", "exclusiveMaximum"), Writer._exclusive),
    **dict.fromkeys(_FLAGS, Writer._flag),
    **dict.fromkeys(("enum", "const", "default"), Writer._values),
    "required": Writer._required,
    **dict.fromkeys(_LISTS, Writer._list),
    **dict.fromkeys(("items", "not", "additionalProperties"), Writer._single),
    "properties": Writer._properties,
}


def below(schema: dict) -> Iterator[Any]:
    """The schemas that stand in a schema."""
    yield from (schema.get("properties") or {}).values()
    for name in _LISTS:
        yield from schema.get(name) or []
    for name in ("items", "not", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield schema[name]


def expanded(schema: dict, components: dict, most: int) -> int:
    """How many schemas one is with all that it refers to written out, as a gateway walks it; a ring is followed once.
    Not counted beyond `most`."""
    count, stack = 0, [(schema, frozenset[str]())]
    while stack and count <= most:
        here, seen = stack.pop()
        count += 1
        if isinstance(here.get("$ref"), str):
            name = here["$ref"].removeprefix(COMPONENT)
            if name in seen:
                continue
            here, seen = components.get(name) or {}, seen | {name}
        stack += [(each, seen) for each in below(here)]
    return count


def comes_back(schema: dict, components: dict) -> bool:
    """Whether an example that is made of it has no end."""
    stack = [(schema, frozenset[str]())]
    while stack:
        here, seen = stack.pop()
        if isinstance(here.get("$ref"), str):
            name = here["$ref"].removeprefix(COMPONENT)
            if name in seen:
                return True
            here, seen = components.get(name) or {}, seen | {name}
        if here.get("example") is None:
            stack += [(each, seen) for each in (here.get("properties") or {}).values()]
            stack += [(here["items"], seen)] if "items" in here else []
    return False


def _is_pattern(text: str) -> bool:
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError):
        return False
    return not _NOT_RE2.search(text)
