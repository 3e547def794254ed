"""Which endpoint a request belongs to: its method and its path with the variable segments folded to `{id}`.

A pure function of the path, so that it needs no query and a rebuild gives the same answer. Endpoints with
names of their own: `{other}` above the number kept for an API, `{unmatched}` for paths first seen with a 404
(scanners).
"""

import re

OTHER = "{other}"
UNMATCHED = "{unmatched}"
PER_API = 500

LONGEST = 200
SEGMENTS = 8
REST = "{rest}"

_VARIABLE = re.compile(
    r"[0-9]+"
    r"|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    r"|[0-9a-fA-F]{16,}"
    r"|(?=.*[0-9]).{20,}",
    re.DOTALL,
)


def fold(path: str) -> str:
    """The path with every variable segment as `{id}` and what follows the eighth segment as `{rest}`."""
    segments = path.removeprefix("/").split("/")
    kept = ["{id}" if _VARIABLE.fullmatch(segment) else segment for segment in segments[:SEGMENTS]]
    if len(segments) > SEGMENTS:
        kept.append(REST)
    return "/" + "/".join(kept)


def name(method: str, path: str, *, tracked: bool) -> str:
    """The endpoint of a request.

    A tracked path was named by the gateway's administrator and is taken as it is.
    """
    return f"{method} {path if tracked else fold(path)}"[:LONGEST]
