"""Changes of keys and policies, out of the audit log, for the time axes of charts (orgs.providers.marks)."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils.http import urlencode

from apis.models import ApiDefinition
from keys.history.rewinding import DECIDING
from keys.models import Generation, Key, KeyPolicy, KeyRight, Policy, PolicyRight
from orgs.models import AuditEntry, Organisation, User
from orgs.providers.marks import MOST, Axis, Mark

MOST_ENTRIES = 2_000  # the newest, that are looked at
# Of each kind: the page of one, and what several are called.
KINDS = {"key": ("key-detail", "key changes"), "policy": ("policy-detail", "policy changes")}
DONE = {
    "key.created": "issued",
    "key.adopted": "adopted",
    "key.rotated": "rotated",
    "key.suspended": "suspended",
    "key.resumed": "resumed",
    "key.revoked": "revoked",
    "key.changed": "given other limits or rights",
    "policy.created": "made",
    "policy.changed": "changed",
    "policy.deleted": "deleted",
}


class Change(NamedTuple):
    kind: str
    at: datetime
    action: str
    object_id: str
    label: str
    actor: str
    has_page: bool  # a key always has, a policy until it is deleted


def changes(org: Organisation, user: User, axis: Axis) -> Iterator[Mark]:
    """For those who may see keys or policies, the newest first; those of a kind in one bucket as one, with their
    number."""
    kinds = [
        *(["key"] if user.may("keys") else []),
        *(["policy"] if user.may("policies") else []),
    ]
    if not kinds:
        return
    found = _found(org, kinds, axis)
    cut = len(found) > MOST_ENTRIES
    groups = _together(found[:MOST_ENTRIES], axis)
    for number, group in enumerate(groups[:MOST], start=1):
        last = cut and number == len(groups)
        yield _mark(org, user, group, more=last)


def _found(org: Organisation, kinds: Sequence[str], axis: Axis) -> list[Change]:
    """What decides whether a request is let through, one more than MOST_ENTRIES where there are more."""
    entries = AuditEntry.objects.filter(
        org_id=org.id, at__gte=axis.start, at__lt=axis.end, kind__in=kinds, action__in=DONE
    ).filter(~Q(action="key.changed") | Q(changes__has_any_keys=DECIDING))
    if axis.keys:
        entries = entries.filter(_of_keys(org.id, axis.keys))
    elif axis.apis:
        entries = entries.filter(_of_apis(org.id, axis.apis))
    there = Policy.objects.filter(org_id=org.id, id=OuterRef("object_id"))
    rows = (
        entries.annotate(has_page=Q(kind="key") | Exists(there))
        .order_by("-at", "-id")
        .values_list("kind", "at", "action", "object_id", "label", "actor_email", "has_page")
    )
    return [Change(*row) for row in rows[: MOST_ENTRIES + 1]]


def _of_keys(org_id: str, hashes: Sequence[str]) -> Q:
    """Keys of any of whose tokens one of those is the hash, and their policies."""
    keys = Key.objects.filter(org_id=org_id, token_hash__in=hashes).values("id")
    former = Generation.objects.filter(org_id=org_id, token_hash__in=hashes).values("key_id")
    having = KeyPolicy.objects.filter(org_id=org_id).filter(Q(key_id__in=keys) | Q(key_id__in=former))
    return Q(object_id__in=keys) | Q(object_id__in=former) | Q(object_id__in=having.values("policy_id"))


def _of_apis(org_id: str, api_ids: Sequence[str]) -> Q:
    """Keys and policies that open one of the APIs, or did before or after the change."""
    apis = ApiDefinition.objects.filter(org_id=org_id, api_id__in=api_ids).values("id")
    granting = PolicyRight.objects.filter(org_id=org_id, api_id__in=apis)
    named = KeyRight.objects.filter(org_id=org_id, key_id=OuterRef("object_id"), api_id__in=apis)
    every = Key.objects.filter(org_id=org_id, id=OuterRef("object_id"), all_apis=True)
    having = {"org_id": org_id, "key_id": OuterRef("object_id")}
    by_policy = KeyPolicy.objects.filter(**having, policy_id__in=granting.values("policy_id"))
    # Rights of its own count where a key has no policy.
    return (
        (Q(Exists(named)) | Q(Exists(every))) & ~Q(Exists(KeyPolicy.objects.filter(**having)))
        | Q(Exists(by_policy))
        | Q(object_id__in=granting.values("policy_id"))
        | Q(changes__apis__0__has_any_keys=list(api_ids))
        | Q(changes__apis__1__has_any_keys=list(api_ids))
    )


def _together(found: Sequence[Change], axis: Axis) -> list[list[Change]]:
    """The changes of each kind and bucket, the newest first."""

    def place(change: Change) -> tuple[int, str]:
        return -axis.bucket(change.at), change.kind

    return [list(group) for _, group in groupby(sorted(found, key=place), place)]


def _mark(org: Organisation, user: User, group: Sequence[Change], *, more: bool) -> Mark:
    newest, oldest = group[0], group[-1]
    page, several = KINDS[newest.kind]
    if len(group) == 1 and not more:
        text = f"{newest.kind.capitalize()} {newest.label} {DONE[newest.action]} by {newest.actor}"
        if newest.has_page:
            return Mark(newest.at, text, reverse(page, args=[org.slug, newest.object_id]))
        return Mark(newest.at, text, _audit_url(org, user, newest, oldest))
    done = Counter(DONE[change.action] for change in group)
    listed = ", ".join(f"{count:,} {what}" for what, count in done.most_common())
    text = f"{len(group):,}{' or more' if more else ''} {several}: {listed}"
    return Mark(oldest.at, text, _audit_url(org, user, newest, oldest))


def _audit_url(org: Organisation, user: User, newest: Change, oldest: Change) -> str:
    """The audit log, which is asked by the day; "" for who may not read it."""
    if not user.may("audit_logs"):
        return ""
    first, last = (change.at.astimezone(org.zone).date() for change in (oldest, newest))
    asked = {"kind": newest.kind, "since": first.isoformat(), "until": last.isoformat()}
    return f"{reverse('audit', args=[org.slug])}?{urlencode(asked)}"
