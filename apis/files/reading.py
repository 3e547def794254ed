"""What a gateway without a dashboard keeps in files, or a dashboard exports, as it came: names and bytes, and the JSON
in them. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from apis.definitions import document
from apis.definitions.pointer import child
from orgs.http.strict_json import BadJson, loads, printable

MOST_FILES = 10_000
LARGEST = document.LARGEST  # bytes of one file with a definition
LARGEST_POLICIES = 10_000_000  # bytes of the file with all policies
LARGEST_LIST = 20_000_000  # bytes of one file with a list of many, which somebody named
# How dashboards answer with lists, beside lists alone: GET /api/apis and /api/portal/policies.
_LISTS = ("apis", "policies", "Data")
# What has any of these is a definition or a policy itself.
_OF_ONE = {"api_definition", "api_id", "access_rights", "name", "openapi", "proxy"}


class File(NamedTuple):
    """content: its bytes; None where they are not read, and `fault` says why. pointer: where they stand in it, of one
    document of a list; "" for all of the file."""

    name: str
    content: bytes | None
    fault: str = ""
    pointer: str = ""


class NotReadable(Exception):
    """There is nothing to read from; the message says why."""


def documents(files: Iterable[File]) -> list[File]:
    """The files, and in the place of each that holds a list, as dashboards export many, what is in the list."""
    return [document for file in files for document in _in_list(file) or [file]]


def _in_list(file: File) -> list[File]:
    """The documents of a list; none of a file that holds no list."""
    content = (file.content or b"").lstrip()
    # Most files hold one definition, and are read once.
    if content[:1] != b"[" and not any(f'"{name}"'.encode() in content for name in _LISTS):
        return []
    try:
        value = loads(content)
    except BadJson:
        return []
    if isinstance(value, dict) and not value.keys() & _OF_ONE:
        lists = {child("", name): value[name] for name in _LISTS if isinstance(value.get(name), list)}
    else:
        lists = {"": value} if isinstance(value, list) else {}
    found = [(f"{above}/{place}", each) for above, many in lists.items() for place, each in enumerate(many)]
    if len(found) > MOST_FILES:
        return [File(file.name, None, f"holds more than {MOST_FILES:,} definitions and policies", "/")]
    return [_of_list(file.name, pointer, each) for pointer, each in found]


def _of_list(name: str, pointer: str, value: object) -> File:
    content = document.compact(value).encode()
    if len(content) > LARGEST:
        return File(name, None, f"is larger than {LARGEST:,} bytes", pointer)
    return File(name, content, "", pointer)


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
