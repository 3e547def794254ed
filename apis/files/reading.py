"""What a gateway without a dashboard keeps in files, or a dashboard exports, as it came: names and bytes, and the JSON
in them. Pure."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from apis.definitions import document
from apis.definitions.pointer import child
from orgs.http.strict_json import BadJson, loads, printable

MOST_FILES = 10_000
MOST_NAMED = 3
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
    """The files, and in the place of each that holds a list, as dashboards export many, what is in the list. Of all
    together not more are read out of lists than of one."""
    found: list[File] = []
    for file in files:
        found += _in_list(file, MOST_FILES - len(found)) or [file]
    return found


def _in_list(file: File, most: int) -> list[File]:
    """The documents of a list, if there are not too many; none of a file that holds no list."""
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
    if lists and sum(map(len, lists.values())) > most:
        many = (
            f"holds more than {MOST_FILES:,} definitions and policies, or does together with files before it"
        )
        return [File(file.name, None, many, "/")]
    return [
        _of_list(file.name, f"{above}/{place}", each)
        for above, many in lists.items()
        for place, each in enumerate(many)
    ]


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


def short(first: Sequence[str], number: int) -> str:
    """Some names from outside, for a sentence. first: of so many those that are looked at."""
    more = number - len(first[:MOST_NAMED])
    return ", ".join(map(printable, first[:MOST_NAMED])) + (f" and {more:,} more" if more else "")
