"""The feed: what `GET /system/apis` gives every gateway, the same bytes for all of them.

A gateway replaces all it has by what a 200 says, so a feed is whole or there is none (FeedInDoubt).
"""

import threading
from typing import NamedTuple

from django.contrib.postgres.expressions import ArraySubquery

from apis.models import FeedVersion, ServedApi
from orgs import scope


class Feed(NamedTuple):
    """version: counts up with each change. stamp: what this feed may be cached under. body: the JSON list."""

    version: int
    stamp: str
    body: bytes
    count: int


class FeedInDoubt(RuntimeError):
    """What was found cannot be a whole feed."""


_lock = threading.Lock()
_latest: Feed | None = None


def current() -> Feed:
    """The Feed as of now. Raises FeedInDoubt, or Django's DatabaseError.

    The bytes are kept in the process under their stamp; when a thousand gateways ask after a change, one
    thread makes them and the others wait for it.
    """
    global _latest  # noqa: PLW0603
    with scope.every_org():
        stamp = FeedVersion.objects.values_list("stamp", flat=True).first()
        if (kept := _latest) is not None and kept.stamp == stamp:
            return kept
        with _lock:
            if _latest is None or _latest.stamp != stamp:
                _latest = _read()
            return _latest


def _read():
    """Version and bodies in one statement, hence of one moment."""
    served = ServedApi.objects.order_by("sort_key", "id").values("body")
    versions = FeedVersion.objects.annotate(bodies=ArraySubquery(served))
    row = versions.values_list("number", "stamp", "apis", "bodies").first()
    if row is None:
        raise FeedInDoubt("the feed has no version")
    number, stamp, count, bodies = row
    if len(bodies) != count:
        raise FeedInDoubt(f"feed {number} has {count} APIs, but {len(bodies)} were found")
    body = b"[" + b",".join(bytes(element) for element in bodies) + b"]"
    return Feed(number, stamp, body, count)
