"""What gateways are given, kept in line with what is published: an element of the feed for each active API.

Elements are written under the lock of their organisation. The feed's own row, for which all organisations wait, is
locked last and for no longer than it takes to number the feed.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from pathlib import Path

from django.db import transaction
from django.db.models import Q, QuerySet

from apis import definitions
from apis.gateways import outbox
from apis.models import CALLING, NAMING_POLICIES, ApiDefinition, FeedVersion, ServedApi
from apis.publishing import packing, references, render
from orgs.ids import new_id
from orgs.organisations import locks

# Definitions in memory at once: each has a megabyte at most.
_AT_ONCE = 50


def lock_feed() -> FeedVersion:
    """The feed's row, locked until the transaction ends: to be called after every other lock."""
    return FeedVersion.objects.select_for_update().get()


def renew(feed: FeedVersion, grown: int, *, org_id: str, subject: str) -> None:
    """Number the feed (of `lock_feed`), which has `grown` elements more than before, and have gateways told once."""
    feed.apis += grown
    feed.stamp = new_id()
    renumber(feed, org_id=org_id, subject=subject)


def renumber(feed: FeedVersion, *, org_id: str, subject: str) -> None:
    """Number what gateways pull (of `lock_feed`) anew, for something else of it than APIs has changed, and have them
    told once."""
    feed.number += 1
    feed.save(update_fields=["number", "stamp", "apis"])
    outbox.add("reload", subject, feed.number, org_id=org_id)


def serve(org_id: str, apis: Sequence[ApiDefinition]) -> tuple[int, int]:
    """Bring the elements of these APIs of one organisation in line: (how many are another or gone, how many more there
    are). An API in `apis` that is not active has none.
    """
    counts = [_serve(org_id, apis[first : first + _AT_ONCE]) for first in range(0, len(apis), _AT_ONCE)]
    return sum(changed for changed, _ in counts), sum(grown for _, grown in counts)


def _serve(org_id, apis):
    id_of = own_targets(org_id, apis)
    policy_ids = references.policy_ids(org_id, {id for api in apis for id in api.policies})
    before = {row.api_id: row for row in _served(org_id, [api.id for api in apis]).defer("packed")}
    gone = [api.id for api in apis if not api.active and before.pop(api.id, None)]
    new, renewed, kept = [], [], []
    for api in apis:
        if not api.active:
            continue
        row = before.get(api.id) or ServedApi(org_id=org_id, api_id=api.id, body=b"")
        body = render.wrapper(
            api.definition, id=api.id, api_id=api.api_id, org_id=org_id, id_of=id_of, policy_ids=policy_ids
        )
        same = bytes(row.body) == body
        row.sort_key, row.revision, row.made_by = api.api_id, api.revision, made_by()
        if not same:
            row.body, row.packed = body, packing.pack(body)
        (kept if same else renewed if api.id in before else new).append(row)
    withdraw(org_id, gone)
    ServedApi.objects.bulk_create(new)
    # They are there, under their organisation's lock: each comes into conflict with itself alone.
    ServedApi.objects.bulk_create(
        renewed,
        update_conflicts=True,
        unique_fields=["org", "api"],
        update_fields=["body", "packed", "sort_key", "revision", "made_by"],
    )
    ServedApi.objects.bulk_update(kept, ["revision", "made_by"])
    return len(gone) + len(new) + len(renewed), len(new) - len(gone)


def withdraw(org_id: str, ids: Sequence[str]) -> int:
    """Serve the APIs with these database ids no longer; how many were served."""
    return _served(org_id, ids).delete()[0]


def _served(org_id: str, ids: Sequence[str]) -> QuerySet[ServedApi]:
    return ServedApi.objects.filter(org_id=org_id, api_id__in=ids)


def callers(org_id: str, ids: Iterable[str], *, but: Sequence[str]) -> list[ApiDefinition]:
    """The active APIs of an organisation that send requests to one of `ids`, which came or went. but: the database ids
    of those that are passed over."""
    named = ApiDefinition.objects.filter(CALLING, org_id=org_id, calls__has_any_keys=list(ids))
    return list(named.filter(active=True).exclude(id__in=but).order_by("id"))


def serve_naming(org_id: str, policies: Collection[str]) -> bool:
    """Serve anew the APIs whose definitions name one of these policies, which came or went; whether that made any
    another. What gateways pull is still to be numbered (`renew`)."""
    if not policies:
        return False
    named = ApiDefinition.objects.filter(
        NAMING_POLICIES, org_id=org_id, active=True, policies__has_any_keys=list(policies)
    )
    ids = list(named.order_by("id").values_list("id", flat=True))
    changed = 0
    for first in range(0, len(ids), _AT_ONCE):
        apis = ApiDefinition.objects.filter(org_id=org_id, id__in=ids[first : first + _AT_ONCE])
        changed += serve(org_id, list(apis.order_by("id")))[0]
    return changed > 0


def missing_policies(api: ApiDefinition) -> list[str]:
    """The policies that its definition names and that its organisation does not have (yet): gateways refuse a token
    that is to be given one.
    """
    own = references.policy_ids(api.org_id, api.policies)
    return [id for id in api.policies if id not in own]


def missing_targets(api: ApiDefinition) -> list[str]:
    """The APIs that this one sends requests to and that its organisation does not have (yet): gateways answer 500
    there.
    """
    id_of = own_targets(api.org_id, [api])
    return [name for name in api.calls if not id_of(name)]


def own_targets(org_id, apis):
    """From an id that `apis` call to the database id of an own API. What others have is like what is not there."""
    named = {name for api in apis for name in api.calls}
    if not named:
        return {}.get
    found = ApiDefinition.objects.filter(Q(api_id__in=named) | Q(id__in=named), org_id=org_id)
    own = dict(found.values_list("api_id", "id"))
    return {**own, **{id: id for id in own.values()}}.get


def serve_again(*, everything: bool = False) -> int:
    """Serve anew every API in scope of which another version of this code made the element, or simply all; answers how
    many are another by now. A transaction for a few of one organisation at a time, under the locks of any other change.
    """
    count = 0
    stale = ServedApi.objects.all() if everything else ServedApi.objects.exclude(made_by=made_by())
    for org_id in list(stale.order_by("org_id").values_list("org_id", flat=True).distinct()):
        ids = list(stale.filter(org_id=org_id).order_by("api_id").values_list("api_id", flat=True))
        for first in range(0, len(ids), _AT_ONCE):
            count += _serve_again(org_id, ids[first : first + _AT_ONCE])
    return count


@transaction.atomic
def _serve_again(org_id, ids):
    try:
        locks.lock(org_id)
    except locks.Departed:
        return 0  # withdrawn meanwhile
    apis = list(ApiDefinition.objects.filter(org_id=org_id, id__in=ids))
    changed, grown = serve(org_id, apis)
    if changed:
        renew(lock_feed(), grown, org_id=org_id, subject=apis[0].api_id)
    return changed


@cache
def made_by() -> str:
    """What the elements of this version of the code are known by: a digest of all that decides how they are made."""
    files = [
        *Path(definitions.__path__[0]).rglob("*.py"),
        *(Path(each.__file__) for each in (render, packing)),
    ]
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
