"""Pages of a long list: the one way, for every list on a page.

A page begins after, or ends before, a row that the address names by the values it is sorted by, so that the last page
of a million rows costs what the first does, and nothing is shown twice because something was added meanwhile. What
only counting could say, how many there are, is counted up to a bound.

The address: `after` or `before` a row; `at`, the number of the first row there as far as it is known; `last`; `size`.
Lists that are read whole or sorted by figures count their pages (orgs.http.numbered), as REST does for its clients.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import BooleanField, F, Field, Func, IntegerField, QuerySet, Value
from django.utils.http import urlencode

from orgs import scope
from orgs.http import strict_json

SIZES = (25, 50, 100, 200)
SIZE = 50
COUNTED = 10_000


class BadPlace(Exception):
    """The address names no page; the message names the field. HTTP: 400."""


@dataclass(frozen=True)
class Page:
    """What a template needs of one page.

    first, last: the numbers of its rows in the whole list, from 1; None where nobody knows. total: how many rows the
    list has; None if more than `counted`, or if nobody counted (`counted` is 0). newest, newer, older, oldest: the
    addresses of the first, previous, next and last page, "" where this is it. sizes: of each choice of how many rows
    a page has: the number, the address, whether it is this one; none for a list that fits on the smallest.
    """

    items: list
    first: int | None
    last: int | None
    total: int | None
    counted: int
    newest: str
    newer: str
    older: str
    oldest: str
    size: int
    sizes: tuple[tuple[int, str, bool], ...]

    @property
    def position(self) -> str:
        """ "1 to 50 of 200", as far as it is known."""
        if self.first is None:
            return ""
        of = f" of {self.total:,}" if self.total is not None else ""
        if self.total is None and self.counted:
            of = f" of more than {self.counted:,}"
        return f"{self.first:,} to {self.last:,}{of}"


@dataclass(frozen=True)
class _Place:
    """Where a page is: after the row of these values, before it, at the end, or else at the beginning."""

    size: int
    after: list | None = None
    before: list | None = None
    last: bool = False
    at: int | None = None

    @property
    def backwards(self) -> bool:
        return self.last or self.before is not None


class _Beyond(Func):
    """`(a, b) < (x, y)`: an index on (a, b) starts there, which it does not for `a < x OR a = x AND b < y`."""

    conditional = True
    output_field = BooleanField()

    def __init__(self, *expressions, sign: str, **extra):
        super().__init__(*expressions, **extra)
        self.sign = sign

    def as_sql(self, compiler, connection, **extra):
        compiled = [compiler.compile(each) for each in self.get_source_expressions()]
        half = len(compiled) // 2
        left, right = (", ".join(text for text, _ in part) for part in (compiled[:half], compiled[half:]))
        return f"({left}) {self.sign} ({right})", [value for _, values in compiled for value in values]


def page(
    asked: Mapping[str, str],
    rows: QuerySet,
    order: tuple[str, ...],
    kept: Mapping[str, object] | None = None,
    *,
    counted: int = COUNTED,
    known: int | None = None,
) -> Page:
    """The page of `rows` that an address asks for.

    asked: the address's parameters. order: names of columns or annotations that are never null, all ascending or all
    descending ("-"), the last of them unique. kept: what the addresses of other pages must say too, such as filters.
    counted: how far to count, 0 for not at all. known: how many rows there are, if the caller knows. Raises BadPlace.
    """
    names = [name.removeprefix("-") for name in order]
    place = _place(asked, rows, names)
    found, more = _read(rows, order, place)
    if place.before is not None and not more:
        # The beginning is reached: a whole page, not what was left of one.
        place = _Place(place.size)
        found, more = _read(rows, order, place)
    whole = place == _Place(place.size) and not more
    total = len(found) if whole else known if known is not None else _total(rows, counted)
    first = _first(place, len(found), total)
    has_newer = more if place.backwards else place.after is not None
    has_older = place.before is not None if place.backwards else more
    links = _Links(dict(kept or {}), place.size, names)
    return Page(
        items=found,
        first=first,
        last=first + len(found) - 1 if first else None,
        total=total,
        counted=counted,
        newest=links.to() if has_newer else "",
        newer=links.to(before=found[0], at=first and max(1, first - place.size))
        if has_newer and found
        else "",
        older=links.to(after=found[-1], at=first and first + len(found)) if has_older and found else "",
        oldest=links.to(last=1) if has_older else "",
        size=place.size,
        sizes=sizes(kept or {}, place.size) if total is None or total > SIZES[0] else (),
    )


@dataclass(frozen=True)
class _Links:
    kept: dict[str, object]
    size: int
    names: list[str]

    def to(self, **place) -> str:
        """The address of a place in the list as it is now; rows by the values that it is sorted by."""
        for name in {"after", "before"} & place.keys():
            values = [getattr(place[name], column) for column in self.names]
            place[name] = json.dumps(
                [value.isoformat() if isinstance(value, datetime) else value for value in values],
                separators=(",", ":"),
                ensure_ascii=False,
            )
        return address(self.kept, self.size, **{name: value for name, value in place.items() if value})


def address(kept: Mapping[str, object], size: int, **place: object) -> str:
    """The address of a place in a list that has `size` rows a page."""
    chosen = {"size": size} if size != SIZE else {}
    return "?" + urlencode({**kept, **chosen, **place}, doseq=True)


def sizes(kept: Mapping[str, object], size: int) -> tuple[tuple[int, str, bool], ...]:
    """Of each choice of how many rows a page has: the number, the address of the first page, whether it is `size`."""
    return tuple((each, "?" + urlencode({**kept, "size": each}, doseq=True), each == size) for each in SIZES)


def batches(
    rows: QuerySet,
    order: tuple[str, ...],
    lines: Callable[[list], Iterable],
    *,
    org_id: str | None,
    size: int = 2_000,
) -> Iterator[list]:
    """All of `rows` in pieces that `lines` makes something of, for an answer that is sent when its request is over.

    org_id: the organisation to enter for each piece, None for a table that belongs to none. Each is read in a
    transaction of its own, so a slow reader holds none open, and never yielded inside the scope, which would reach
    whoever asks for the next.
    """
    names = [name.removeprefix("-") for name in order]
    last: list | None = None
    while True:
        with scope.org(org_id) if org_id else scope.nobody(), transaction.atomic():
            found = list(_ordered(rows, order, last)[:size])
            made = list(lines(found))
        yield made
        if len(found) < size:
            return
        last = [getattr(found[-1], name) for name in names]


def _ordered(
    rows: QuerySet, order: tuple[str, ...], values: list | None, *, backwards: bool = False
) -> QuerySet:
    """The rows in their order, or the other way, which come after the one of those values."""
    descending = order[0].startswith("-")
    if any(name.startswith("-") != descending for name in order):
        raise ValueError("a list is paged by columns of one direction")
    if values:
        names = [name.removeprefix("-") for name in order]
        sign = "<" if descending != backwards else ">"
        rows = rows.filter(_Beyond(*map(F, names), *map(Value, values), sign=sign))
    return rows.order_by(*order).reverse() if backwards else rows.order_by(*order)


def _read(rows: QuerySet, order: tuple[str, ...], place: _Place) -> tuple[list, bool]:
    """The rows of a page, and whether there are more in the direction of reading."""
    found = list(
        _ordered(rows, order, place.after or place.before, backwards=place.backwards)[: place.size + 1]
    )
    more, found = len(found) > place.size, found[: place.size]
    return found[::-1] if place.backwards else found, more


def _total(rows: QuerySet, counted: int) -> int | None:
    if not counted:
        return None
    number = rows.order_by().values("pk")[: counted + 1].count()
    return number if number <= counted else None


def _first(place: _Place, shown: int, total: int | None) -> int | None:
    """The number of the first row of a page. `at` comes from the address, so it may be anything."""
    if not shown:
        return None
    if place.last:
        return total and total - shown + 1
    if place.after is None and place.before is None:
        return 1
    return place.at if place.at and (total is None or place.at + shown - 1 <= total) else None


def _place(asked: Mapping[str, str], rows: QuerySet, names: list[str]) -> _Place:
    given = [name for name in ("after", "before", "last") if asked.get(name)]
    if len(given) > 1:
        raise BadPlace(f"{given[1]}: cannot be combined with {given[0]}")
    return _Place(
        size=size_of(asked),
        after=_values(asked, "after", rows, names),
        before=_values(asked, "before", rows, names),
        last="last" in given,
        at=whole_number(asked, "at"),
    )


def size_of(asked: Mapping[str, str]) -> int:
    """How many rows a page has. Raises BadPlace."""
    size = whole_number(asked, "size")
    if size not in (None, *SIZES):
        raise BadPlace(f"size: must be one of {', '.join(map(str, SIZES))}")
    return size or SIZE


def whole_number(asked: Mapping[str, str], name: str) -> int | None:
    """A number that an address says, None for none. Raises BadPlace."""
    text = asked.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise BadPlace(f"{name}: must be a whole number")
    return int(text)


def _values(asked: Mapping[str, str], name: str, rows: QuerySet, names: list[str]) -> list | None:
    """The values which an address names a row by, each fit for its column."""
    if not asked.get(name):
        return None
    try:
        given = strict_json.loads(asked[name])
        if not isinstance(given, list) or len(given) != len(names):
            raise ValueError
        return [_value(_field(rows, column), value) for column, value in zip(names, given, strict=True)]
    except (ValueError, OverflowError, ValidationError):
        raise BadPlace(f"{name}: not a place in this list") from None


def _field(rows: QuerySet, name: str) -> Field:
    annotated = rows.query.annotations.get(name)
    return annotated.output_field if annotated is not None else rows.model._meta.get_field(name)


def _value(field: Field, given: Any) -> Any:
    if type(given) is not (int if isinstance(field, IntegerField) else str):
        raise ValueError
    value = field.to_python(given)
    field.run_validators(value)
    if not isinstance(value, datetime):
        return value
    if value.tzinfo is None:
        raise ValueError
    # PostgreSQL takes no offset of 16 hours and more, Python does.
    return value.astimezone(UTC)
