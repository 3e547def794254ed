"""Sealing anew, with the newest key, what former ones sealed (orgs.sealing)."""

from collections.abc import Iterator

from django.apps import apps
from django.db import models, transaction
from django.db.models import Q

from orgs import scope
from orgs.db.schema import is_tenant
from orgs.sealing import NotOpened, SealedField, is_current, seal, unseal

_AT_ONCE = 200


def sealed_columns() -> Iterator[tuple[type[models.Model], str]]:
    """Each column of sealed values that there is: its model, and its name."""
    for model in apps.get_models():
        for field in model._meta.fields:
            if isinstance(field, SealedField):
                yield model, field.name


def seal_anew(model: type[models.Model], field: str) -> tuple[int, list[str]]:
    """Bring a column of every organisation under the newest key: how many values were sealed anew, and the ids of rows
    whose value does not open. Each in a transaction of its own; begun again, it goes on with what is left. A value that
    somebody changes meanwhile is his."""
    count, closed = 0, []
    after = ("", "")
    while rows := _next(model, field, after):
        for row in rows:
            if is_current(getattr(row, field)):
                continue
            try:
                count += _sealed_anew(row, field)
            except NotOpened:
                closed.append(row.id)
        after = (rows[-1].org_id, rows[-1].id)
    return count, closed


def _next(model: type[models.Model], field: str, after: tuple[str, str]) -> list[models.Model]:
    following, place = Q(org_id=after[0], id__gt=after[1]) | Q(org_id__gt=after[0]), ("org_id", "id")
    if not is_tenant(model):
        following, place = Q(id__gt=after[1]), ("id",)
    with scope.every_org():
        rows = model.objects.filter(following, **{f"{field}__isnull": False}).order_by(*place)
        return list(rows.only(*place, field)[:_AT_ONCE])


def _sealed_anew(row: models.Model, field: str) -> int:
    before = getattr(row, field)
    seal(row, field, unseal(row, field))
    place = {"id": row.id, **({"org_id": row.org_id} if is_tenant(type(row)) else {})}
    with scope.org(row.org_id) if row.org_id else scope.nobody(), transaction.atomic():
        same = type(row).objects.filter(**place, **{field: before})
        return same.update(**{field: getattr(row, field)})
