"""Keys that have a policy, and what becomes of each when it opens nothing any more or is deleted."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import Case, Count, Exists, OuterRef, Q, QuerySet, Value, When

from keys.models import Generation, Key, KeyPolicy, KeyRight, Policy
from orgs.models import Organisation, User
from orgs.providers import blast_radius
from orgs.providers.blast_radius import MOST_KEYS, BlastRadius, Called

SHOWN = 20
# Keys are counted up to so many, of each policy of a list and of one policy.
MOST_LISTED, MOST = 1_000, 10_000

_NUMBERS = """
    SELECT asked.id, counted.number
    FROM unnest(%s::text[], %s::text[]) AS asked (org_id, id),
        LATERAL (SELECT count(*) AS number FROM (
            SELECT FROM keys_keypolicy has JOIN keys_key k ON k.org_id = has.org_id AND k.id = has.key_id
            WHERE has.org_id = asked.org_id AND has.policy_id = asked.id AND k.revoked_at IS NULL
            LIMIT %s) AS up_to) AS counted"""

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


@dataclass(frozen=True)
class Counted:
    """How many living keys have a policy: exactly, or that they are more than `number`."""

    number: int
    more: bool = False

    def __str__(self) -> str:
        return f"more than {self.number:,}" if self.more else f"{self.number:,}"


def numbers_of(policies: Sequence[Policy], most: int = MOST_LISTED) -> dict[str, Counted]:
    """How many living keys have each of these policies of one organisation, by its id; one statement, which counts
    `most` of each."""
    orgs, ids = [policy.org_id for policy in policies], [policy.id for policy in policies]
    with connection.cursor() as cursor:
        cursor.execute(_NUMBERS, [orgs, ids, most + 1])
        return {id: Counted(min(number, most), number > most) for id, number in cursor}


def of(policy: Policy, *, named: bool) -> Holders:
    """named: whether to name the first of them."""
    keys = _keys(policy)
    counted = keys.order_by().values("fate").annotate(number=Count("id"))
    counts = {row["fate"]: row["number"] for row in counted}
    first = keys.order_by("alias", "id")[:SHOWN] if named and counts else ()
    return Holders(counts, [(key, FATES[key.fate]) for key in first])


def first_of(policy: Policy) -> list[Key]:
    """The first by name."""
    having = KeyPolicy.objects.filter(org_id=OuterRef("org_id"), key_id=OuterRef("id"), policy_id=policy.id)
    living = Key.objects.filter(Exists(having), org_id=policy.org_id, revoked_at=None)
    return list(living.order_by("alias", "id")[:SHOWN])


def called(policy: Policy) -> Called:
    """The living keys that have a policy, by the tokens that they have and had."""
    having = KeyPolicy.objects.filter(org_id=policy.org_id, policy_id=policy.id).values("key_id")
    living = Key.objects.filter(org_id=policy.org_id, revoked_at=None, id__in=having)
    former = Generation.objects.filter(org_id=policy.org_id, key__in=living.exclude(allowance=""))
    hashes = list(living.values_list("token_hash", flat=True)[: MOST_KEYS + 1])
    hashes += former.values_list("token_hash", flat=True)[: MOST_KEYS + 1]
    return Called(hashes=tuple(hashes), several=True)


def radius_of(org: Organisation, user: User, policy: Policy) -> BlastRadius | None:
    """As orgs.providers.blast_radius.of."""
    return blast_radius.of(org, user, called(policy)) if blast_radius.told(user) else None


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
