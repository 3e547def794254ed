"""Which rows the gateways' Redis has as they are: certificates and OAuth clients, by their `change_number`."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from keys.models import Certificate, OAuthClient

Row = TypeVar("Row", Certificate, OAuthClient)


def rows(model: type[Row], orgs: Mapping[str, str]) -> QuerySet[Row]:
    """By id in order; the table is keyed by organisation first. orgs: the organisation of each, by its row's id."""
    return model.objects.filter(org_id__in=set(orgs.values()), id__in=orgs).order_by("id")


@transaction.atomic
def note(model: type[Row], written: Iterable[Row]) -> set[str]:
    """Note that these were delivered as they were read; answers the ids of those that changed since."""
    read = {row.id: (row.change_number, row.org_id) for row in written}
    found = rows(model, {id: org_id for id, (_, org_id) in read.items()})
    locked = found.select_for_update(no_key=True, of=("self",))
    same = {row.id: row.org_id for row in locked if row.change_number == read[row.id][0]}
    rows(model, same).update(delivered_number=F("change_number"), delivered_at=timezone.now())
    return read.keys() - same.keys()
