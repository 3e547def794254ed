"""JSON from outside, read so that nothing after it can be surprised.

Python's reader keeps the last of two equal members, takes NaN, and lets through NUL and lone surrogates, which
PostgreSQL and UTF-8 refuse later; each is refused here, where the place can be named.
"""

import json
from typing import NoReturn

MOST_DEEP = 64
_INT64 = 2**63


class BadJson(ValueError):
    """What was read is not JSON we take; the message says what and where."""


def loads(text: str | bytes) -> object:
    """The value of a JSON text. Raises BadJson."""
    try:
        decoded = text.decode("utf-8") if isinstance(text, bytes) else text
        # A byte order mark says nothing here, but editors on Windows write one.
        value = json.loads(
            decoded.removeprefix("\ufeff"), object_pairs_hook=_object, parse_constant=_constant
        )
    except BadJson:
        raise
    except UnicodeDecodeError:
        raise BadJson("the text is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise BadJson(f"{error.msg} at line {error.lineno} column {error.colno}") from None
    except RecursionError:
        raise BadJson("it is nested too deeply") from None
    except ValueError:  # an integer of thousands of digits
        raise BadJson("a number is too large") from None
    _check(value, "", 0)
    return value


def _object(pairs: list[tuple[str, object]]) -> dict:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise BadJson(f"the member {printable(twice)} is there twice")
    return made


def _constant(name: str) -> NoReturn:
    raise BadJson(f"{name} is not JSON")


def _check(value: object, pointer: str, depth: int) -> None:
    where = pointer or "the text"
    if depth > MOST_DEEP:
        raise BadJson(f"{where} is nested too deeply")
    if isinstance(value, str):
        _check_text(value, where)
    elif isinstance(value, dict):
        for name, inner in value.items():
            _check_text(name, f"a member name of {where}")
            _check(inner, f"{pointer}/{printable(name)}", depth + 1)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            _check(inner, f"{pointer}/{place}", depth + 1)
    elif value in (float("inf"), float("-inf")) or (isinstance(value, int) and not -_INT64 <= value < _INT64):
        raise BadJson(f"the number at {where} is too large")


def _check_text(text: str, where: str) -> None:
    if "\0" in text:
        raise BadJson(f"{where} holds a NUL character")
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise BadJson(f"{where} holds half a character")


def printable(name: str) -> str:
    """A name from outside fit for a message: short, and plain."""
    return plain(name[:60])


def plain(text: str) -> str:
    """A text from outside without what a terminal would act on."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
