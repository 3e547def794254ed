"""Taking over a session that somebody else made, as a key, and ending one.

Whoever asks says what he saw of it (`seen`): sessions change while people read. The caller has entered the scope of the
organisation and opened the transaction; Redis is asked before anything is locked.
"""

import hashlib
import json
from typing import Any
from zoneinfo import ZoneInfo

from redis import Redis

from apis.gateways import outbox
from keys.adoption import conflicts
from keys.adoption.discovery import judge, read
from keys.adoption.ending import ENDED
from keys.adoption.judging import CUT, PLAIN, Judgement, names_of_certificate, secrets_of
from keys.keys import lifecycle
from keys.keys.forms import KeyForm
from keys.keys.parameters import values_from
from keys.keys.reader import apis_of_one, policies_of_one
from keys.keys.session import essence
from keys.models import FoundSession, Key
from orgs import refusals
from orgs.audit import log
from orgs.organisations import locks

_UTC = ZoneInfo("UTC")


class Gone(refusals.Missing):
    """The session is not in Redis any more, or names another organisation."""

    def __init__(self):
        super().__init__("The session is not there any more.")


class Changed(refusals.Stale):
    """The session, or what it may keep, is not what was seen."""

    def __init__(self):
        super().__init__("The session has changed since it was looked at. Look again.")


class NotAdoptable(refusals.NotAllowed):
    """It cannot be taken over; the message says why."""


def seen_now(found: FoundSession, redis: Redis) -> tuple[dict[str, Any], Judgement]:
    """The session and what can become of it. Raises Gone, redis.RedisError."""
    if found.kind == PLAIN:
        raise Gone
    session = read({found.name: found.name}, redis).get(found.name) or {}
    if session.get("org_id") != found.org_id:
        raise Gone
    return session, judge({found.name: session}, {found.name: True})[found.name]


def digest(session: dict[str, Any], judgement: Judgement) -> str:
    """What somebody saw, in 16 hex digits: what gateways count meanwhile does not alter it."""
    shown = [essence(session), judgement.losses, judgement.why_not]
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()[:16]


def adopt(
    found: FoundSession, redis: Redis, *, created_by: str, cut: bool = False, seen: str | None = None
) -> Key:
    """Make a key of the session, under its name, with its limits and policies. cut: even if that cuts it down. seen:
    its `digest`, None for whatever is there. Raises Gone, Changed, NotAdoptable, SessionError, LimitReached, Departed,
    redis.RedisError."""
    session, judgement = seen_now(found, redis)
    if seen not in (None, digest(session, judgement)):
        raise Changed
    if judgement.why_not:
        raise NotAdoptable(judgement.why_not)
    if judgement.verdict == CUT and not cut:
        raise NotAdoptable("It would be cut down: " + " ".join(judgement.losses))
    locks.lock(found.org_id)
    if conflicts.is_kept(found.name):
        raise Gone
    values = values_from(judgement.body)
    spec = _spec(found.org_id, values)
    id = spec.session_extra.get("certificate", "")
    key = lifecycle.adopt(
        found.org_id,
        spec,
        token_hash=found.name,
        secrets=secrets_of(judgement.body),
        created_by=created_by,
        suspended=values.get("is_inactive", False),
        token=names_of_certificate(found.org_id, id).get(found.name, "") if id else "",
    )
    FoundSession.objects.filter(org_id=found.org_id, id=found.id).delete()
    return key


def _spec(org_id: str, values: dict[str, Any]) -> lifecycle.KeySpec:
    named = values.get("apply_policies", [])
    form = KeyForm(
        values,
        apis=apis_of_one(org_id),
        policies=policies_of_one(org_id, named=named) if named else (),
        zone=_UTC,
        extra=values.get("session_extra", {}),
    )
    if not form.is_valid():
        name, errors = next(iter(form.errors.items()))
        raise NotAdoptable(f"{name}: {errors[0]}")
    return form.spec()


def end(found: FoundSession) -> None:
    """Have the session deleted and gateways forget it."""
    log.record("session.ended", "session", found.name, str(found), org=found.org_id)
    outbox.add(ENDED, found.name, org_id=found.org_id)
    FoundSession.objects.filter(org_id=found.org_id, id=found.id).delete()
