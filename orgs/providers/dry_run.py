"""What a change of what keys may would have refused of the last days' requests. Whoever counts traffic declares what
plays them once more."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from orgs import declarations
from orgs.models import Organisation, User
from orgs.providers.blast_radius import told
from orgs.providers.holders import Called
from orgs.providers.holding import Holder
from orgs.providers.spans import Span

MOST_DAYS = 30
NONE = Span()


@dataclass(frozen=True)
class Caller:
    """A key by its id and the hashes of its tokens. states: of an API that it calls, the key as it is and as the change
    would have it."""

    id: str
    name: str
    hashes: tuple[str, ...]
    states: Callable[[Called], tuple[Holder, Holder]]


@dataclass(frozen=True)
class Met:
    """reason: why requests are refused; now: how many by what is in force; then: by the change."""

    reason: str
    now: Span
    then: Span


@dataclass(frozen=True)
class OfKey:
    """requests: that were played. now, then: how many are refused by what is in force, and by the change;
    untold: of how many, at most, that cannot be told; first: when the change would have refused first, None for
    never."""

    id: str
    name: str
    requests: int
    now: Span
    then: Span
    untold: int
    first: datetime | None
    reasons: tuple[Met, ...]


@dataclass(frozen=True)
class DryRun:
    """Of the time from `start` to `end` (aware). keys: those that called and were played, those that lose most first.
    requests, now, then, untold, reasons: of all of them. refused: requests that were refused then, which are not
    played. unplayed: requests that were not played because there are too many, and keys of which none was. gone:
    requests to APIs that are there no more. complete: until when traffic is known, in words, "" for just now."""

    start: datetime
    end: datetime
    zone: str
    keys: tuple[OfKey, ...] = ()
    requests: int = 0
    now: Span = NONE
    then: Span = NONE
    untold: int = 0
    reasons: tuple[Met, ...] = ()
    refused: int = 0
    unplayed: int = 0
    unplayed_keys: int = 0
    gone: int = 0
    complete: str = ""

    @property
    def first(self) -> datetime | None:
        return min((key.first for key in self.keys if key.first), default=None)

    @property
    def losing(self) -> int:
        """How many keys would have been refused something that they are not refused now."""
        return sum(key.then.most > key.now.most for key in self.keys)


def of(org: Organisation, user: User, callers: Sequence[Caller], days: int, now: datetime) -> DryRun | None:
    """None for somebody who may not see traffic, where nobody counts it, and if it cannot be said now."""
    if not told(user):
        return None
    play = declarations.function("dry_run")
    return play(org, callers, days, now) if play else None
