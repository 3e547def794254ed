"""Choosing a key's APIs among any number of them: those ticked, and the first of those that a search finds. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from keys.keys.session import Api

SHOWN = 20
LONGEST_SEARCH = 200  # characters


@dataclass(frozen=True)
class Choice:
    """ticked: those already chosen; found: the first of the others that the search finds, and how many `more` do."""

    ticked: list[Api]
    found: list[Api]
    more: int

    @property
    def searchable(self) -> bool:
        """Whether there are more than one sees at once."""
        return len(self.ticked) + len(self.found) + self.more > SHOWN


def choice(apis: Iterable[Api], ticked: Collection[str], query: str = "") -> Choice:
    """ticked: ids of chosen APIs. query: words that must all be in the name or the id; empty finds every API."""
    words = query.casefold().split()
    chosen, others = [], []
    for api in apis:
        if api.api_id in ticked:
            chosen.append(api)
        elif all(word in f"{api.name} {api.api_id}".casefold() for word in words):
            others.append(api)
    return Choice(chosen, others[:SHOWN], max(0, len(others) - SHOWN))
