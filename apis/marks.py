"""Revisions of APIs, for the time axes of charts (orgs.providers.marks)."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from django.db.models import OuterRef, Subquery
from django.urls import reverse

from apis.models import ApiDefinition, Revision
from orgs.models import Organisation, User
from orgs.providers.marks import MOST, Axis, Mark

MOST_REVISIONS = 500  # the newest, that are looked at
MOST_PARTS = 50  # of one mark that are told


def published(org: Organisation, user: User, axis: Axis) -> Iterator[Mark]:
    """The newest first, those of one bucket as one. Of an API that is deleted no name is told, nor is it found by its
    ID."""
    there = ApiDefinition.objects.filter(org_id=org.id, id=OuterRef("definition_id"))
    found = Revision.objects.filter(
        org_id=org.id, created_at__gte=axis.start, created_at__lt=axis.end
    ).annotate(name=Subquery(there.values("name")))
    if axis.apis:
        own = ApiDefinition.objects.filter(org_id=org.id, api_id__in=axis.apis)
        found = found.filter(definition_id__in=own.values("id"))
    rows = found.order_by("-created_at", "-id").only("definition_id", "number", "created_at", "author")
    found = list(rows[: MOST_REVISIONS + 1])
    newest = found[:MOST_REVISIONS]
    groups = [list(group) for _, group in groupby(newest, lambda each: axis.bucket(each.created_at))]
    for number, group in enumerate(groups[:MOST], start=1):
        yield _mark(org, user, group, more=number == len(groups) and len(found) > len(newest))


def _mark(org: Organisation, user: User, group: Sequence[Revision], *, more: bool) -> Mark:
    """more: whether the group may have others, which were not looked at."""
    if len(group) == 1 and not more:
        return _single(org, user, group[0])
    apis = len({revision.definition_id for revision in group})
    text = f"{len(group):,}{' or more' if more else ''} publishes of {apis:,} API{'' if apis == 1 else 's'}"
    parts = tuple(_single(org, user, revision) for revision in group[:MOST_PARTS])
    return Mark(group[-1].created_at, text, parts=parts)


def _single(org: Organisation, user: User, revision: Revision) -> Mark:
    text = f"{revision.name or 'A deleted API'}, revision {revision.number}, published by {revision.author}"
    url = ""
    if revision.name and user.may("apis"):
        url = reverse("api-revision", args=[org.slug, revision.definition_id, revision.number])
    return Mark(revision.created_at, text, url)
