"""The feed: what `GET /system/apis` gives every gateway, the same bytes for all of them.

A gateway replaces all it has by what a 200 says, so a feed is whole or there is none (FeedInDoubt).
"""

import threading
from collections.abc import Iterator
from typing import NamedTuple

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Func, IntegerField, Subquery

from apis.models import FeedVersion, ServedApi
from apis.publishing import packing
from orgs import scope

# Packed elements on their way from the database at once: a megabyte at most each, and twice as many characters.
_AT_ONCE = 100


class Feed(NamedTuple):
    """version: counts up with each change. stamp: what this feed may be cached under. packed: the JSON list as a
    gzip stream of many members. size: bytes of the list when unpacked."""

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
_NO_VERSION = "the feed has no version"
_lock = threading.Lock()
_latest: Feed | None = None


def current() -> Feed:
    """The Feed as of now. Raises FeedInDoubt, or Django's DatabaseError.

    The bytes are kept in the process under their stamp; when a thousand gateways ask after a change, one
    thread reads them and the others wait for it.
    """
    global _latest  # noqa: PLW0603
    with scope.every_org():
        if (kept := _latest) is not None and kept.stamp == _stamp():
            return kept
        with _lock:
            # Asked anew: who waited a while is content with what was read meanwhile.
            if _latest is None or _latest.stamp != _stamp():
                _latest = _read()
            return _latest


def outline() -> Outline:
    """The Outline of the feed as of now. Raises FeedInDoubt, or Django's DatabaseError."""
    sizes = ArraySubquery(ServedApi.objects.order_by().values(size=_LENGTH))
    with scope.every_org():
        row = (
            FeedVersion.objects.annotate(sizes=sizes).values_list("number", "stamp", "apis", "sizes").first()
        )
    if row is None:
        raise FeedInDoubt(_NO_VERSION)
    number, stamp, count, sizes = row
    _refuse_doubt(number, count, len(sizes))
    return Outline(number, stamp, count, sum(sizes))


def _stamp() -> str | None:
    return FeedVersion.objects.values_list("stamp", flat=True).first()


def _read() -> Feed:
    """The feed of what publishing has packed."""
    pieces, length, row = [], 0, None
    for row in _served():
        pieces.append(row[0])
        length += row[1]
    number, stamp, count = row[2:] if row else _version_of_none()
    _refuse_doubt(number, count, len(pieces))
    if not all(pieces):
        raise FeedInDoubt("an element of the feed is not packed")
    return Feed(number, stamp, packing.joined(pieces), count, packing.size(count, length))


def _served() -> Iterator[tuple]:
    """(packed element, its length unpacked, number, stamp, count) of each API in the feed's order, from one statement,
    hence of one moment."""
    version = {name: Subquery(FeedVersion.objects.values(name)[:1]) for name in ("number", "stamp", "apis")}
    rows = ServedApi.objects.order_by("sort_key", "id").values_list("packed", _LENGTH, *(version.values()))
    return rows.iterator(chunk_size=_AT_ONCE)


def _version_of_none() -> tuple[int, str, int]:
    """The version of a feed in which no API was found; that it has none is a part of it."""
    row = FeedVersion.objects.values_list("number", "stamp", "apis").first()
    if row is None:
        raise FeedInDoubt(_NO_VERSION)
    return row


def _refuse_doubt(number: int | None, count: int | None, found: int) -> None:
    if number is None:
        raise FeedInDoubt(_NO_VERSION)
    if found != count:
        raise FeedInDoubt(f"feed {number} has {count} APIs, but {found} were found")
