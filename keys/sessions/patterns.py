"""The patterns of paths in rights, as gateways read them: in the syntax of RE2. Pure.

Gateways of 3.0.12 let every request pass at a pattern that they cannot read (seen; those of 5.14 let none pass by it).
So no such pattern is taken, and one that was stored before that is delivered as one that opens nothing. What is taken
is what both RE2 and Python read.
"""

import re
import re._constants as codes
import re._parser as parser
from collections.abc import Iterable, Mapping
from typing import Any

LONGEST = 1_000
# A character behind the end: no path has one.
_NOWHERE = r"\z."
_MOST_REPEATED = 1_000  # of repetitions inside one another, multiplied
_ESCAPES = frozenset("dDsSwWbBAaftnrvxz")
_CLASSES = re.compile("alnum|alpha|ascii|blank|cntrl|digit|graph|lower|print|punct|space|upper|word|xdigit")
_OPERATIONS = {
    codes.LITERAL,
    codes.NOT_LITERAL,
    codes.ANY,
    codes.IN,
    codes.BRANCH,
    codes.SUBPATTERN,
    codes.MAX_REPEAT,
    codes.MIN_REPEAT,
    codes.AT,
}
_ODD = re.compile(r"\(\?([^:P)ims-]|P(?!<[A-Za-z0-9_]+>)|<)|\(\?[a-zA-Z-]*[^imsP:)-][a-zA-Z-]*[:)]")
_TOKEN = re.compile(r"\\(.)|\[:(\^?)(.*?):\]", re.DOTALL)


def problem(pattern: str) -> str:
    """What keeps a pattern from being read by all gateways; "" if nothing does."""
    if len(pattern) > LONGEST:
        return f"must not be longer than {LONGEST:,} characters"
    if _ODD.search(pattern) or not all(_is_known(*token) for token in _TOKEN.findall(pattern)):
        return _said("it has something in it that they do not know")
    try:
        parsed = parser.parse(_TOKEN.sub(_in_python, pattern))
        is_plain = _is_plain(parsed, 1)
    except (re.error, OverflowError) as error:
        return _said(str(error))
    except RecursionError:
        return _said("it is nested too deeply")
    return "" if is_plain else _said("it looks around or back, or repeats too often")


def readable(right: Mapping[str, Any]) -> dict[str, Any]:
    """A right as gateways are given it: a path that they cannot read is one that opens nothing."""
    if not unreadable(right):
        return dict(right)
    paths = [
        {**path, "url": _NOWHERE, "methods": []} if problem(_url(path)) else path
        for path in right["allowed_urls"]
    ]
    return {**right, "allowed_urls": paths}


def unreadable(right: Mapping[str, Any]) -> list[str]:
    """The patterns of a right that gateways cannot read."""
    return [url for url in map(_url, right.get("allowed_urls") or ()) if problem(url)]


def _url(path: Mapping[str, Any] | None) -> str:
    return (path or {}).get("url") or ""


def _said(why: str) -> str:
    return f"must be a regular expression that gateways can read (RE2): {why}"


def _is_known(escaped: str, negated: str, name: str) -> bool:
    if escaped:
        return escaped in _ESCAPES if escaped.isalnum() else escaped.isascii()
    return _CLASSES.fullmatch(name) is not None


def _in_python(token: re.Match) -> str:
    """What to RE2 is the end of the text, no place inside of a class, and some of a class's characters."""
    return {"\\z": r"\Z", "\\b": r"\B"}.get(token[0], token[0]) if token[1] else "g-z"


def _is_plain(items: Iterable[Any], repeated: int) -> bool:
    """Whether a parsed pattern, or a part of one that is repeated so often, has nothing that RE2 has not."""
    return all(code in _OPERATIONS and _is_plain_operation(code, value, repeated) for code, value in items)


def _is_plain_operation(code: Any, value: Any, repeated: int) -> bool:
    if code is codes.BRANCH:
        return all(_is_plain(branch, repeated) for branch in value[1])
    if code is codes.SUBPATTERN:
        return _is_plain(value[3], repeated)
    if code in (codes.MAX_REPEAT, codes.MIN_REPEAT):
        least, most, below = value
        # One without an end counts by its beginning.
        times = max(int(least if most is codes.MAXREPEAT else most), 1) * repeated
        return times <= _MOST_REPEATED and _is_plain(below, times)
    return True
