"""The tokens that a key has had, as pages tell of them: which live, and how much each is used."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from keys.models import Generation, Key
from keys.rotation.lifecycle import MOST, can_be_rotated
from orgs.providers import blast_radius, usage
from orgs.providers.blast_radius import BlastRadius, Called

ENDS_SOON = timedelta(hours=24)
MOST_SHOWN = 20


@dataclass(frozen=True)
class Shown:
    """One token of a key. ends_at: when it ends or has; None for the newest. use: as in lists; None for none."""

    number: int
    hint: str
    token_hash: str
    made_at: datetime
    ends_at: datetime | None
    lives: bool
    use: usage.Use | None


def former(keys: Collection[Key]) -> dict[str, str]:
    """{hash of a former token: that of its key's token}, for counting what keys are used."""
    rotated = {key.id: key for key in keys if key.allowance}
    if not rotated:
        return {}
    orgs = {key.org_id for key in rotated.values()}
    rows = Generation.objects.filter(org_id__in=orgs, key_id__in=rotated)
    return {hash: rotated[key_id].token_hash for hash, key_id in rows.values_list("token_hash", "key_id")}


def hashes_of(key: Key) -> list[str]:
    """Of all the tokens that a key has and had."""
    return [key.token_hash, *former([key])]


def shown(request: HttpRequest, key: Key) -> dict[str, Any]:
    """What the page of a key says of its tokens."""
    rotatable = can_be_rotated(key)
    if not key.allowance:
        return {"rotatable": rotatable}
    now = timezone.now()
    rows = list(Generation.objects.filter(org_id=key.org_id, key=key).order_by("-number")[:MOST_SHOWN])
    hashes = [key.token_hash, *(row.token_hash for row in rows)]
    used = usage.last_day("key", hashes, request.org, request.user, now)
    living = key.revoked_at is None
    tokens = [
        Shown(
            key.generation, key.hint, key.token_hash, key.token_made_at or key.created_at, None, living, None
        ),
        *(
            Shown(
                row.number,
                row.hint,
                row.token_hash,
                row.made_at,
                row.ends_at,
                living and row.lives(now),
                None,
            )
            for row in rows
        ),
    ]
    if used:
        tokens = [replace(token, use=used.of.get(token.token_hash)) for token in tokens]
    old = [token for token in tokens[1:] if token.lives]
    return {
        "rotatable": rotatable,
        "tokens": tokens,
        "tokens_usage": used,
        "undoable": bool(old),
        "full": len(old) + 2 > MOST,
        "limited": key.rate > 0 or key.quota_max > 0,
        "unused_ends": _unused_ends(tokens[0], old, now) if used else None,
    }


def _unused_ends(newest: Shown, old: list[Shown], now: datetime) -> datetime | None:
    """When the last of the old tokens ends, if that is soon and the new one was never used."""
    last = max((token.ends_at for token in old if token.ends_at), default=None)
    return last if newest.use is None and last is not None and last <= now + ENDS_SOON else None


def called(key: Key) -> Called:
    """A key by the tokens that it had of late."""
    hashes = [key.token_hash]
    if key.allowance:
        since = timezone.now() - timedelta(days=blast_radius.DAYS)
        rows = Generation.objects.filter(org_id=key.org_id, key=key, ends_at__gt=since).order_by("-number")
        hashes += rows.values_list("token_hash", flat=True)[:MOST_SHOWN]
    return Called(hashes=tuple(hashes))


def radius_of(request: HttpRequest, key: Key) -> BlastRadius | None:
    """As orgs.providers.blast_radius.of."""
    return (
        blast_radius.of(request.org, request.user, called(key)) if blast_radius.told(request.user) else None
    )


def ending_unused(org_id: str, now: datetime, most: int) -> list[Generation]:
    """The old tokens that end within ENDS_SOON and are the last that their keys have besides the newest, with their
    keys, those that end first before others."""
    rows = Generation.objects.filter(
        org_id=org_id,
        ends_at__gt=now,
        ends_at__lte=now + ENDS_SOON,
        retired_at=None,
        key__revoked_at=None,
        key__suspended=False,
    )
    return list(rows.select_related("key").order_by("ends_at", "id")[:most])
