"""Policy ids that are taken: the one look across organisations, which tells nothing but that.

The last word on strangers is only right under the lock of the list's number (keys.policies.serving.lock), or two could
each find the other's claim missing. In the own organisation nobody else claims anything meanwhile.
"""

from collections.abc import Collection, Sequence
from typing import Protocol

from django.db.models import Q

from keys.models import Policy, PolicyRevision
from orgs import scope


class Draft(Protocol):
    """What is to be stored (keys.policies.storing.Draft)."""

    @property
    def policy(self) -> Policy: ...
    @property
    def claims(self) -> bool: ...
    @property
    def pointer(self) -> str: ...


def taken(org_id: str, drafts: Sequence[Draft]) -> list[str]:
    """The pointers of those drafts which claim an id that another policy of the organisation has, be it of these drafts
    or not, or that another organisation has or ever had."""
    claiming = [draft for draft in drafts if draft.claims]
    if not claiming:
        return []
    names = {name for draft in claiming for name in _names(draft)}
    others = Policy.objects.filter(Q(id__in=names) | Q(policy_id__in=names), org_id=org_id).exclude(
        id__in=[draft.policy.id for draft in drafts if not draft.policy._state.adding]
    )
    used = {name for both in others.values_list("id", "policy_id") for name in both}
    used |= strangers_have(org_id, names)
    used |= {name for draft in drafts if not draft.claims for name in _names(draft)}
    found = []
    for draft in claiming:
        if used & _names(draft):
            found.append(draft.pointer)
        used |= _names(draft)
    return found


def claimed_by_strangers(org_id: str, claiming: Sequence[Draft]) -> list[str]:
    """The pointers of those of which another organisation has or ever had an id."""
    if not claiming:
        return []
    theirs = strangers_have(org_id, {name for draft in claiming for name in _names(draft)})
    return [draft.pointer for draft in claiming if theirs & _names(draft)]


def strangers_have(org_id: str, names: Collection[str]) -> set[str]:
    """The ids of policies that other organisations have or ever had, of those which have one of these.

    A session that gateways still hold, or a claim in a token, may name a deleted policy, so its id must never mean
    somebody else's.
    """
    with scope.every_org():
        strangers = PolicyRevision.objects.exclude(org_id=org_id)
        theirs = strangers.filter(Q(policy_row_id__in=names) | Q(policy_id__in=names))
        return {name for both in theirs.values_list("policy_row_id", "policy_id").distinct() for name in both}


def _names(draft: Draft) -> set[str]:
    return {draft.policy.id, draft.policy.policy_id}
