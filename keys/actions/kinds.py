"""What can be done to many keys at once: to which of them, and what becomes of each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q

from keys.keys.delivery import CHANGED, REVOKED, SUSPENDED
from keys.keys.parameters import SessionError
from keys.models import Key, KeyPolicy
from keys.sessions.fields import LAST_SECOND, MOST_TAGS, TOO_MANY_TAGS

Arguments = Mapping[str, Any]
_LAST = datetime.fromtimestamp(LAST_SECOND, UTC)


@dataclass(frozen=True)
class Kind:
    """words: for a button. audit: the action of the entry of each key. message: the kind of message to gateways.
    applies: which living keys it changes at all; otherwise: what is said of the others. change: makes a key what it
    shall be, and answers {member: [before, after]}, or raises SessionError and leaves it. needs: the argument that it
    has."""

    words: str
    audit: str
    message: str
    applies: Callable[[Arguments], Q]
    otherwise: str
    change: Callable[[Key, Arguments, datetime], dict[str, list]]
    needs: str = ""
    fields: tuple[str, ...] = ()


def _suspend(key: Key, arguments: Arguments, now: datetime) -> dict[str, list]:
    key.suspended = True
    return {"suspended": [False, True]}


def _resume(key: Key, arguments: Arguments, now: datetime) -> dict[str, list]:
    key.suspended = False
    return {"suspended": [True, False]}


def _revoke(key: Key, arguments: Arguments, now: datetime) -> dict[str, list]:
    key.revoked_at = now
    return {"revoked": [False, True]}


def _extend(key: Key, arguments: Arguments, now: datetime) -> dict[str, list]:
    before = key.expires_at
    longer = timedelta(days=arguments["days"])
    # Not beyond the calendar.
    key.expires_at = max(before, now) + min(longer, _LAST - max(before, now))
    return {"expires": [before.isoformat(), key.expires_at.isoformat()]}


def _tag(key: Key, arguments: Arguments, now: datetime) -> dict[str, list]:
    if len(key.tags) >= MOST_TAGS:
        raise SessionError("tags", TOO_MANY_TAGS)
    before, key.tags = key.tags, [*key.tags, arguments["tag"]]
    return {"tags": [before, key.tags]}


def _untag(key: Key, arguments: Arguments, now: datetime) -> dict[str, list]:
    before, key.tags = key.tags, [tag for tag in key.tags if tag != arguments["tag"]]
    return {"tags": [before, key.tags]}


def _policies_follow(key: Key, arguments: Arguments, now: datetime) -> dict[str, list]:
    """Those are rows of their own (keys.actions.chunks)."""
    return {}


def _having(arguments: Arguments) -> Exists:
    own = KeyPolicy.objects.filter(org_id=OuterRef("org_id"), key_id=OuterRef("id"))
    return Exists(own.filter(policy_id=arguments["policy"]))


def _has_another(arguments: Arguments) -> Exists:
    own = KeyPolicy.objects.filter(org_id=OuterRef("org_id"), key_id=OuterRef("id"))
    return Exists(own.exclude(policy_id=arguments["policy"]))


KINDS = {
    "suspend": Kind(
        "Suspend",
        "key.suspended",
        SUSPENDED,
        lambda _: Q(suspended=False),
        "suspended already",
        _suspend,
        fields=("suspended",),
    ),
    "resume": Kind(
        "Resume",
        "key.resumed",
        CHANGED,
        lambda _: Q(suspended=True),
        "not suspended",
        _resume,
        fields=("suspended",),
    ),
    "revoke": Kind("Revoke", "key.revoked", REVOKED, lambda _: Q(), "", _revoke, fields=("revoked_at",)),
    "extend": Kind(
        "Extend the expiry",
        "key.changed",
        CHANGED,
        # A key ends with its certificate at the latest (keys.certificates.named).
        lambda _: Q(expires_at__isnull=False) & ~Q(credential="certificate"),
        "without an expiry, or that end with their certificates",
        _extend,
        needs="days",
        fields=("expires_at",),
    ),
    "tag": Kind(
        "Add a tag",
        "key.changed",
        CHANGED,
        lambda arguments: ~Q(tags__contains=[arguments["tag"]]),
        "that have the tag already",
        _tag,
        needs="tag",
        fields=("tags",),
    ),
    "untag": Kind(
        "Remove a tag",
        "key.changed",
        CHANGED,
        lambda arguments: Q(tags__contains=[arguments["tag"]]),
        "without the tag",
        _untag,
        needs="tag",
        fields=("tags",),
    ),
    "policy": Kind(
        "Add a policy",
        "key.changed",
        CHANGED,
        lambda arguments: ~Q(_having(arguments)),
        "that have the policy already",
        _policies_follow,
        needs="policy",
    ),
    "only-policy": Kind(
        "Replace all policies by one",
        "key.changed",
        CHANGED,
        lambda arguments: ~Q(_having(arguments)) | Q(_has_another(arguments)),
        "that have this policy alone already",
        _policies_follow,
        needs="policy",
    ),
}
# A key that has ended is not changed.
LIVING = Q(revoked_at=None)
