"""Making, changing and deleting templates: each under the organisation's lock, with its audit entry."""

from django.db import transaction
from django.db.models import F, Sum
from django.db.models.functions import Length
from django.utils import timezone

from apis.models import Asset
from orgs import refusals
from orgs.audit import log
from orgs.models import User
from orgs.organisations import locks

MOST = 100
LARGEST = 4_000_000  # characters of all of an organisation
_FACTS = ("asset_id", "name", "kind", "description")


class Taken(refusals.Taken):
    """A template of this ID is there already."""


class Full(refusals.Invalid):
    """There are as many templates as an organisation may have, or as large ones."""


class Gone(refusals.Missing):
    """Somebody deleted the template meanwhile."""

    def __init__(self):
        super().__init__("Asset not found")


@transaction.atomic
def create(org_id: str, members: dict, *, author: User) -> Asset:
    """Keep a new template. members: columns of Asset. Raises Taken, Full, Departed."""
    locks.lock(org_id)
    if Asset.objects.filter(org_id=org_id).count() >= MOST:
        raise Full(f"An organisation may have {MOST} assets at most")
    asset = Asset(org_id=org_id, **members)
    asset.asset_id = asset.asset_id or asset.id
    _store(asset, author, "asset.created", {}, insert=True)
    return asset


@transaction.atomic
def change(asset: Asset, members: dict, *, author: User, expected: int | None = None) -> Asset:
    """Change what `members` name of a template. expected: the change_stamp that its author saw, None for whichever it
    is. Raises Taken, Full, Gone, Stale, Departed."""
    now = _locked(asset, expected)
    before = {name: getattr(now, name) for name in _FACTS}
    for name, value in members.items():
        setattr(now, name, value)
    now.updated_at = timezone.now()
    _store(now, author, "asset.changed", before, insert=False)
    return now


@transaction.atomic
def delete(asset: Asset, *, author: User, expected: int | None = None) -> None:
    """expected: as for a change. Raises Gone, Stale, Departed."""
    _locked(asset, expected).delete()
    log.record("asset.deleted", "asset", asset.id, asset.name, actor=author, org=asset.org_id)


def _locked(asset, expected):
    locks.lock(asset.org_id)
    now = Asset.objects.select_for_update().filter(id=asset.id).first()
    if now is None:
        raise Gone
    if expected not in (None, now.change_stamp):
        raise refusals.Stale("Somebody else changed this template meanwhile.")
    return now


def _store(asset, author, action, before, *, insert):
    others = Asset.objects.filter(org_id=asset.org_id).exclude(id=asset.id)
    if others.filter(asset_id=asset.asset_id).exists():
        raise Taken(f"Asset ID already exists: {asset.asset_id!r}.")
    size = others.aggregate(size=Sum(Length(F("data_text"))))["size"] or 0
    if size + len(asset.data_text) > LARGEST:
        raise Full(f"The assets of an organisation may have {LARGEST:,} characters at most")
    asset.save(force_insert=insert)
    after = {name: getattr(asset, name) for name in _FACTS}
    log.record(
        action, "asset", asset.id, asset.name, actor=author, org=asset.org_id, before=before, after=after
    )
