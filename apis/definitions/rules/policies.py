"""The policies that a classic definition gives to the bearers of tokens that somebody else has signed: by default, by a
scope of the token, by the client that it was given to. Pure."""

from collections.abc import Iterator, Mapping
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
# In the place of a policy that is not there; no policy can have this ID. Gateways refuse a token which they are to
# give nothing else (seen, 3.0.12 and 5.14). Were the name left out, an emptied list of scopes would give the default
# policies instead.
NO_POLICY = "-no-such-policy"


def named(definition: dict) -> list[tuple[str, str]]:
    """(JSON pointer, ID) of each policy that a definition names; what is of a wrong type names none."""
    return [(pointer(path), holder[step]) for holder, step, path in _members(definition)]


def resolve(definition: dict, row_ids: Mapping[str, str]) -> None:
    """Put the row's ID in the place of each policy that is named, NO_POLICY for one that has none: gateways of every
    version know policies by it."""
    for holder, step, _ in _members(definition):
        holder[step] = row_ids.get(holder[step], NO_POLICY)


def _members(definition: dict) -> Iterator[tuple[Any, Any, Path]]:
    """(object or list, step in it, whole path) of each name of a policy."""
    for place in PLACES:
        for holder, step, path in _below(definition, place, ()):
            if isinstance(holder[step], str) and holder[step]:
                yield holder, step, path


def _below(value: Any, place: Path, path: Path) -> Iterator[tuple[Any, Any, Path]]:
    first, rest = place[0], place[1:]
    for step in _steps(value, first):
        if rest:
            yield from _below(value[step], rest, (*path, step))
        else:
            yield value, step, (*path, step)


def _steps(value: Any, wanted: str | int) -> list:
    if isinstance(value, list):
        return list(range(len(value))) if wanted == "*" else []
    if isinstance(value, dict):
        return [step for step in value if wanted in ("*", step)]
    return []
