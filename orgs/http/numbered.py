"""Pages of a list that are counted: of one that is read whole, or sorted by figures which no index has.

The address: `p`, the number of the page from 1; `size`. Long lists of rows are paged by place (orgs.http.paging).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from orgs.http.paging import SIZES, BadPlace, Page, address, size_of, sizes, whole_number

MOST = 99_999


@dataclass(frozen=True)
class Asked:
    """number: of the page, from 1; size: how many rows it has."""

    number: int
    size: int

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size

    def within(self, total: int) -> "Asked":
        """The last page for one that is beyond it."""
        return Asked(min(self.number, pages(total, self.size)), self.size)


def asked(parameters: Mapping[str, str]) -> Asked:
    """The page that an address asks for. Raises BadPlace."""
    number = whole_number(parameters, "p")
    if number is not None and not 1 <= number <= MOST:
        raise BadPlace(f"p: must be the number of a page, 1 to {MOST:,}")
    return Asked(number or 1, size_of(parameters))


def page(asked: Asked, items: list, total: int, kept: Mapping[str, object] | None = None) -> Page:
    """The page whose rows are `items`, of a list that has `total`. kept: what addresses of other pages must say too."""
    kept, last = kept or {}, pages(total, asked.size)

    def to(number: int) -> str:
        return address(kept, asked.size, **({"p": number} if number > 1 else {}))

    return Page(
        items=items,
        first=asked.offset + 1 if items else None,
        last=asked.offset + len(items) if items else None,
        total=total,
        counted=total,
        newest=to(1) if asked.number > 1 else "",
        newer=to(asked.number - 1) if asked.number > 1 else "",
        older=to(asked.number + 1) if asked.number < last else "",
        oldest=to(last) if asked.number < last else "",
        size=asked.size,
        sizes=sizes(kept, asked.size) if total > SIZES[0] else (),
    )


def pages(total: int, size: int) -> int:
    """How many pages there are: one of an empty list."""
    return max(1, -(-total // size))
