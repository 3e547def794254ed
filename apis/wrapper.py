"""What clients keep of an API beside its definition: who owns it, its hooks, its categories. Stored and given back, and
nothing else: gateways get none of it. Pure."""

from collections.abc import Mapping
from typing import Any

from apis.definitions.document import compact
from orgs.http.rest import RestError, members

# Tyk's names, and what a client that sent none of them reads.
EMPTY: dict[str, Any] = {
    "hook_references": [],
    "is_site": False,
    "sort_by": 0,
    "user_owners": [],
    "user_group_owners": [],
}
LARGEST = 100_000  # bytes of all of them
MOST = 100  # in a list
LONGEST = 100  # characters of a name
NOTES = ("owner", "notes")  # ours
LONGEST_NOTES = 4_000  # characters
_TEXTS = ("user_owners", "user_group_owners", "categories")
_INT32 = 2**31


def taken(body: dict[str, Any]) -> dict[str, Any] | None:
    """Those that a request's body has, None for none: what it does not name stays. Raises RestError 400."""
    found = members(
        body,
        hook_references=list,
        is_site=bool,
        is_streams=bool,
        sort_by=int,
        user_owners=list,
        user_group_owners=list,
        categories=list,
        owner=str,
        notes=str,
    )
    for name in _TEXTS:
        if name in found:
            found[name] = texts(name, found[name])
    for name, longest in zip(NOTES, (LONGEST, LONGEST_NOTES), strict=True):
        if len(found.get(name, "")) > longest:
            raise RestError(400, f"{name}: must be a text of {longest:,} characters at most")
    if not all(isinstance(hook, dict) for hook in found.get("hook_references", ())):
        raise RestError(400, "hook_references: must be a list of objects")
    if not -_INT32 <= found.get("sort_by", 0) < _INT32:
        raise RestError(400, "sort_by: is too large")
    if len(compact(found).encode()) > LARGEST:
        raise RestError(400, f"hook_references: must not have more than {LARGEST:,} bytes")
    return found or None


def texts(name: str, values: object) -> list[str]:
    """A list of names, each once. Raises RestError 400."""
    if not isinstance(values, list) or not all(
        isinstance(value, str) and value.strip() and value.isprintable() and len(value) <= LONGEST
        for value in values
    ):
        raise RestError(400, f"{name}: must be a list of texts of 1 to {LONGEST} characters")
    if len(values) > MOST:
        raise RestError(400, f"{name}: must not be more than {MOST}")
    return list(dict.fromkeys(value.strip() for value in values))


def shown(kept: Mapping[str, Any]) -> dict[str, Any]:
    """All of them, as clients read them; what is not in EMPTY only where somebody said it."""
    return {**EMPTY, **kept}
