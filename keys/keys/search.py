"""Finding keys: what the list, its CSV and REST have in common."""

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from keys.models import Key, KeyRight, in_state

# A subquery and not a join: it is left out where keys are only counted.
_APIS_NAMED = Coalesce(
    Subquery(
        KeyRight.objects.filter(org_id=OuterRef("org_id"), key_id=OuterRef("id"))
        .order_by()
        .values("key_id")
        .annotate(number=Count("id"))
        .values("number")
    ),
    0,
)


def found(*, text: str = "", state: str = "", api_id: str = "") -> QuerySet[Key]:
    """Keys in scope, newest first. `text`: part of the name or the owner, or the start of the token's hash.
    `state`: one of STATES. `api_id`: those that may open this API. Each has `apis_named`, the number of its
    own rights."""
    keys = Key.objects.annotate(apis_named=_APIS_NAMED).order_by("-created_at", "-id")
    if text:
        keys = keys.filter(
            Q(alias__icontains=text) | Q(owner__icontains=text) | Q(token_hash__startswith=text.lower())
        )
    if state:
        keys = in_state(keys, state, timezone.now())
    if api_id:
        named = KeyRight.objects.filter(api__api_id=api_id).values("key_id")
        keys = keys.filter(Q(all_apis=True) | Q(id__in=named))
    return keys
