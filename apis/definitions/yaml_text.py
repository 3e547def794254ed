"""YAML from outside, read as JSON would say it: no tags, no surprises of YAML 1.1, no aliases without end. Pure.

PyYAML finds the structure and nothing more; values are made here, by the core schema of YAML 1.2. Where a reader of
1.1 takes something else, that is said.
"""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from apis.definitions.document import LARGEST, faithful
from apis.definitions.pointer import Path, pointer
from orgs.http.strict_json import MOST_DEEP, BadJson, printable

# Of all values together, once aliases are written out.
MOST_VALUES = 100_000
MOST_NOTES = 20
TOO_MANY = f"it has more than {MOST_VALUES:,} values, with its aliases written out"
NOT_INSTALLED = "YAML cannot be read: install the packages of requirements.lock anew, or send JSON"
NOTE = (
    "Line {line}: {text} is read as text, as YAML 1.2 does. Put it in quotes, for readers of YAML 1.1 take it for "
    "{other}."
)
_NULL = ("", "~", "null", "Null", "NULL")
_TRUE, _FALSE = ("true", "True", "TRUE"), ("false", "False", "FALSE")
_WHOLE = re.compile(r"[-+]?[0-9]+")
_OTHER_WHOLE = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NO_NUMBER = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
# What YAML 1.1 takes for something else.
_SURPRISES = (
    (re.compile(r"yes|Yes|YES|on|On|ON"), "true"),
    (re.compile(r"no|No|NO|off|Off|OFF"), "false"),
    (re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?"), "a date"),
    (re.compile(r"[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"), "a number to the base of 60"),
    (re.compile(r"[-+]?(?:[0-9]+_[0-9_]*|0b[01_]+)"), "a number"),
)
_PLAIN = ""  # in the place of the tag of what has none
_SEPARATOR = re.compile(r"[,:](?=\s)|-\s")


class Read(NamedTuple):
    """value: what a text says. lines: the line (from 1) of each value by its JSON pointer, as far as asked for. notes:
    what others may read otherwise, in sentences."""

    value: Any
    lines: dict[str, int]
    notes: list[str]


def is_json(text: str) -> bool:
    """Whether a text is meant to be JSON: an object or a list that is written so."""
    return text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[")


def read(text: str, pointers: Iterable[str] = ()) -> Read:
    """The Read of a YAML text. Raises BadJson."""
    if len(text) > LARGEST:
        raise BadJson(f"it is longer than {LARGEST:,} characters")
    making = _Making(frozenset(pointers))
    if sum(1 for _ in _SEPARATOR.finditer(text)) > 2 * MOST_VALUES:
        raise BadJson(TOO_MANY)
    node = _structure(text)
    if node is None:
        raise BadJson("there is nothing in it")
    value = faithful(making.value(node, ()))
    return Read(value, making.lines, making.notes)


def _structure(text: str) -> Any:
    """PyYAML's nodes; none of its constructors is asked."""
    try:
        import yaml  # noqa: PLC0415  older installations lack it until their packages are renewed
    except ImportError:
        raise BadJson(NOT_INSTALLED) from None

    class Structure(getattr(yaml, "CBaseLoader", yaml.BaseLoader)):  # type: ignore[misc]  # whichever there is
        DEFAULT_SCALAR_TAG = DEFAULT_SEQUENCE_TAG = DEFAULT_MAPPING_TAG = _PLAIN

    try:
        return yaml.compose(text, Structure)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f" at line {mark.line + 1} column {mark.column + 1}" if mark else ""
        raise BadJson(f"{printable(error.problem or error.context or 'it is not YAML')}{place}") from None
    except (yaml.YAMLError, UnicodeError):
        raise BadJson("it has characters that YAML has not") from None
    except RecursionError:
        raise BadJson("it is nested too deeply") from None


class _Making:
    """Values in the making. wanted: pointers whose lines are noted."""

    def __init__(self, wanted: frozenset[str]):
        self.wanted = wanted
        self.lines: dict[str, int] = {}
        self.notes: list[str] = []
        self.left, self.letters = MOST_VALUES, LARGEST

    def value(self, node: Any, path: Path) -> Any:
        self.left -= 1
        if self.left < 0:
            raise BadJson(TOO_MANY)
        if len(path) > MOST_DEEP:
            raise BadJson(f"line {_line(node)}: it is nested too deeply")
        if self.wanted and (place := pointer(path)) in self.wanted:
            self.lines.setdefault(place, _line(node))
        if node.tag != _PLAIN:
            raise _tagged(node)
        if node.id == "scalar":
            self._count(node.value)
            return node.value if node.style else self._plain(node.value, _line(node))
        if node.id == "sequence":
            return [self.value(each, (*path, index)) for index, each in enumerate(node.value)]
        made: dict[str, Any] = {}
        for key, below in node.value:
            name = self._name(key)
            if name in made:
                raise BadJson(f"line {_line(key)}: the member {printable(name)} is there twice")
            made[name] = self.value(below, (*path, name))
        return made

    def _name(self, node: Any) -> str:
        if node.id != "scalar":
            raise BadJson(f"line {_line(node)}: the name of a member must be text")
        if node.tag != _PLAIN:
            raise _tagged(node)
        if node.value == "<<" and not node.style:
            raise BadJson(f"line {_line(node)}: << must not be there: write out what is to be merged")
        self._count(node.value)
        return str(node.value)

    def _plain(self, text: str, line: int) -> Any:
        """A scalar without quotes."""
        if text in _NULL:
            return None
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        try:
            if _WHOLE.fullmatch(text):
                return int(text)
            if _OTHER_WHOLE.fullmatch(text):
                return int(text, 0)
        except ValueError:  # thousands of digits
            raise BadJson(f"line {line}: a number is too large") from None
        if _NUMBER.fullmatch(text):
            return float(text)
        if _NO_NUMBER.fullmatch(text):
            raise BadJson(f"line {line}: {text} is not JSON")
        for pattern, other in _SURPRISES:
            if pattern.fullmatch(text) and len(self.notes) < MOST_NOTES:
                self.notes.append(NOTE.format(line=line, text=printable(text), other=other))
        return text

    def _count(self, text: str) -> None:
        self.letters -= len(text)
        if self.letters < 0:
            raise BadJson(f"it is longer than {LARGEST:,} characters, with its aliases written out")


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1


def _tagged(node: Any) -> BadJson:
    return BadJson(f"line {_line(node)}: the tag {printable(str(node.tag))} must not be there")
