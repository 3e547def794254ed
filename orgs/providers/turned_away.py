"""Which requests of the last seven days changes of APIs' definitions would have refused. Whoever counts traffic
declares what reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orgs import declarations
from orgs.models import Organisation, User


@dataclass(frozen=True)
class TurnedAway:
    """endpoints: (endpoint as figures name it, requests) of those that would be open no more, the busiest first.
    requests: all to the API; keyless: those without a key."""

    endpoints: tuple[tuple[str, int], ...]
    requests: int
    keyless: int


@dataclass(frozen=True)
class Change:
    """Of the definition of an API by its own id."""

    api_id: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


def of(
    org: Organisation, user: User, changes: Sequence[Change], now: datetime
) -> Mapping[str, TurnedAway] | None:
    """By the ids of their APIs. None for a person who may not see traffic, where nobody counts it, and if it cannot be
    said now."""
    if not changes or not user.may("analytics"):
        return None
    read = declarations.function("turned_away")
    return read(org, changes, now) if read else None
