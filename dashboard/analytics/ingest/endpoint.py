"""Which endpoint a request belongs to: its method and its path with the variable segments folded to `{id}`. Pure.

A function of the path, so that it needs no query and a rebuild gives the same answer. Endpoints with names of their
own: `{other}` above the number kept for an API, `{unmatched}` for paths first seen with a 404 (scanners).
"""

import re

UNMATCHED = "{unmatched}"
PER_API = 500

LONGEST = 200
SEGMENTS = 8
REST = "{rest}"

LONG = 20  # a segment of so many characters with a digit among them is a value, whatever it looks like

_PLAIN = re.compile(r"[0-9]+|[0-9a-fA-F]{16,}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PLAIN_SEGMENTS = re.compile(rf"/(?:{_PLAIN.pattern})(?=/|\Z)")
_ENCODED = re.compile(r"%[0-9a-fA-F]{2}")
_DIGITS = re.compile("[0-9]")
_NUMBER = re.compile("[0-9]{4}")
_MIXED = re.compile("[A-Za-z][0-9]+[A-Za-z]+[0-9]|[0-9][A-Za-z]+[0-9]+[A-Za-z]")
_BOTH_CASES = re.compile("(?=.*[a-z])(?=.*[A-Z])", re.DOTALL)


def is_value(segment: str) -> bool:
    """Whether a segment of a path is an id or a token rather than a name.

    A name may have a few digits (`v2`, `oauth2`, `sha256`, `x86_64`). A value is a number, or has four digits in
    a row or five in all, or letters and digits that change places more than once: with three digits (`a1b2c3`), or
    in both cases as random tokens have them (`dQw4w9WgXcQ`).
    """
    if len(segment) < 16 and segment.isalpha():
        return False
    if _PLAIN.fullmatch(segment):
        return True
    text = _ENCODED.sub("%", segment)
    digits = len(_DIGITS.findall(text))
    if not digits:
        return False
    if len(segment) >= LONG or digits >= 5 or _NUMBER.search(text):
        return True
    return bool(_MIXED.search(text)) and (digits >= 3 or (len(text) >= 8 and bool(_BOTH_CASES.match(text))))


def fold(path: str) -> str:
    """The path with every variable segment as `{id}` and what follows the eighth segment as `{rest}`."""
    segments = path.removeprefix("/").split("/")
    kept = ["{id}" if is_value(segment) else segment for segment in segments[:SEGMENTS]]
    if len(segments) > SEGMENTS:
        kept.append(REST)
    return "/" + "/".join(kept)


def without_numbers(path: str) -> str:
    """The path with its plain values, above all numbers, as `{id}`: it folds to the same, and few paths are left."""
    return _PLAIN_SEGMENTS.sub("/{id}", path)


def name(method: str, path: str, *, tracked: bool) -> str:
    """The endpoint of a request.

    A tracked path was named by the gateway's administrator and is taken as it is.
    """
    return f"{method} {path if tracked else fold(path)}"[:LONGEST]
