"""Whether what a gateway says that it runs is what it was to be given. Pure.

A gateway answers with what it has decoded: every member that its version knows, with the empty value where the
definition had none, and nothing of the others. So only members that both know are compared, and nothing, an empty
value and an absent one are the same. In maps, whose keys are the author's, nothing is unknown.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal, Overflow
from itertools import islice
from typing import Any

from apis.definitions.pointer import Path, pointer
from apis.definitions.rules.shape import TYPES
from orgs.http.strict_json import plain

MOST = 20  # of one API
LONGEST = 300  # characters of a pointer, in which names stand that the gateway may have made up
_NO_TIME = "0001-01-01T00:00:00Z"
_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
# No number can be split in two ways: whoever writes thousands of digits would be looked at for hours.
_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_DURATION = re.compile(rf"[+-]?({_DURATION_PART.pattern})+|0")


def differences(served: dict, runs: dict, types: Any = TYPES) -> list[str]:
    """JSON pointers of the members in which a served classic definition differs from what a gateway runs; without what
    cannot be printed or stored, and of the longest the beginning. Raises RecursionError for too deep a nesting."""
    return [plain(pointer(path)[:LONGEST]) for path in islice(_compare(served, runs, types, ()), MOST)]


def _compare(served: Any, runs: Any, wanted: Any, path: Path) -> Iterator[Path]:
    if _is_empty(served) and _is_empty(runs):
        return
    if isinstance(wanted, dict) and "*" in wanted:
        yield from _maps(served or {}, runs or {}, wanted["*"], path)
    elif isinstance(wanted, dict):
        yield from _objects(served or {}, runs or {}, wanted, path)
    elif isinstance(wanted, list):
        yield from _lists(served or [], runs or [], wanted[0], path)
    elif not _same(_as_loaded(served, path), runs, wanted):
        yield path


def _maps(served: Any, runs: Any, wanted: Any, path: Path) -> Iterator[Path]:
    if not (isinstance(served, dict) and isinstance(runs, dict)):
        yield path
        return
    for key in {**served, **runs}:
        yield from _compare(served.get(key), runs.get(key), wanted, (*path, key))


def _objects(served: Any, runs: Any, members: dict, path: Path) -> Iterator[Path]:
    if not (isinstance(served, dict) and isinstance(runs, dict)):
        yield path
        return
    for name, wanted in members.items():
        if name in runs or not runs:
            yield from _compare(served.get(name), runs.get(name), wanted, (*path, name))


def _lists(served: Any, runs: Any, wanted: Any, path: Path) -> Iterator[Path]:
    if not (isinstance(served, list) and isinstance(runs, list)) or len(served) != len(runs):
        yield path
        return
    for index, (mine, theirs) in enumerate(zip(served, runs, strict=True)):
        yield from _compare(mine, theirs, wanted, (*path, index))


def _as_loaded(served: Any, path: Path) -> Any:
    """Gateways write names of headers that become tags in small letters."""
    return served.lower() if path[:1] == ("tag_headers",) and isinstance(served, str) else served


def _same(served: Any, runs: Any, wanted: str) -> bool:
    if wanted == "any":
        return _plain(served) == _plain(runs)
    if wanted == "duration":
        return _nanoseconds(served) == _nanoseconds(runs)
    if wanted == "time":
        return _instant(served) == _instant(runs)
    return served == runs


def _nanoseconds(text: Any) -> Any:
    """A duration as Go writes it, such as "1m30s", as a number; what is none, which gateways take for 0, likewise."""
    if text is not None and not isinstance(text, str):
        return text
    if not text or not _DURATION.fullmatch(text):
        return 0
    parts = _DURATION_PART.findall(text)
    try:
        size = sum(Decimal(number) * _UNITS[unit] for number, unit in parts)
    except Overflow:  # Go takes less
        return 0
    return -size if text.startswith("-") else size


def _instant(text: Any) -> Any:
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return text


def _plain(value: Any) -> Any:
    """Without what is empty, for values of which nobody knows the members."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if not _is_empty(item)}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _is_empty(value: Any) -> bool:
    """Whether it is what Go has where nothing was given, all the way down."""
    if isinstance(value, dict):
        return all(map(_is_empty, value.values()))
    return value in (None, "", 0, False, _NO_TIME) or value == []
