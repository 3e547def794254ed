"""How much APIs were called in the last seven days, for whoever is about to change them. Whoever counts traffic
declares what reads it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from orgs import declarations
from orgs.models import Organisation, User

DAYS = 7


@dataclass(frozen=True)
class Week:
    """requests: all of them, also those that were refused. peak: requests a second, the mean of the busiest hour; what
    one second saw is not kept."""

    requests: int
    peak: float


def of(org: Organisation, user: User, api_ids: Collection[str], now: datetime) -> Mapping[str, Week] | None:
    """By the ids of APIs of an organisation, each of them. None for a person who may not see traffic, where nobody
    counts it, and if it cannot be said now."""
    if not user.may("analytics"):
        return None
    read = declarations.function("last_week")
    return read(org, api_ids, now) if read else None
