"""How much an API, a key or an OAuth client was used lately, for pages that ask before they end it. Whoever counts
traffic declares what reads it."""

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest

from orgs import declarations

DAYS = 30


@dataclass(frozen=True)
class RecentTraffic:
    """Of the last DAYS days up to `until` (aware). callers: how many different keys. last: when the last request was;
    zone: of that. endpoints: (name of the API, endpoint, requests) of those that were called most, and how many there
    are besides; counted in the newest `counted` requests, 0 for all of them. least: whether `requests` are the newest
    only, and there may be more."""

    requests: int
    callers: int
    until: datetime
    last: str = ""
    zone: str = ""
    endpoints: tuple[tuple[str, str, int], ...] = ()
    more: int = 0
    counted: int = 0
    least: bool = False


def of(
    request: HttpRequest, *, api_id: str = "", key_hash: str = "", client_id: str = ""
) -> RecentTraffic | None:
    """Of an API, of the key of a token's hash, or of an OAuth client of an API by their IDs: its `callers` are tokens.
    None for somebody who may not see traffic, and if it cannot be said now."""
    if not request.user.may("analytics"):
        return None
    read = next(iter(declarations.functions("recent_traffic")), None)
    return read(request, api_id, key_hash, client_id) if read else None
