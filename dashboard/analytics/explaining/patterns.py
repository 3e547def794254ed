"""Whether a path matches a pattern of a definition or a right, as gateways read it; None where it cannot be told. Pure.

Gateways of 3.0.12 search a path for a pattern anywhere; so do those of 5.14.0, unless they are told that a pattern is
the beginning of a path or all of it (http_server_options), which nobody tells us. So a path matches for certain only
where the pattern is all of it, and for certain not where it is nowhere in it.

Patterns and paths are strangers' texts, and Python's `re` may take for ever: only patterns that it reads in one go are
tried.
"""

import re
import re._constants as codes
import re._parser as parser
from functools import lru_cache
from typing import Any, NamedTuple

LONGEST = 1_000  # characters of a pattern, and of a path
_PARAMETER = re.compile(r"\{[^}]*\}")
_IN_PLACE = "\ue000"  # of a parameter
_IN_CLASS = re.compile(rf"\[[^\]]*[\[{_IN_PLACE}]")
_PLAIN = {codes.LITERAL, codes.NOT_LITERAL, codes.ANY, codes.IN, codes.AT}


def matches(pattern: str, path: str, listen_path: str, *, everywhere: bool = False) -> bool | None:
    """path: as a record has it, with or without the listen path. everywhere: the gateway is one that searches the path
    for it anywhere, whatever it is told."""
    if len(pattern) > LONGEST or len(path) > LONGEST or "\n" in path:
        return None
    read = _read(pattern)
    if read is None:
        return None
    root = listen_path.rstrip("/")
    whole = path if path.startswith(f"{root}/") else f"{root}/{path.lstrip('/')}"
    stripped = whole.removeprefix(root) or "/"
    if not any(read.in_any_case.search(each) for each in (whole, stripped)):
        return False
    if any(read.surely.fullmatch(each) for each in (whole, stripped)):
        return True
    return True if everywhere and read.any_way.search(whole) else None


class _Read(NamedTuple):
    """A pattern as gateways may read it at most, whatever the case of letters, and at least."""

    in_any_case: re.Pattern[str]
    any_way: re.Pattern[str]
    surely: re.Pattern[str]


# Of one definition or right, hundreds of patterns are held against thousands of paths.
@lru_cache(maxsize=4_096)
def _read(pattern: str) -> _Read | None:
    """None for a pattern that might take long, or that gateways may read otherwise."""
    named = _named(pattern)
    if named is None:
        return None
    # To gateways of 3.0 a parameter may be empty.
    any_way, surely = named.replace(_IN_PLACE, "[^/]*"), named.replace(_IN_PLACE, "[^/]+")
    return _Read(re.compile(any_way, re.IGNORECASE), re.compile(any_way), re.compile(surely))


def _named(pattern: str) -> str | None:
    """The pattern for Python, its parameters _IN_PLACE."""
    named = _PARAMETER.sub(_IN_PLACE, pattern)
    if (
        "{" in named
        or "/*" in named
        or _IN_CLASS.search(named)
        or "\\" in named.replace("\\.", "").replace("\\d", "").replace("\\w", "")
    ):
        return None
    try:
        parsed = list(parser.parse(named))
    except (re.error, OverflowError, RecursionError):
        return None
    return named if _is_simple(parsed) else None


def _is_simple(items: list[Any]) -> bool:
    """Whether it has one repetition at most, of a single character, and each parameter ends where a part of the path
    does."""
    repeated = [value[2] for code, value in items if code in (codes.MAX_REPEAT, codes.MIN_REPEAT)]
    if len(repeated) > 1 or any(len(each) != 1 or each[0][0] not in _PLAIN for each in repeated):
        return False
    plain = all(code in _PLAIN or code in (codes.MAX_REPEAT, codes.MIN_REPEAT) for code, _ in items)
    return plain and all(
        _ends(items[place + 1 : place + 2])
        for place, (code, value) in enumerate(items)
        if (code, value) == (codes.LITERAL, ord(_IN_PLACE))
    )


def _ends(following: list[Any]) -> bool:
    return not following or following[0] in ((codes.LITERAL, ord("/")), (codes.AT, codes.AT_END))
