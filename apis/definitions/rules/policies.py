"""The policies that a classic definition gives to the bearers of tokens that somebody else has signed: by default, by a
scope of the token, by the client that it was given to. Pure."""

from collections.abc import Iterator
from typing import Any

from apis.definitions.pointer import Path, pointer

# Where their IDs stand; * is any step.
PLACES: tuple[Path, ...] = (
    ("jwt_default_policies", "*"),
    ("jwt_scope_to_policy_mapping", "*"),
    ("scopes", "jwt", "scope_to_policy", "*"),
    ("scopes", "oidc", "scope_to_policy", "*"),
    ("openid_options", "providers", "*", "client_ids", "*"),
)


def named(definition: dict) -> list[tuple[str, str]]:
    """(JSON pointer, ID) of each policy that a definition names; what is of a wrong type names none."""
    found = (each for place in PLACES for each in _below(definition, place, ()))
    return [(pointer(path), id) for path, id in found if isinstance(id, str) and id]


def _below(value: Any, place: Path, path: Path) -> Iterator[tuple[Path, Any]]:
    if not place:
        yield path, value
    elif place[0] != "*":
        if isinstance(value, dict) and place[0] in value:
            yield from _below(value[place[0]], place[1:], (*path, place[0]))
    elif isinstance(value, dict | list):
        for step, below in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _below(below, place[1:], (*path, step))
