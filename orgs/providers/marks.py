"""What may explain a change in traffic, for the time axis of a chart. Each app that changes something, or notices it,
declares who says it (orgs.declarations)."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime

from orgs import declarations
from orgs.models import Organisation, User

MOST = 50  # of each that says some


@dataclass(frozen=True)
class Mark:
    """at: when it was, or began; until: when it ended, or now if it goes on, None of what has no length (aware).
    text: what it was; url: the page that shows it, "" for a person who may not see that; parts: the single ones, newest
    first, of several that are one mark, as far as they are told."""

    at: datetime
    text: str
    url: str = ""
    until: datetime | None = None
    parts: tuple["Mark", ...] = ()


@dataclass(frozen=True)
class Axis:
    """edges: where the buckets of the chart begin, and the end of the last (aware). What falls into one bucket may be
    said together. apis: the IDs of the APIs that alone are shown, none for all; keys: the hashes of the keys' tokens,
    likewise.
    """

    edges: tuple[datetime, ...]
    apis: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()

    @property
    def start(self) -> datetime:
        return self.edges[0]

    @property
    def end(self) -> datetime:
        return self.edges[-1]

    def bucket(self, at: datetime) -> int:
        """The number of the bucket that a moment falls into."""
        return bisect_right(self.edges, at)


def marks(org: Organisation, user: User, axis: Axis) -> list[Mark]:
    """The newest MOST of each that says some, newest first, of an organisation whose scope is entered.

    Each of the functions declared is given the same, says only what the person may know, and asks for it in one
    statement.
    """
    found = [mark for say in declarations.functions("marks") for mark in say(org, user, axis)]
    return sorted(found, key=lambda mark: mark.at, reverse=True)
