"""Active APIs that name what their organisation does not have, for its home page."""

from collections.abc import Iterator
from datetime import datetime

from django.urls import reverse

from apis.models import CALLING, NAMING_POLICIES, ApiDefinition
from apis.publishing import references, serving
from orgs.models import Organisation, User
from orgs.providers.attention import Item

MOST_NAMED = 3


def items(org: Organisation, user: User, now: datetime) -> Iterator[Item]:
    """For those who may see APIs."""
    if not user.may("apis"):
        return
    naming = ApiDefinition.objects.filter(CALLING | NAMING_POLICIES, org_id=org.id, active=True)
    apis = list(naming.only("id", "org_id", "name", "calls", "policies").order_by("name", "id"))
    own = references.policy_ids(org.id, {id for api in apis for id in api.policies})
    id_of = serving.own_targets(org.id, apis)
    lacking = []
    for api in apis:
        missing = [f"the policy {id!r}" for id in api.policies if id not in own]
        missing += [f"the API {id!r}" for id in api.calls if not id_of(id)]
        if missing:
            lacking.append((api, missing))
    for api, missing in lacking[:MOST_NAMED]:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        text = f"The API {api.name} names {missing[0]}{more}, which this organisation does not have."
        yield Item(text, reverse("api-detail", args=[org.slug, api.id]))
    if (rest := len(lacking) - MOST_NAMED) > 0:
        more = "1 more API names" if rest == 1 else f"{rest} more APIs name"
        yield Item(f"{more} what this organisation does not have.", reverse("api-list", args=[org.slug]))
