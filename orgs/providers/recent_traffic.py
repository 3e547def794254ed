"""How much an API or a key was used lately, for pages that ask before they end it. Whoever counts traffic declares what
reads it."""

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest

from orgs import declarations

DAYS = 30


@dataclass(frozen=True)
class RecentTraffic:
    """Of the last DAYS days up to `until` (aware). callers: how many different keys. last: when the last request was;
    zone: of that. endpoints: (name of the API, endpoint, requests) of those that were called most, and how many there
    are besides; counted in the newest `counted` requests, 0 for all of them."""

    requests: int
    callers: int
    until: datetime
    last: str = ""
    zone: str = ""
    endpoints: tuple[tuple[str, str, int], ...] = ()
    more: int = 0
    counted: int = 0


def of(request: HttpRequest, *, api_id: str = "", key_hash: str = "") -> RecentTraffic | None:
    """Of an API, or of the key of a token's hash. None for somebody who may not see traffic, and if it cannot be said
    now."""
    if not request.user.may("analytics"):
        return None
    return next((read(request, api_id, key_hash) for read in declarations.functions("recent_traffic")), None)
