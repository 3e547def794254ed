"""Which keys were called lately, and what with, for lists and counts of keys. Whoever counts traffic declares what
reads it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from orgs import declarations
from orgs.models import Organisation, User

DAY, MONTH, QUARTER, EVER = 1, 30, 90, 400  # days; EVER: what is kept


@dataclass(frozen=True)
class Callers:
    """Keys by the hashes of their tokens that were called since `since` (aware). folded: whether some calls of then are
    counted without the name of their key, so that one of the others may have been called too."""

    hashes: frozenset[str]
    since: datetime
    folded: bool = False


def told(user: User) -> bool:
    """Whether a person is told which keys were called."""
    return user.may("analytics")


def of(org: Organisation, user: User, days: int, now: datetime) -> Callers | None:
    """Those of an organisation within so many days; one of them is the last 24 hours. None for a person who may not see
    traffic, where nobody counts it, and if it cannot be said now."""
    if not told(user):
        return None
    return next((read(org, days, now) for read in declarations.functions("callers")), None)


def apis_of(
    org: Organisation, user: User, hashes: Collection[str], days: int, now: datetime
) -> Mapping[str, Collection[str]] | None:
    """The ids of the APIs that each of these keys has called within so many days, by hash, with nothing of a key that
    was not; "" stands for calls that nobody can tell. None as above."""
    if not told(user):
        return None
    read = declarations.function("called_apis")
    return read(org, hashes, days, now) if read else None
