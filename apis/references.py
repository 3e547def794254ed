"""What a definition may not say for everybody: words that a gateway replaces by, or opens, something of its
host.

A gateway puts the values of such references into the text of a definition before it reads it, so whoever may
write one can have the gateway's own environment (its node secret among it) sent to an upstream of his choice.
"""

import re
from itertools import islice

from apis.pointer import Problem, child, pointer, walk
from apis.shape import MOST

_REFERENCE = re.compile(r"(?:env|secrets|consul|vault|file|kv)://|\$kv\{|\$secret_", re.IGNORECASE)
_INTERNAL = re.compile(r"tyk://([^/?#\s]*)", re.IGNORECASE)


def problems(definition: dict) -> list[Problem]:
    """The Problems of a definition whose author may not use references (is no super-user)."""
    found = islice(_found(definition), MOST)
    return [Problem(pointer(path), fault) for path, fault in found]


def _found(definition):
    for path, key, value in walk(definition):
        for text in (key, value):
            if isinstance(text, str) and (match := _REFERENCE.search(text)):
                yield path, f"must not refer to the gateway's host ({match.group()})"
        if _is_file(key, value):
            yield path, "must not name a file of the gateway's host"


def _is_file(key, value):
    """Whether a member makes a gateway read a template from its disk, which it then sends out as it is."""
    name = (key or "").casefold()
    return (name == "template_mode" and value == "file") or (name == "template_path" and bool(value))


def internal_targets(definition: dict) -> list[tuple[str, str]]:
    """The (pointer, API) pairs of other APIs which this definition sends requests to inside the gateway.

    A gateway finds these by id or name among the APIs of every organisation, so whoever publishes a
    definition has to look whether they belong to the same one. An API calling itself ("self") is left out.
    """
    found = [
        (pointer(path), name)
        for path, _, value in walk(definition)
        if isinstance(value, str)
        for name in _INTERNAL.findall(value)
        if name.lower() != "self"
    ]
    versions = (definition.get("definition") or {}).get("versions") or {}
    return found + [
        (child("/definition/versions", name), api_id) for name, api_id in versions.items() if api_id
    ]
