"""Which definitions name a policy, and which policies they may name."""

from collections.abc import Collection

from django.db.models import Q

from apis.definitions import kinds
from apis.models import ApiDefinition
from keys.models import Policy


def own(org_id: str, ids: Collection[str]) -> set[str]:
    """Those of these ids, of either kind, that a policy of the organisation has (orgs.declarations)."""
    ids = [id for id in ids if "\0" not in id]
    rows = Policy.objects.filter(Q(id__in=ids) | Q(policy_id__in=ids), org_id=org_id)
    return {id for pair in rows.values_list("id", "policy_id") for id in pair} & set(ids)


def apis_naming(policy: Policy) -> list[ApiDefinition]:
    """The APIs whose definitions give the policy to tokens that others have signed, by name."""
    ids = {policy.id, policy.policy_id}
    rows = ApiDefinition.objects.filter(org_id=policy.org_id).order_by("name", "id")
    mentioning = rows.filter(
        Q(definition_text__contains=policy.id) | Q(definition_text__contains=policy.policy_id)
    )
    return [api for api in mentioning if ids & {id for _, id in kinds.policies(api.definition)}]
