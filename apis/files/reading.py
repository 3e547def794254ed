"""What a gateway without a dashboard keeps in files, as it came: names and bytes, and the JSON in them. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from apis.definitions import document
from orgs.http.strict_json import BadJson, loads, printable

MOST_FILES = 10_000
LARGEST = document.LARGEST  # bytes of one file with a definition
LARGEST_POLICIES = 10_000_000  # bytes of the file with all policies


class File(NamedTuple):
    """content: its bytes; None where they are not read, and `fault` says why."""

    name: str
    content: bytes | None
    fault: str = ""


class NotReadable(Exception):
    """There is nothing to read from; the message says why."""


def object_in(file: File) -> tuple[dict | None, str]:
    """(the JSON object in a file, ""), or (None, why there is none)."""
    if file.content is None:
        return None, file.fault
    try:
        value = loads(file.content)
    except BadJson as error:
        return None, f"is no JSON that is read here: {error}"
    return (value, "") if isinstance(value, dict) else (None, "must be a JSON object")


def short(names: Iterable[str], most: int = 3) -> str:
    """Some names from outside, for a sentence."""
    known = [printable(name) for name in names]
    more = len(known) - most
    return ", ".join(known[:most]) + (f" and {more:,} more" if more > 0 else "")
