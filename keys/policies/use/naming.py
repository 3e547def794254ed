"""Which definitions name a policy, and which policies they may name."""

from collections.abc import Collection

from django.db.models import Q

from apis.models import NAMING_POLICIES, ApiDefinition
from keys.models import Policy


def own(org_id: str, ids: Collection[str]) -> dict[str, str]:
    """{id: row's id} of those of these ids, of either kind, that a policy of the organisation has
    (orgs.declarations)."""
    ids = [id for id in ids if "\0" not in id]
    rows = Policy.objects.filter(Q(id__in=ids) | Q(policy_id__in=ids), org_id=org_id)
    known = {name: id for id, policy_id in rows.values_list("id", "policy_id") for name in (policy_id, id)}
    return {id: known[id] for id in ids if id in known}


def apis_naming(policy: Policy) -> list[ApiDefinition]:
    """The APIs whose definitions give the policy to tokens that others have signed, by name."""
    naming = ApiDefinition.objects.filter(NAMING_POLICIES, org_id=policy.org_id)
    named = naming.filter(policies__has_any_keys=[policy.id, policy.policy_id])
    return list(named.defer("definition_text").order_by("name", "id"))
