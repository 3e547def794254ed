"""Where the sessions of keys lie: one of each generation of a key, all with what the key opens.

While two of them live, gateways of 5.14 count their requests together, since the metadata of both name what to count
them under. Those of 3.0.12 count each by itself. The name is the hash of the first token that the key had, under which
that one was counted already; where a generation is ended before its time, it is a new one, and what was counted goes
along: the old counter then says that the quota is spent, because a gateway may go on writing the session of that
generation (keys.rotation.counters.SPENT). One that ends by its time needs no such thing: its session says when.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, Q
from django.db.models.functions import Now

from keys.keys.reader import sessions_of
from keys.keys.session import sharing
from keys.models import Generation, Key


@dataclass(frozen=True)
class Place:
    """One session in the gateways' Redis; None: there must be none. cache_keys: the names under which gateways keep a
    copy. counted_under: the name of its counters; allowance: the same where the session says it, else ""."""

    token_hash: str
    cache_keys: tuple[str, ...]
    counted_under: str
    session: dict[str, Any] | None
    allowance: str = ""

    @property
    def counters(self) -> tuple[str, ...]:
        """Gateways that are not told what to count under go by the token's hash."""
        return tuple(dict.fromkeys((self.counted_under, self.token_hash)))


def places_of(keys: Collection[Key]) -> dict[str, list[Place]]:
    """The places of each key by its id, that of its newest token first."""
    sessions, former = sessions_of(list(keys)), _former(keys)
    return {key.id: list(_places(key, sessions[key.id], former[key.id])) for key in keys}


def _former(keys: Collection[Key]) -> dict[str, list[Generation]]:
    """The generations of keys, each with whether it `is_living` by the clock of the database. Most keys have none."""
    found: dict[str, list[Generation]] = defaultdict(list)
    rotated = [key for key in keys if key.allowance]
    if not rotated:
        return found
    living = ExpressionWrapper(Q(ends_at__gt=Now(), retired_at=None), output_field=BooleanField())
    rows = Generation.objects.filter(
        org_id__in={key.org_id for key in rotated}, key_id__in=[key.id for key in rotated]
    )
    for row in rows.annotate(is_living=living).order_by("-number"):
        found[row.key_id].append(row)
    return found


def _places(key: Key, session: dict[str, Any] | None, former: list[Generation]) -> Iterator[Place]:
    if session is not None and key.allowance:
        session = sharing(session, key.allowance)
    yield Place(key.token_hash, _cached(key), key.counted_under, session, key.allowance)
    for row in former:
        own = until(session, row.ends_at) if session is not None and row.is_living else None
        counted_under = row.allowance or key.counted_under
        yield Place(row.token_hash, _cached(row), counted_under, own, key.allowance)


def _cached(names: Key | Generation) -> tuple[str, ...]:
    return tuple(name for name in (names.cache_key, names.short_cache_key) if name)


def until(session: dict[str, Any], ends_at: datetime) -> dict[str, Any]:
    """The session with an end, unless it ends before: gateways then refuse it by themselves."""
    seconds = int(ends_at.timestamp())
    return session | {"expires": min(session["expires"] or seconds, seconds)}


def of_hashes(hashes: Collection[str]) -> list[Key]:
    """The keys in scope whose tokens, of whatever generation, have these hashes."""
    keys = {key.id: key for key in Key.objects.filter(token_hash__in=hashes)}
    former = Generation.objects.filter(token_hash__in=hashes).select_related("key")
    return list((keys | {row.key_id: row.key for row in former}).values())


def kept(hashes: Collection[str]) -> set[str]:
    """Those of some hashes that are of a token of a key in scope, whether or not it still opens something."""
    return {
        hash
        for rows in (Key.objects, Generation.objects)
        for hash in rows.filter(token_hash__in=hashes).values_list("token_hash", flat=True)
    }
