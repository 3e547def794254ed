"""Policy ids that are taken: the one look across organisations, which tells nothing but that.

The last word is only right under the lock of the list's number (keys.policies.serving.lock), or two could each find the
other's claim missing.
"""

from django.db.models import Q

from keys.models import Policy, PolicyRevision
from orgs import scope


def id_is_taken(policy: Policy) -> bool:
    """Whether another policy of any organisation has an id of this one, or another organisation's ever had.

    A session that gateways still hold, or a claim in a token, may name a deleted policy, so its id must never mean
    somebody else's.
    """
    names = {policy.id, policy.policy_id}
    with scope.every_org():
        others = Policy.objects.exclude(org_id=policy.org_id, id=policy.id)
        if others.filter(Q(id__in=names) | Q(policy_id__in=names)).exists():
            return True
        strangers = PolicyRevision.objects.exclude(org_id=policy.org_id)
        return strangers.filter(Q(policy_row_id__in=names) | Q(policy_id__in=names)).exists()
