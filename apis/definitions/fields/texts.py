"""The values of members as the texts and switches of a form, and back. Pure.

What a text says of a value is exact: a text that is sent back as it was shown changes nothing. A value that no text of
its kind can show raises Unshowable.
"""

import base64
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from apis.definitions.document import compact
from apis.definitions.fields.description import Field

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE")
MOST_LINES = 500
Shown = str | bool


class Unshowable(ValueError):
    """A value that is not of the shape which a form can show."""


class Wrong(ValueError):
    """What was typed is not of its kind; the message is a sentence part."""


class Kind(NamedTuple):
    """shown: a value as text. value: what was typed as a value; raises Wrong. is_area: of several lines."""

    shown: Callable[[Any], Shown]
    value: Callable[[Field, Any], Any]
    is_area: bool = False


def same(sent: object, shown: Shown) -> bool:
    """Whether what was sent is what was shown: browsers send the ends of lines otherwise than they were given them."""
    return sent == shown or (isinstance(sent, str) and sent.replace("\r\n", "\n") == shown)


def _line(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or re.search(r"[\r\n]", value):
        raise Unshowable
    return value


def _typed_line(field: Field, typed: str) -> str:
    text = _plain(field, typed).strip()
    if re.search(r"[\r\n]", text):
        raise Wrong("must be one line")
    return text


def _plain(field: Field, typed: str) -> str:
    if "\0" in typed:
        raise Wrong("must not hold a NUL character")
    if len(typed) > field.most:
        raise Wrong(f"must have at most {field.most:,} characters, not {len(typed):,}")
    return typed.replace("\r\n", "\n")


def _area(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or "\r" in value:
        raise Unshowable
    return value


def _number(value: Any) -> str:
    """One that was typed wrong is shown as it was typed."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _line(value)
    return compact(value)


def _typed_whole(field: Field, typed: str) -> int:
    text = typed.strip()
    if not re.fullmatch(r"-?\d{1,18}", text or "0", re.ASCII):
        raise Wrong("must be a whole number")
    return int(_bounded(field, int(text or "0")))


def _typed_number(field: Field, typed: str) -> float:
    text = typed.strip()
    if not re.fullmatch(r"-?\d{1,18}(\.\d{0,18})?([eE][+-]?\d{1,2})?", text or "0", re.ASCII):
        raise Wrong("must be a number, such as 100 or 0.5")
    number = float(text or "0")
    return _bounded(field, int(number) if number == int(number) else number)


def _bounded(field: Field, number: float) -> float:
    if not 0 <= number <= field.most:
        raise Wrong(f"must be from 0 to {field.most:,}")
    return number


def _switch(value: Any) -> bool:
    if value is not None and not isinstance(value, bool):
        raise Unshowable
    return bool(value)


def _typed_choice(field: Field, typed: str) -> str:
    if typed not in dict(field.choices):
        raise Wrong("must be one of those offered")
    return typed


def _typed_key(field: Field, typed: str) -> str:
    return _typed_choice(field, typed) if field.choices else _typed_line(field, typed)


def _lines(value: Any) -> str:
    return "\n".join(_items(value, lambda item: isinstance(item, str) and item == item.strip() != ""))


def _items(value: Any, is_showable: Callable[[Any], bool]) -> list:
    if value is None:
        return []
    if not isinstance(value, list) or not all(is_showable(item) for item in value):
        raise Unshowable
    if len(value) > MOST_LINES or any(re.search(r"[\r\n]", str(item)) for item in value):
        raise Unshowable
    return value


def _typed_lines(field: Field, typed: str) -> list[str]:
    found = [line.strip() for line in re.split(r"[\r\n]+", _plain(field, typed)) if line.strip()]
    if len(found) > MOST_LINES:
        raise Wrong(f"must have at most {MOST_LINES} lines, not {len(found):,}")
    return found


def _codes(value: Any) -> str:
    return ", ".join(
        map(str, _items(value, lambda item: isinstance(item, int) and not isinstance(item, bool)))
    )


def _typed_codes(field: Field, typed: str) -> list[int]:
    found = re.split(r"[\s,]+", typed.strip()) if typed.strip() else []
    if not all(re.fullmatch("[1-5][0-9][0-9]", code, re.ASCII) for code in found) or len(found) > MOST_LINES:
        raise Wrong("must be statuses such as 200, 404")
    return [int(code) for code in found]


def _pairs(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, dict) or len(value) > MOST_LINES:
        raise Unshowable
    for name, text in value.items():
        lines = (name, text) if isinstance(text, str) else (name, "\n")
        if (
            not name
            or any(line != line.strip() or re.search(r"[\r\n]", line) for line in lines)
            or ":" in name
        ):
            raise Unshowable
    return "\n".join(f"{name}: {text}" for name, text in value.items())


def _typed_pairs(field: Field, typed: str) -> dict[str, str]:
    made: dict[str, str] = {}
    for number, line in enumerate(_plain(field, typed).split("\n"), 1):
        name, colon, text = line.partition(":")
        if line.strip() and not (name.strip() and colon):
            raise Wrong(f"must have a name, a colon and a value in each line, unlike line {number}")
        if name.strip().casefold() in map(str.casefold, made):
            raise Wrong(f"must name each header once, unlike line {number}")
        if line.strip():
            made[name.strip()] = text.strip()
    return made


def _headers(value: Any) -> str:
    """A list of objects with a name and a value each, and nothing else."""
    found = _items(value, lambda item: isinstance(item, dict) and list(item) == ["name", "value"])
    names = [item["name"] for item in found]
    if len({str(name).casefold() for name in names}) < len(names) or not all(
        isinstance(name, str) for name in names
    ):
        raise Unshowable
    return _pairs({item["name"]: item["value"] for item in found})


def _typed_headers(field: Field, typed: str) -> list[dict[str, str]]:
    return [{"name": name, "value": text} for name, text in _typed_pairs(field, typed).items()]


def _blob(value: Any) -> str:
    if value is None:
        return ""
    try:
        return _area(base64.b64decode(value, validate=True).decode() if isinstance(value, str) else value)
    except ValueError:
        raise Unshowable from None


def _typed_blob(field: Field, typed: str) -> str:
    return base64.b64encode(_plain(field, typed).encode()).decode()


KINDS = {
    "line": Kind(_line, _typed_line),
    "duration": Kind(_line, _typed_line),
    "area": Kind(_area, _plain, is_area=True),
    "whole": Kind(_number, _typed_whole),
    "number": Kind(_number, _typed_number),
    "switch": Kind(_switch, lambda _, typed: bool(typed)),
    "reversed": Kind(lambda value: not _switch(value), lambda _, typed: not typed),
    "choice": Kind(_line, _typed_choice),
    "key": Kind(_line, _typed_key),
    "lines": Kind(_lines, _typed_lines, is_area=True),
    "codes": Kind(_codes, _typed_codes),
    "pairs": Kind(_pairs, _typed_pairs, is_area=True),
    "headers": Kind(_headers, _typed_headers, is_area=True),
    "blob": Kind(_blob, _typed_blob, is_area=True),
}
