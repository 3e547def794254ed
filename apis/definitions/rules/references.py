"""What a definition may not say for everybody: words that a gateway replaces by, or opens, something of its
host.

A gateway puts the values of such references into the text of a definition before it reads it, so whoever may
write one can have the gateway's own environment (its node secret among it) sent to an upstream of his choice.
"""

import re
from collections.abc import Collection, Iterator
from itertools import islice

from apis.definitions.pointer import Path, Problem, pointer, walk
from apis.definitions.rules.shape import MOST
from apis.definitions.rules.templates import decoded

_REFERENCE = re.compile(r"(?:env|secrets|consul|vault|file|kv)://|\$kv\{|\$secret_", re.IGNORECASE)
# What a gateway decodes before it uses it.
_BLOBS = ("template_source", "schema_b64", "function_source_uri", "jwt_source", "source", "body")


def is_reference(text: str) -> bool:
    """Whether a text begins as one that gateways put something in the place of."""
    return bool(_REFERENCE.match(text))


def texts(definition: object) -> set[str]:
    """The values that are a reference as a whole: they may be allowed to an organisation, letter by letter. Of one with
    more around it nobody could say where gateways take it to end."""
    return {value for _, _, value in walk(definition) if isinstance(value, str) and is_reference(value)}


def problems(definition: dict, allowed: Collection[str] = ()) -> list[Problem]:
    """The Problems of a definition whose author may not use references (is no super-user). allowed: whole values that
    its organisation may use."""
    found = islice(_found(definition, frozenset(allowed)), MOST)
    return [Problem(pointer(path), fault) for path, fault in found]


def _found(definition: object, allowed: frozenset[str]) -> Iterator[tuple[Path, str]]:
    for path, key, value in walk(definition):
        for text in (key, value) if not isinstance(value, str) or value not in allowed else (key,):
            if isinstance(text, str) and (match := _REFERENCE.search(text)):
                yield path, f"must not refer to the gateway's host ({match.group()})"
            if isinstance(text, str) and text.strip().casefold() == "x-tyk-internal":
                yield path, "must not name a header by which a gateway reaches APIs inside it"
        if key in _BLOBS and isinstance(value, str) and (match := _REFERENCE.search(decoded(value) or "")):
            yield path, f"must not refer to the gateway's host ({match.group()}), in base64 neither"
