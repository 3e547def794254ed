"""How much an API or a key was used lately, for pages that ask before they end it. Who counts traffic says it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest

DAYS = 30


@dataclass(frozen=True)
class RecentTraffic:
    """Of the last DAYS days up to `until` (aware). callers: how many different keys."""

    requests: int
    callers: int
    until: datetime


# (request, api id, hash of a key's token), one of the two empty; None if it cannot be said now.
Reader = Callable[[HttpRequest, str, str], RecentTraffic | None]
_readers: list[Reader] = []


def read_by(reader: Reader) -> None:
    _readers[:] = [reader]


def of(request: HttpRequest, *, api_id: str = "", key_hash: str = "") -> RecentTraffic | None:
    """None also for somebody who may not see traffic."""
    return next((reader(request, api_id, key_hash) for reader in _readers), None)
