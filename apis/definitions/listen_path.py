"""Where an API listens: the rules of a listen path and whether two APIs could take each other's traffic.

A gateway tries listen paths longest first and by prefix, whoever owns them. So a path above or below another
organisation's path is a way into its traffic, and is treated like the same path.
"""

import re
from itertools import takewhile
from typing import NamedTuple
from urllib.parse import unquote

RESERVED = ("tyk", "hello", "ready")  # answered by the gateway itself, before any API

_LONGEST = 500
# What Python's re and RE2, the gateway's engine, read alike. No capture groups: they make its router panic.
_PATTERN = re.compile(
    r"(?:\(\?:|[)|.^$]|\[\^?[\w\s.,:;@~!&=%-]+\]|\\[dDwWsS.\-/+*?|()^$]"
    r"|[*+?](?![*+?])|\{\d{1,3}(?:,\d{0,3})?\}|[\w~@:;,!&=%/ -])*"
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Address(NamedTuple):
    """Where an API listens. domain: "" for every domain. port: 0 for HTTP, which has the gateway's own."""

    domain: str
    path: str
    port: int = 0


def normalise(path: str) -> str:
    """The one spelling of a listen path: unquoted, no empty or dot segments; a trailing slash is kept.

    >>> normalise("/a%2F//b/./c/../")
    '/a/b/'
    """
    before = None
    while before != path:
        before, path = path, unquote(path)
    kept: list[str] = []
    for segment in _segments(path):
        if segment == "..":
            kept = kept[:-1]
        elif segment not in ("", "."):
            kept.append(segment)
    ends_open = not path.endswith(("/", "/.", "/.."))
    return "/" + "/".join(kept) + ("" if ends_open or not kept else "/")


def faults(path: str) -> list[str]:
    """What is wrong with a listen path, as sentence parts; nothing if gateways serve it as it is written."""
    if not path:
        return ["must not be empty"]
    if len(path) > _LONGEST:
        return [f"must not be longer than {_LONGEST} characters"]
    if not path.startswith("/"):
        return ["must begin with a slash"]
    if not _balanced(path):
        return pattern_faults(path)
    literal = "".join(text for text, is_parameter in _parts(path) if not is_parameter)
    found = []
    if re.search(r"[\s\x00-\x1f\x7f]", path):
        found.append("must not contain blanks")
    if re.search(r"[?#%\\]", literal):
        found.append("must not contain ? # % or \\")
    if not found and normalise(path) != path:
        found.append(f"must be written {normalise(path)}")
    if _segments(normalise(path))[0] in RESERVED:
        found.append("is reserved for the gateway itself")
    return found + pattern_faults(path)


def pattern_faults(text: str) -> list[str]:
    """What is wrong with the `{name:pattern}` parameters of a listen path or a domain, as sentence parts."""
    return _parameter_faults(text) if _balanced(text) else ["has unbalanced braces"]


def overlap(one: Address, other: Address) -> bool:
    """Whether requests for one Address could reach the other, so that one organisation must own both.

    A blank domain, or one with a pattern, meets every domain.
    """
    if not _domains_meet(one.domain, other.domain):
        return False
    if one.port or other.port:
        return one.port == other.port
    return _is_prefix(one.path, other.path) or _is_prefix(other.path, one.path)


def is_above(one: Address, other: Address) -> bool:
    """Whether requests that fit both, on the same domain and port, go to the other alone: gateways take the longer
    path. Never for paths with parameters."""
    if (one.domain, one.port) != (other.domain, other.port) or _wild(one.path + other.path):
        return False
    return len(one.path) < len(other.path) and _is_prefix(one.path, other.path)


def claimed_domain(domain: str) -> str:
    """The domain alone on which an Address listens; "" for one that is blank or a pattern, and meets every other."""
    return "" if "{" in domain or "*" in domain else domain


def head(path: str) -> str:
    """A listen path in normal form up to its first parameter, as text to look it up by.

    Of two paths that overlap, the head of one begins with that of the other. Without parameters that is also enough.

    >>> head("/a/b{id}/c/")
    '/a/'
    """
    if not _wild(path):
        return path
    literal = takewhile(lambda segment: not _wild(segment), _key(path))
    return "/" + "".join(f"{segment}/" for segment in literal)


def _domains_meet(one: str, other: str) -> bool:
    return one == other or not claimed_domain(one) or not claimed_domain(other)


def _is_prefix(short: str, long: str) -> bool:
    """Whether `short` matches the beginning of `long`; "/pay" does that of "/payments", "/pay/" does not."""
    one, other = _key(short), _key(long)
    if len(one) > len(other):
        return False
    if not short.endswith("/") and one and not _wild(one[-1]) and not _wild(other[len(one) - 1]):
        if not other[len(one) - 1].startswith(one[-1]):
            return False
        one = one[:-1]
    for a, b in zip(one, other, strict=False):
        if _has_pattern(a) or _has_pattern(b):
            return True
        if a != b and not _wild(a) and not _wild(b):
            return False
    return True


def _key(path: str) -> list[str]:
    return [segment for segment in _segments(path) if segment]


def _wild(segment: str) -> bool:
    return "{" in segment


def _has_pattern(segment: str) -> bool:
    """A pattern may match slashes too, so nothing behind a parameter that has one keeps two paths apart."""
    return _wild(segment) and ":" in segment


def _segments(path: str) -> list[str]:
    """The text between slashes; slashes inside braces belong to the parameter's pattern."""
    segments, depth = [""], 0
    for character in path.removeprefix("/"):
        depth += (character == "{") - (character == "}")
        if character == "/" and depth <= 0:
            segments.append("")
        else:
            segments[-1] += character
    return segments


def _balanced(path: str) -> bool:
    depth = 0
    for character in path:
        depth += (character == "{") - (character == "}")
        if depth < 0:
            return False
    return depth == 0


def _parts(path: str) -> list[tuple[str, bool]]:
    """(text, is a parameter) pieces of a path with balanced braces; parameters without their outer braces."""
    pieces, depth, piece = [], 0, ""
    for character in path:
        opens, closes = character == "{", character == "}"
        if (opens and depth == 0) or (closes and depth == 1):
            pieces.append((piece, closes))
            piece = ""
        else:
            piece += character
        depth += opens - closes
    return [*pieces, (piece, False)]


def _parameter_faults(path: str) -> list[str]:
    found, names = [], []
    for text, is_parameter in _parts(path):
        if not is_parameter:
            continue
        name, colon, pattern = text.partition(":")
        if not _NAME.fullmatch(name):
            found.append(f"has a parameter with the name {name!r}; a name is letters, digits and _")
        elif name in names:
            found.append(f"has the parameter {name} twice")
        names.append(name)
        if colon and not _is_safe_pattern(pattern):
            found.append(f"has a pattern which gateways do not all understand: {pattern}")
    return found


def _is_safe_pattern(pattern: str) -> bool:
    if not pattern or not _PATTERN.fullmatch(pattern):
        return False
    try:
        return re.compile(pattern).groups == 0
    except re.error:
        return False
