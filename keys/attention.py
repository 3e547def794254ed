"""Which keys in use end soon, for the home page of their organisation."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils.timezone import localtime

from keys.models import Key
from keys.rotation.generations import ending_unused, former
from orgs.models import Organisation, User
from orgs.providers import usage
from orgs.providers.attention import Item

SOON = timedelta(days=7)
MOST_ASKED = 100  # of those that end first
MOST_NAMED = 3


def items(org: Organisation, user: User, now: datetime) -> Iterator[Item]:
    """The keys that expire within SOON and were used in the last 24 hours, for those who may see keys. Who may not see
    traffic is told of all that expire."""
    if not user.may("keys"):
        return
    yield from _rotated(org, user, now)
    ending = Key.objects.filter(
        org_id=org.id, revoked_at=None, suspended=False, expires_at__gt=now, expires_at__lte=now + SOON
    )
    keys = list(ending.order_by("expires_at", "id")[:MOST_ASKED])
    if not keys:
        return
    used = usage.last_day("key", [key.token_hash for key in keys], org, user, now, former=former(keys))
    if used:
        called = {name for name, use in used.of.items() if use.hits}
        keys = [key for key in keys if key.token_hash in called]
    for key in keys[:MOST_NAMED]:
        traffic = f", with {used.of[key.token_hash].exact} in the last 24 hours" if used else ""
        text = f"Key {key} expires on {_said(key.expires_at, org)}{traffic}."
        yield Item(text, reverse("key-detail", args=[org.slug, key.id]))
    if (rest := len(keys) - MOST_NAMED) > 0:
        more = "1 more key expires" if rest == 1 else f"{rest} more keys expire"
        yield Item(f"{more} by {_said(keys[-1].expires_at, org)}.", reverse("key-list", args=[org.slug]))


def _rotated(org: Organisation, user: User, now: datetime) -> Iterator[Item]:
    """Keys of which the old token ends soon while the new one was never used."""
    rows = ending_unused(org.id, now, MOST_ASKED)
    used = usage.last_day("key", [row.key.token_hash for row in rows], org, user, now) if rows else None
    if not used:
        return
    unused = {row.key_id: row for row in rows if row.key.token_hash not in used.of}
    for row in list(unused.values())[:MOST_NAMED]:
        text = f"The old token of key {row.key} ends on {_said(row.ends_at, org)}, and the new one was never used."
        yield Item(text, reverse("key-detail", args=[org.slug, row.key_id]))
    if (rest := len(unused) - MOST_NAMED) > 0:
        text = f"{rest} more key{'s' if rest > 1 else ''} with an old token that ends soon and an unused new one."
        yield Item(text, reverse("key-list", args=[org.slug]))


def _said(instant: datetime, org: Organisation) -> str:
    local = localtime(instant, org.zone)
    return f"{local.day} {local:%b %H:%M}"
