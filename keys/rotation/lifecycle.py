"""Changing the token of a key that stays what it is: one transaction holds the rows, the audit entry and the messages
of each change, as in keys.keys.lifecycle.

A former token opens what the key opens until its time has come, by the clock of the database. The key's own row has the
newest; undoing a rotation changes the two about.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from apis.gateways import outbox
from keys.credentials import naming
from keys.keys.delivery import CHANGED, ENDING, REVOKED
from keys.keys.lifecycle import locked, refuse_stale, save
from keys.models import Generation, Key
from orgs import refusals
from orgs.audit import log
from orgs.organisations import locks

LONGEST = timedelta(days=30)
MOST = 3  # generations that live at the same time


class AlreadyRotated(refusals.Taken):
    """The request was sent before; `key` is what it rotated."""

    def __init__(self, key: Key):
        super().__init__(
            "This request has rotated the key already. The new token was shown once and is not kept."
        )
        self.key = key


class NotRotated(refusals.Invalid):
    """The tokens of the key stay as they are."""


class Ended(refusals.Missing):
    """There is no such generation of the key, or it has ended."""

    def __init__(self):
        super().__init__("This token has ended already.")


def rotate(
    key: Key, overlap: timedelta, *, form_token: str | None = None, expected: int | None = None
) -> tuple[Key, str]:
    """Give a key a new token, which is nowhere kept; the one that it has ends after `overlap`, 0 to LONGEST.

    form_token: what the request is known by, if it is sent again; expected: as keys.keys.lifecycle.change. Raises
    AlreadyRotated, NotRotated, Revoked, Stale, Departed.
    """
    locks.lock(key.org_id)
    _refuse_second(key.org_id, form_token)
    key = locked(key)
    refuse_stale(key, expected)
    now = _now()
    ends_at = _end(overlap, now)
    _refuse_rotation(key, now, staying=ends_at > now)
    before = facts(key, now)
    former = Generation(
        org_id=key.org_id,
        key=key,
        number=key.generation,
        token_hash=key.token_hash,
        cache_key=key.cache_key,
        short_cache_key=key.short_cache_key,
        made_at=key.token_made_at or key.created_at,
        ends_at=ends_at,
        form_token=form_token,
    )
    names = naming.made(key.org_id)
    key.token_hash, key.cache_key = names.token_hash, names.cache_key
    key.short_cache_key = names.short_cache_key
    key.generation = max(_numbers(key)) + 1
    key.token_made_at = now
    if ends_at <= now:
        _retire(former, key, now)
    elif not key.allowance:
        key.allowance = _new_allowance(key)
    former.save(force_insert=True)
    save(key)
    _announce(key, "key.rotated", before, now, ends=former)
    return key, names.token


def retire(key: Key, number: int, *, expected: int | None = None) -> Key:
    """End a former token of a key now. Raises Ended, Revoked, Stale, Departed."""
    key, former, now = _living(key, number, expected)
    before = facts(key, now)
    _retire(former, key, now)
    former.save()
    save(key)
    _announce(key, "key.token_retired", before, now)
    return key


def extend(key: Key, number: int, overlap: timedelta, *, expected: int | None = None) -> Key:
    """Have a former token of a key end after `overlap` from now, above 0 and up to LONGEST. Raises NotRotated, Ended,
    Revoked, Stale, Departed."""
    key, former, now = _living(key, number, expected)
    if overlap <= timedelta(0):
        raise NotRotated("Must be in the future.", "until")
    before = facts(key, now)
    former.ends_at = _end(overlap, now)
    former.save()
    save(key)
    _announce(key, "key.token_extended", before, now, ends=former)
    return key


def undo(key: Key, *, expected: int | None = None) -> Key:
    """Take the last rotation back: the token before the newest, while it lives, is the key's again, without an end of
    its own; the newest ends now. Raises Ended, Revoked, Stale, Departed."""
    newest = (
        Generation.objects.filter(org_id=key.org_id, key=key, retired_at=None).order_by("-number").first()
    )
    key, former, now = _living(key, newest.number if newest else 0, expected)
    before = facts(key, now)
    former.token_hash, key.token_hash = key.token_hash, former.token_hash
    former.cache_key, key.cache_key = key.cache_key, former.cache_key
    former.short_cache_key, key.short_cache_key = key.short_cache_key, former.short_cache_key
    former.number, key.generation = key.generation, former.number
    former.made_at, key.token_made_at = key.token_made_at, former.made_at
    _retire(former, key, now)
    former.save()
    save(key)
    _announce(key, "key.rotation_undone", before, now)
    return key


def facts(key: Key, now: datetime) -> dict[str, Any]:
    """What rotating changes, for the audit log: which token is the newest, until when others live."""
    living = Generation.objects.filter(org_id=key.org_id, key=key, retired_at=None, ends_at__gt=now)
    return {
        "token": f"{key.hint}, number {key.generation}",
        "former": {str(row): row.ends_at.isoformat() for row in living.order_by("number")},
    }


def can_be_rotated(key: Key) -> bool:
    """Whether the key has a token that can be another. A random one takes the place of an id that somebody chose."""
    return key.credential == "token"


def _refuse_second(org_id: str, form_token: str | None) -> None:
    sent = Generation.objects.filter(org_id=org_id, form_token=form_token) if form_token else None
    if sent is not None and (row := sent.select_related("key").first()):
        raise AlreadyRotated(row.key)


def _refuse_rotation(key: Key, now: datetime, *, staying: bool) -> None:
    if not can_be_rotated(key):
        raise NotRotated("Only a key with a token can be rotated.")
    living = Generation.objects.filter(org_id=key.org_id, key=key, retired_at=None, ends_at__gt=now).count()
    if staying and living + 2 > MOST:
        raise NotRotated(f"At most {MOST} tokens of a key live at the same time: retire an old one first.")


def _numbers(key: Key) -> list[int]:
    rows = Generation.objects.filter(org_id=key.org_id, key=key)
    return [*rows.values_list("number", flat=True), key.generation]


def _living(key: Key, number: int, expected: int | None) -> tuple[Key, Generation, datetime]:
    locks.lock(key.org_id)
    key = locked(key)
    refuse_stale(key, expected)
    now = _now()
    row = Generation.objects.filter(org_id=key.org_id, key=key, number=number).first()
    if row is None or not row.lives(now):
        raise Ended
    return key, row, now


def _retire(former: Generation, key: Key, now: datetime) -> None:
    """From now on what is left is counted under another name (keys.rotation.places)."""
    former.ends_at = former.retired_at = now
    former.allowance = key.allowance or former.token_hash
    key.allowance = _new_allowance(key)


def _new_allowance(key: Key) -> str:
    """A name that nothing else is counted under. Gateways put no variables in the place of anything in it."""
    return f"{key.org_id}-{key.id}-{key.change_number + 1}"


def _end(overlap: timedelta, now: datetime) -> datetime:
    if not timedelta(0) <= overlap <= LONGEST:
        raise NotRotated(f"Must be at most {LONGEST.days} days from now.", "until")
    # Sessions name whole seconds.
    return (now + overlap + timedelta(seconds=1)).replace(microsecond=0) if overlap else now


def _now() -> datetime:
    """By the clock of the database, which tells what is due."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        return cursor.fetchone()[0]


def _announce(key: Key, action: str, before: dict, now: datetime, *, ends: Generation | None = None) -> None:
    log.record(action, "key", key.id, str(key), org=key.org_id, before=before, after=facts(key, now))
    outbox.add(REVOKED if ends is None else CHANGED, key.id, org_id=key.org_id)
    if ends is not None and ends.retired_at is None:
        outbox.add(ENDING, key.id, org_id=key.org_id, due_at=ends.ends_at)
