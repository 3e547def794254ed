"""API ids and listening addresses that are taken: the one look across organisations, which tells nothing but
that.

Only right under the feed's lock (apis.publishing.publish), or two publishers could each find the other's claim missing.
"""

from django.db.models import Q

from apis.definitions.listen_path import Address, overlap, same
from apis.models import ApiDefinition, Revision
from orgs import scope


def api_id_is_taken(api_id: str, org_id: str, *, but: str | None = None) -> bool:
    """Whether any organisation has an API of this id, by its own or its database id, or another one ever had. but:
    a database id to pass over.

    A session that gateways still hold may name a deleted API, so its id must never open somebody else's.
    """
    with scope.every_org():
        if ApiDefinition.objects.filter(Q(api_id=api_id) | Q(id=api_id)).exclude(id=but).exists():
            return True
        return Revision.objects.filter(api_id=api_id).exclude(org_id=org_id).exists()


def address_is_taken(address: Address, org_id: str, *, but: str | None = None) -> bool:
    """Whether an API cannot listen here: one of its own does, or another organisation's does above or below.

    Inactive APIs keep their address, so that each can be activated at any time.
    """
    with scope.every_org():
        others = ApiDefinition.objects.exclude(id=but).values_list(
            "org_id", "domain", "listen_path", "listen_port"
        )
        return any(
            same(address, Address(*other)) if owner == org_id else overlap(address, Address(*other))
            for owner, *other in others
        )
