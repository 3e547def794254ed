"""API ids and listening addresses that are taken: the one look across organisations, which tells nothing but
that.

The last word is only right under the feed's lock (apis.publishing.publish), or two publishers could each find the
other's claim missing.
"""

from django.db.models import Q

from apis.definitions.listen_path import Address, claimed_domain, head, overlap
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
        others = ApiDefinition.objects.exclude(id=but).filter(listen_port=address.port)
        own = others.filter(org_id=org_id, domain=address.domain, listen_path=address.path)
        if own.exists():
            return True
        near = others.exclude(org_id=org_id).filter(_above_or_below(head(address.path)))
        if domain := claimed_domain(address.domain):
            near = near.filter(claimed_domain__in=(domain, ""))
        found = near.values_list("domain", "listen_path", "listen_port")
        return any(overlap(address, Address(*other)) for other in found)


def beside(address: Address, org_id: str, *, but: str) -> ApiDefinition | None:
    """The API of the organisation that listens on the same path but for a slash at its end: gateways serve both, and
    requests for the path itself go to the one without."""
    other = address.path.removesuffix("/") if address.path.endswith("/") else f"{address.path}/"
    same = ApiDefinition.objects.filter(org_id=org_id, domain=address.domain, listen_port=address.port)
    return same.filter(listen_path=other or None).exclude(id=but).defer("definition_text").first()


def _above_or_below(text: str) -> Q:
    """Those with which a path of this head may overlap: all without parameters do."""
    return Q(path_head__startswith=text) | Q(path_head__in=[text[:length] for length in range(len(text))])
