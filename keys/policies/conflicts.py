"""Policy ids that are taken: the one look across organisations, which tells nothing but that.

The last word on strangers is only right under the lock of the list's number (keys.policies.serving.lock), or two could
each find the other's claim missing. In the own organisation nobody else claims anything meanwhile.
"""

from collections.abc import Collection

from django.db.models import Q

from keys.models import Policy, PolicyRevision
from orgs import scope


def id_is_taken(policy: Policy) -> bool:
    """Whether another policy of the organisation has an id of this one, or another organisation has or ever had."""
    names = {policy.id, policy.policy_id}
    others = Policy.objects.filter(Q(id__in=names) | Q(policy_id__in=names), org_id=policy.org_id)
    if not policy._state.adding:
        others = others.exclude(id=policy.id)
    return others.exists() or strangers_have(policy.org_id, names)


def strangers_have(org_id: str, names: Collection[str]) -> bool:
    """Whether a policy of another organisation has or ever had one of these ids.

    A session that gateways still hold, or a claim in a token, may name a deleted policy, so its id must never mean
    somebody else's.
    """
    with scope.every_org():
        strangers = PolicyRevision.objects.exclude(org_id=org_id)
        return strangers.filter(Q(policy_row_id__in=names) | Q(policy_id__in=names)).exists()
