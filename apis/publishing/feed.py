"""What gateways pull: lists of stored elements, the same bytes for all of them. `GET /system/apis` is this module's
own; an app above may have another.

A gateway replaces all it has by what a 200 says, so a list is whole or there is none (FeedInDoubt).
"""

import threading
from collections.abc import Iterator
from typing import NamedTuple

from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection, transaction
from django.db.models import Func, IntegerField, Model, Subquery

from apis.models import FeedVersion, ServedApi
from apis.publishing import packing
from orgs import scope

# Packed elements on their way from the database at once: a megabyte at most each, and twice as many characters.
_AT_ONCE = 100


class Feed(NamedTuple):
    """version: counts up with each change of anything that gateways pull. stamp: what this list may be cached under.
    packed: the JSON list as a gzip stream of many members. size: bytes of the list when unpacked."""

    version: int
    stamp: str
    packed: bytes
    count: int
    size: int

    @property
    def body(self) -> bytes:
        """The JSON list; made for each who asks, because gateways take it packed."""
        return packing.unpacked(self.packed)


class Outline(NamedTuple):
    """A feed without its bytes, for whoever only has to name it; size is a little less than the feed's."""

    version: int
    stamp: str
    count: int
    size: int


class FeedInDoubt(RuntimeError):
    """What was found cannot be a whole feed."""


_LENGTH = Func("body", function="octet_length", output_field=IntegerField())
_NUMBER = Subquery(FeedVersion.objects.values("number")[:1])


class Source:
    """One list. elements: the model of what it is made of (`body`, `packed`, `sort_key`); version: the model of the one
    row that has its `stamp` and, in `count`, how many there are, which are called `what`. placeholder: the element of a
    list that has no other, if it must not be empty."""

    def __init__(
        self, elements: type[Model], version: type[Model], count: str, what: str, placeholder: bytes = b""
    ):
        self._elements = elements
        self._version = version
        self._facts = ("stamp", count)
        self._question = (
            f"SELECT (SELECT number FROM {FeedVersion._meta.db_table}), stamp FROM {version._meta.db_table}"  # noqa: S608  ours
        )
        self._what = what
        self._placeholder = placeholder
        self._lock = threading.Lock()
        self._latest: Feed | None = None

    def current(self) -> Feed:
        """The Feed as of now. Raises FeedInDoubt, or Django's DatabaseError.

        The bytes are kept in the process under their stamp; when a thousand gateways ask after a change, one
        thread reads them and the others wait for it.
        """
        with scope.every_org():
            if (kept := self._kept()) is not None:
                return kept
            with self._lock:
                # Asked anew: who waited a while is content with what was read meanwhile.
                if (kept := self._kept()) is None:
                    kept = self._latest = self._read()
                return kept

    def outline(self) -> Outline:
        """The Outline of the feed as of now. Raises FeedInDoubt, or Django's DatabaseError."""
        sizes = ArraySubquery(self._elements.objects.order_by().values(size=_LENGTH))
        with scope.every_org():
            number, stamp, count, sizes = self._of_version(sizes=sizes)
        self._refuse_doubt(number, count, len(sizes))
        return Outline(number, stamp, count, sum(sizes))

    def _kept(self) -> Feed | None:
        """What was read last, if it still is what there is; something else may have been numbered since."""
        if (kept := self._latest) is None:
            return None
        # Every pull asks it.
        number, stamp = connection.ask(self._question) or (None, None)
        if number is None or kept.stamp != stamp:
            return None
        return kept if kept.version == number else kept._replace(version=number)

    @transaction.atomic
    def _read(self) -> Feed:
        """The feed of what publishing has packed."""
        pieces, length, row = [], 0, None
        for row in self._rows():
            pieces.append(row[0])
            length += row[1]
        number, stamp, count = row[2:] if row else self._of_version()
        self._refuse_doubt(number, count, len(pieces))
        if not all(pieces):
            raise FeedInDoubt("an element of the feed is not packed")
        if not pieces and self._placeholder:
            pieces, length = [packing.pack(self._placeholder)], len(self._placeholder)
        return Feed(number, stamp, packing.joined(pieces), count, packing.size(len(pieces), length))

    def _rows(self) -> Iterator[tuple]:
        """(packed element, its length unpacked, number, stamp, count) of each element in order, from one statement,
        hence of one moment."""
        version = [_NUMBER, *(Subquery(self._version.objects.values(name)[:1]) for name in self._facts)]
        named = dict(zip(("number", "stamp", "count"), version, strict=True))
        rows = self._elements.objects.order_by("sort_key", "id").values_list(
            "packed", _LENGTH, *named.values()
        )
        return rows.iterator(chunk_size=_AT_ONCE)

    def _of_version(self, **more: object) -> tuple:
        """(number, stamp, count, …): that there is no element is a part of a version, too."""
        row = self._version.objects.annotate(**more).values_list(_NUMBER, *self._facts, *more).first()
        if row is None:
            raise FeedInDoubt("the feed has no version")
        return row

    def _refuse_doubt(self, number: int | None, count: int | None, found: int) -> None:
        if number is None:
            raise FeedInDoubt("the feed has no version")
        if found != count:
            raise FeedInDoubt(f"feed {number} has {count} {self._what}, but {found} were found")


APIS = Source(ServedApi, FeedVersion, "apis", "APIs")
current = APIS.current
outline = APIS.outline
