"""Keys that have a policy, and what becomes of each when it opens nothing any more or is deleted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Case, Count, Exists, OuterRef, Q, QuerySet, Value, When

from keys.models import Key, KeyPolicy, KeyRight, Policy

SHOWN = 20

# What becomes of a key without the policy, in the words of the page.
FATES = {
    "others": "left with other policies that open APIs",
    "limits": "left with policies that only limit, and nothing to open",
    "own": "left with own rights",
    "nothing": "left with nothing to open",
}


@dataclass(frozen=True)
class Holders:
    """The living keys that have a policy. counts: how many of them have each fate of FATES; first: the first by name,
    each with the words of its fate; none where whoever looks may not see keys."""

    counts: dict[str, int]
    first: Sequence[tuple[Key, str]]

    @property
    def number(self) -> int:
        return sum(self.counts.values())

    @property
    def more(self) -> int:
        return self.number - len(self.first)

    @property
    def fates(self) -> list[tuple[int, str]]:
        """(how many keys, what becomes of them), for those that there are."""
        return [(self.counts[fate], words) for fate, words in FATES.items() if self.counts.get(fate)]

    @property
    def losing(self) -> int:
        """How many have no other policy that opens something."""
        return self.number - self.counts.get("others", 0)


def numbers_of(policies: Iterable[Policy]) -> dict[str, int]:
    """How many living keys have each of these policies of one organisation, by its id; one statement."""
    listed = list(policies)
    rows = (
        KeyPolicy.objects.filter(
            org_id__in={policy.org_id for policy in listed},
            policy_id__in=[policy.id for policy in listed],
            key__revoked_at=None,
        )
        .values("policy_id")
        .annotate(number=Count("id"))
        .order_by()
    )
    return {row["policy_id"]: row["number"] for row in rows}


def of(policy: Policy, *, named: bool) -> Holders:
    """named: whether to name the first of them."""
    keys = _keys(policy)
    counted = keys.order_by().values("fate").annotate(number=Count("id"))
    counts = {row["fate"]: row["number"] for row in counted}
    first = keys.order_by("alias", "id")[:SHOWN] if named and counts else ()
    return Holders(counts, [(key, FATES[key.fate]) for key in first])


def _keys(policy: Policy) -> QuerySet[Key]:
    """Living keys that have the policy, each with its `fate`."""
    having = KeyPolicy.objects.filter(org_id=policy.org_id, policy_id=policy.id)
    others = KeyPolicy.objects.filter(org_id=policy.org_id, key_id=OuterRef("id")).exclude(
        policy_id=policy.id
    )
    rights = KeyRight.objects.filter(org_id=policy.org_id, key_id=OuterRef("id"))
    fate = Case(
        When(Exists(others.filter(policy__grants_rights=True)), then=Value("others")),
        When(Exists(others), then=Value("limits")),
        When(Q(all_apis=True) | Exists(rights), then=Value("own")),
        default=Value("nothing"),
    )
    living = Key.objects.filter(org_id=policy.org_id, revoked_at=None, id__in=having.values("key_id"))
    return living.annotate(fate=fate)
