"""Numbers that are known between two ends. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """At least and at most."""

    least: int = 0
    most: int = 0

    @classmethod
    def of(cls, numbers: Iterable[int]) -> "Span":
        """From the least to the greatest of some."""
        found = list(numbers)
        return cls(min(found), max(found))

    def __add__(self, other: "Span") -> "Span":
        return Span(self.least + other.least, self.most + other.most)

    def __str__(self) -> str:
        return f"{self.least:,}" if self.least == self.most else f"{self.least:,} to {self.most:,}"
