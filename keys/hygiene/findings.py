"""Keys that somebody should look at: what they are, how many, and the first of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import DatabaseError, connection
from django.db.models import QuerySet
from django.utils.http import urlencode

from keys.finding.forms import KeyFilterForm
from keys.models import Key, KeyRight
from orgs.db.patience import at_most
from orgs.http.paging import COUNTED
from orgs.models import Organisation, User
from orgs.providers import callers

SHOWN = 5
# So many of an organisation's keys are looked into for what only their rights tell: a million would take minutes.
COMPARED = 10_000
# A key younger than that may still be about to call what it was given for.
SETTLED = timedelta(days=30)
_PATIENCE = "2s"  # for one statement

_TWICE = """
    SELECT owner, count(*), (array_agg(id ORDER BY alias, id))[1:%s] FROM (
        SELECT k.id, k.alias, k.owner, k.all_apis,
            (SELECT string_agg(r.api_id || r.versions::text || r.members::text, ' ' ORDER BY r.api_id)
                FROM keys_keyright r WHERE r.org_id = k.org_id AND r.key_id = k.id) AS rights,
            (SELECT string_agg(p.policy_id, ' ' ORDER BY p.position) FROM keys_keypolicy p
                WHERE p.org_id = k.org_id AND p.key_id = k.id) AS policies
        FROM (SELECT * FROM keys_key WHERE org_id = %s ORDER BY created_at DESC, id DESC LIMIT %s) AS k
        WHERE k.revoked_at IS NULL AND NOT k.suspended AND k.owner <> ''
            AND (k.expires_at IS NULL OR k.expires_at > %s)
    ) AS opened
    GROUP BY owner, all_apis, rights, policies HAVING count(*) > 1 ORDER BY 2 DESC, 1"""


@dataclass(frozen=True)
class Finding:
    """title, words: what it is and why that matters. number: of keys, up to COUNTED; None if it cannot be said now.
    first: (key, what is said of it). filters: those of the list that shows them all, none where none does. since: from
    when on traffic is known."""

    name: str
    title: str
    words: str
    number: int | None
    first: Sequence[tuple[Key, str]] = ()
    filters: Mapping[str, str] = field(default_factory=dict)
    since: datetime | None = None

    @property
    def said(self) -> str:
        if self.number is None:
            return "not known at the moment"
        return f"more than {COUNTED:,}" if self.number > COUNTED else f"{self.number:,}"

    @property
    def query(self) -> str:
        return urlencode(self.filters)


# name: title, words, the filters of the list, which tell whether the finding is about use.
LISTED = {
    "unowned": ("Without an owner", "Nobody answers for them.", {"state": "active", "no_owner": "yes"}),
    "never": (
        "Never used",
        "No request is known with them. Those that nobody waits for can be suspended or revoked.",
        {"state": "active", "used": "never"},
    ),
    "silent": (
        "Silent for 90 days",
        "Made before that, and not called since. Suspend them first: that can be taken back.",
        {"state": "active", "used": "no-90d"},
    ),
    "ending": (
        "Expiring within 30 days, and in use",
        "They were called in the last 30 days, and whoever calls is refused when they end.",
        {"state": "active", "ends": "30d", "used": "30d"},
    ),
}


def of(org: Organisation, user: User, now: datetime) -> list[Finding]:
    """All findings that a person may see, in the order of the page."""
    listed = [name for name in LISTED if "used" not in LISTED[name][2] or callers.told(user)]
    found = [_listed(name, org, user, now) for name in listed]
    if callers.told(user):
        found.append(_uncalled(org, user, now))
    return [*found, _twice(org, now)]


def _listed(name: str, org: Organisation, user: User, now: datetime) -> Finding:
    title, words, filters = LISTED[name]
    form = KeyFilterForm(filters, apis=(), policies=(), sees_traffic=True)
    matching = form.found(org, user, now) if form.is_valid() else None
    found = _in_time(lambda: _counted(matching.keys)) if matching else None
    if found is None:
        return Finding(name, title, words, None)
    number, first = found
    return Finding(name, title, words, number, [(key, "") for key in first], filters, form.since)


def _counted(keys: QuerySet[Key]) -> tuple[int, Sequence[Key]]:
    number = keys.order_by().values("pk")[: COUNTED + 1].count()
    return number, list(keys.order_by("created_at", "id")[:SHOWN]) if number else ()


def _uncalled(org: Organisation, user: User, now: datetime) -> Finding:
    title = "Granted, but never called"
    words = "Keys in use that may open APIs by rights of their own which they have never called."
    known = callers.of(org, user, callers.EVER, now)
    hashes = sorted(known.hashes)[:COMPARED] if known else ()
    if known and len(known.hashes) > COMPARED:
        words += f" Looked into are {COMPARED:,} of those that were called."
    rights = _in_time(lambda: _settled_rights(org, hashes, now)) if known else None
    if rights is None:
        return Finding("uncalled", title, words, None)
    called = callers.apis_of(org, user, {key_hash for key_hash, _ in rights.values()}, callers.EVER, now)
    if called is None:
        return Finding("uncalled", title, words, None)
    found = {
        id: len(spare)
        for id, (key_hash, opened) in rights.items()
        if (spare := spare_of(opened, called.get(key_hash, ())))
    }
    most = sorted(found, key=lambda id: (-found[id], id))[:SHOWN]
    keys = Key.objects.filter(org_id=org.id).in_bulk(most)
    first = [(keys[id], _apis(found[id])) for id in most if id in keys]
    return Finding("uncalled", title, words, len(found), first, since=known.since)


def _settled_rights(
    org: Organisation, hashes: Iterable[str], now: datetime
) -> dict[str, tuple[str, set[str]]]:
    """(hash, ids of the APIs) of each key that was called and has rights of its own which count, by its id."""
    settled = Key.objects.filter(
        org_id=org.id,
        revoked_at=None,
        suspended=False,
        all_apis=False,
        policies=None,
        # What one that was rotated has called has several names.
        allowance="",
        created_at__lt=now - SETTLED,
        token_hash__among=hashes,
    )
    rows = KeyRight.objects.filter(org_id=org.id, key_id__in=settled.values("id"))
    found: dict[str, tuple[str, set[str]]] = {}
    for id, key_hash, api_id in rows.values_list("key_id", "key__token_hash", "api__api_id"):
        found.setdefault(id, (key_hash, set()))[1].add(api_id)
    return found


def spare_of(opened: Iterable[str], called: Iterable[str]) -> set[str]:
    """The APIs that a key opens and has never called; none where that is not certain, or it would be all."""
    opened, called = set(opened), set(called)
    return opened - called if "" not in called and opened & called else set()


def _apis(number: int) -> str:
    return f"{number} API{'' if number == 1 else 's'} never called"


def _twice(org: Organisation, now: datetime) -> Finding:
    title = "The same twice"
    words = "Keys of one owner with the same policies and rights: one of them may be forgotten."
    if Key.objects.filter(org_id=org.id)[COMPARED : COMPARED + 1].exists():
        words += f" Compared are the newest {COMPARED:,} keys."
    groups = _in_time(lambda: _groups(org, now))
    if groups is None:
        return Finding("twice", title, words, None)
    keys = Key.objects.filter(org_id=org.id).in_bulk([id for _, _, ids in groups[:SHOWN] for id in ids[:1]])
    first = [
        (keys[ids[0]], f"{number} keys of {owner}") for owner, number, ids in groups[:SHOWN] if ids[0] in keys
    ]
    return Finding("twice", title, words, sum(number for _, number, _ in groups), first)


def _groups(org: Organisation, now: datetime) -> list[tuple[str, int, list[str]]]:
    with connection.cursor() as cursor:
        cursor.execute(_TWICE, [SHOWN, org.id, COMPARED, now])
        return cursor.fetchall()


def _in_time(read):
    """What `read` answers; None if that takes too long."""
    try:
        with at_most(_PATIENCE):
            return read()
    except DatabaseError:
        return None
