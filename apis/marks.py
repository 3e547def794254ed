"""Revisions of APIs, for the time axes of charts (orgs.providers.marks)."""

from collections.abc import Iterator

from django.db.models import OuterRef, Subquery
from django.urls import reverse

from apis.models import ApiDefinition, Revision
from orgs.models import Organisation, User
from orgs.providers.marks import MOST, Axis, Mark


def published(org: Organisation, user: User, axis: Axis) -> Iterator[Mark]:
    """The newest first. Of an API that is deleted no name is told, nor is it found by its ID."""
    there = ApiDefinition.objects.filter(org_id=org.id, id=OuterRef("definition_id"))
    found = Revision.objects.filter(
        org_id=org.id, created_at__gte=axis.start, created_at__lt=axis.end
    ).annotate(name=Subquery(there.values("name")))
    if axis.api:
        found = found.filter(
            definition_id__in=ApiDefinition.objects.filter(org_id=org.id, api_id=axis.api).values("id")
        )
    if axis.apis:
        own = ApiDefinition.objects.filter(org_id=org.id, api_id__in=axis.apis)
        found = found.filter(definition_id__in=own.values("id"))
    rows = found.order_by("-created_at", "-id").only("definition_id", "number", "created_at", "author")
    for revision in rows[:MOST]:
        text = (
            f"{revision.name or 'A deleted API'}, revision {revision.number}, published by {revision.author}"
        )
        url = ""
        if revision.name and user.may("apis"):
            url = reverse("api-revision", args=[org.slug, revision.definition_id, revision.number])
        yield Mark(revision.created_at, text, url)
