"""What gateways are given of policies, kept in line with what is stored: the list of `GET /system/policies`.

Elements are written under the lock of their organisation. The rows that number the lists, for which all organisations
wait, are locked last.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from django.db import transaction

from apis.models import ApiDefinition
from apis.publishing import packing
from apis.publishing import serving as publishing
from apis.publishing.feed import Source
from keys.models import Policy, PolicyFeed, ServedPolicy
from keys.policies import document, render
from keys.sessions import patterns
from orgs.ids import new_id
from orgs.organisations import locks

POLICIES = Source(ServedPolicy, PolicyFeed, "policies", "policies", render.PLACEHOLDER)

_AT_ONCE = 100


def serve(org_id: str, policies: Sequence[Policy]) -> tuple[int, int]:
    """Bring the elements of these policies of one organisation in line: (how many are another, how many more there
    are)."""
    before = {row.policy_id: row for row in _served(org_id, policies)}
    names = _api_names(org_id, policies)
    new, renewed, kept = [], [], []
    for policy in policies:
        row = before.get(policy.id) or ServedPolicy(org_id=org_id, policy_id=policy.id, body=b"")
        body = b",".join(render.elements(policy.document, names))
        same = bytes(row.body) == body
        row.sort_key, row.made_by = policy.id, made_by()
        if not same:
            row.body, row.packed = body, packing.pack(body)
        (kept if same else renewed if policy.id in before else new).append(row)
    ServedPolicy.objects.bulk_create(new)
    ServedPolicy.objects.bulk_update(renewed, ["body", "packed", "sort_key", "made_by"])
    ServedPolicy.objects.bulk_update(kept, ["made_by"])
    return len(new) + len(renewed), len(new)


def withdraw(org_id: str, policies: Sequence[Policy]) -> int:
    """Serve these policies no longer; how many were served."""
    return _served(org_id, policies).delete()[0]


def lock() -> PolicyFeed:
    """The list's row, locked until the transaction ends: to be called after every other lock but the feed's."""
    return PolicyFeed.objects.select_for_update().get()


def renew(row: PolicyFeed, grown: int, *, org_id: str, subject: str, apis: bool = False) -> None:
    """Number the list (of `lock`) anew, which has `grown` elements more than before, and have gateways told once. apis:
    whether elements of the feed are others too (`publishing.serve_naming`)."""
    row.policies += grown
    row.stamp = new_id()
    row.save(update_fields=["policies", "stamp"])
    feed = publishing.lock_feed()
    if apis:
        publishing.renew(feed, 0, org_id=org_id, subject=subject)
    else:
        publishing.renumber(feed, org_id=org_id, subject=subject)


def serve_again() -> int:
    """Serve anew every policy in scope of which another version of this code made the element; answers how many are
    another by now. A transaction for a few of one organisation at a time."""
    count = 0
    stale = ServedPolicy.objects.exclude(made_by=made_by())
    for org_id in list(stale.order_by("org_id").values_list("org_id", flat=True).distinct()):
        ids = list(stale.filter(org_id=org_id).order_by("sort_key").values_list("policy_id", flat=True))
        for first in range(0, len(ids), _AT_ONCE):
            count += _serve_again(org_id, ids[first : first + _AT_ONCE])
    return count


@transaction.atomic
def _serve_again(org_id: str, ids: Sequence[str]) -> int:
    try:
        locks.lock(org_id)
    except locks.Departed:
        return 0  # withdrawn meanwhile
    policies = list(Policy.objects.filter(org_id=org_id, id__in=ids))
    changed, grown = serve(org_id, policies)
    if changed:
        renew(lock(), grown, org_id=org_id, subject=policies[0].id)
    return changed


def _served(org_id: str, policies: Sequence[Policy]):
    return ServedPolicy.objects.filter(org_id=org_id, policy_id__in=[policy.id for policy in policies])


def _api_names(org_id: str, policies: Sequence[Policy]) -> dict[str, str]:
    """The names of those own APIs that the policies name, by API id."""
    wanted = {api_id for policy in policies for api_id in document.opened_apis(policy.document)}
    own = ApiDefinition.objects.filter(org_id=org_id, api_id__in=wanted)
    return dict(own.values_list("api_id", "name"))


@cache
def made_by() -> str:
    """What the elements of this version of the code are known by: a digest of all that decides how they are made."""
    digest = hashlib.sha256()
    for module in (document, render, patterns, packing):
        digest.update(Path(module.__file__ or "").read_bytes())
    return digest.hexdigest()[:16]
