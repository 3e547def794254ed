"""Lists of things: their columns, what a click on a column's head asks for, and where it sorts already."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.utils.http import urlencode


@dataclass(frozen=True)
class Column:
    """label: what stands at its head. kind: how wide it is (`.col-…` of static/css/tables.css), "" shares what is left.

    sort: what `?sort=` calls it, "" for a column that has no index. falling: that is sorted from the most down, never
    the other way. lesser: goes where there is little room.
    """

    label: str
    kind: str = ""
    sort: str = ""
    falling: bool = False
    lesser: bool = False


@dataclass(frozen=True)
class Head:
    """The head of a column. address: what sorts by it, "" if nothing does; direction: for aria-sort, "" likewise."""

    label: str
    classes: str
    address: str = ""
    direction: str = ""


def heads(
    columns: Iterable[Column], asked: Mapping[str, object] | None = None, default: str = ""
) -> list[Head]:
    """The heads of a list. asked: its filters and its `sort` as they stand in the address; default: the order of a
    list that is asked for none. A second click on a head turns the order round; a new order begins on the first page.
    """
    asked = asked or {}
    return [_head(column, asked, str(asked.get("sort") or default)) for column in columns]


def _head(column: Column, asked: Mapping[str, object], sort: str) -> Head:
    classes = " ".join(
        filter(None, (column.kind and f"col-{column.kind}", "lesser" if column.lesser else ""))
    )
    if not column.sort:
        return Head(column.label, classes)
    following = f"-{column.sort}" if sort == column.sort and not column.falling else column.sort
    rising = "descending" if column.falling else "ascending"
    direction = {column.sort: rising, f"-{column.sort}": "descending"}.get(sort, "none")
    return Head(column.label, classes, "?" + urlencode({**asked, "sort": following}, doseq=True), direction)
