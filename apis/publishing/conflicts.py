"""API ids and listening addresses that are taken: the one look across organisations, which tells nothing but
that.

The last word on strangers is only right under the feed's lock (apis.publishing.bulk), or two publishers could each find
the other's claim missing. In the own organisation nobody else claims anything meanwhile.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from functools import reduce
from operator import or_
from typing import NamedTuple

from django.db.models import Q, QuerySet

from apis.definitions.listen_path import Address, claimed_domain, head, overlap
from apis.definitions.pointer import Problem
from apis.models import ApiDefinition, Revision
from apis.publishing.refusals import SAME_ID, SAME_URL
from orgs import scope


class Claim(NamedTuple):
    """What nobody else may have. id: the API's in the database."""

    id: str
    api_id: str
    address: Address


def taken(org_id: str, claims: Sequence[Claim], leaving: Collection[str] = ()) -> dict[str, Problem]:
    """Why APIs cannot have what they claim, by their database ids: two of them claim the same (the later is told), an
    own API has it, or a stranger (`by_strangers`). leaving: the database ids of own APIs that are to go with this
    change.

    Inactive APIs keep what they have, so that each can be activated at any time.
    """
    found: dict[str, Problem] = {}
    own = _by_own(org_id, claims, {*leaving, *(claim.id for claim in claims)})
    for some in (_by_each_other(claims), own, by_strangers(org_id, claims)):
        found |= {id: problem for id, problem in some.items() if found.get(id) != SAME_ID}
    return found


def by_strangers(org_id: str, claims: Sequence[Claim]) -> dict[str, Problem]:
    """The same for other organisations alone: an id is one's for good that any API has or had, by its own or its
    database id; an address if one's API listens there, above or below.

    A session that gateways still hold may name a deleted API, so its id must never open somebody else's.
    """
    if not claims:
        return {}
    with scope.every_org():
        others = ApiDefinition.objects.exclude(org_id=org_id)
        used = _ids(others, claims) | _used_ids(org_id, claims)
        overlapping = _overlapping(claims, _near(others, [claim.address for claim in claims]))
    return _problems(claims, lambda claim: claim.api_id in used, lambda claim: claim.id in overlapping)


def beside(address: Address, org_id: str, *, but: str) -> ApiDefinition | None:
    """The API of the organisation that listens on the same path but for a slash at its end: gateways serve both, and
    requests for the path itself go to the one without."""
    other = address.path.removesuffix("/") if address.path.endswith("/") else f"{address.path}/"
    same = ApiDefinition.objects.filter(org_id=org_id, domain=address.domain, listen_port=address.port)
    return same.filter(listen_path=other or None).exclude(id=but).defer("definition_text").first()


def _by_each_other(claims):
    ids, seen = {claim.id for claim in claims}, set()

    def is_new(what):
        return what not in seen and not seen.add(what)

    return _problems(
        claims,
        lambda claim: not is_new(claim.api_id) or (claim.api_id != claim.id and claim.api_id in ids),
        lambda claim: not is_new(claim.address),
    )


def _by_own(org_id, claims, but):
    if not claims:
        return {}
    own = ApiDefinition.objects.filter(org_id=org_id).exclude(id__in=but)
    used = _ids(own, claims)
    there = own.filter(
        listen_path__in={claim.address.path for claim in claims},
        listen_port__in={claim.address.port for claim in claims},
    )
    addresses = set(there.values_list("domain", "listen_path", "listen_port"))
    return _problems(claims, lambda claim: claim.api_id in used, lambda claim: claim.address in addresses)


def _problems(claims, has_id, has_address):
    found = {}
    for claim in claims:
        same_id, same_url = has_id(claim), has_address(claim)
        if same_id or same_url:
            found[claim.id] = SAME_ID if same_id else SAME_URL
    return found


def _ids(apis: QuerySet, claims: Sequence[Claim]) -> set[str]:
    wanted = {claim.api_id for claim in claims}
    having = apis.filter(Q(api_id__in=wanted) | Q(id__in=wanted)).values_list("api_id", "id")
    return {id for both in having for id in both}


def _used_ids(org_id: str, claims: Sequence[Claim]) -> set[str]:
    used = Revision.objects.filter(api_id__in={claim.api_id for claim in claims}).exclude(org_id=org_id)
    return set(used.values_list("api_id", flat=True).distinct())


def _near(apis: QuerySet, addresses: Sequence[Address]) -> Iterable[Address]:
    """Where those listen that are on the ports and domains of these addresses, and above or below one of them: the rest
    of the rules (overlap) is not for the database."""
    found = apis.filter(
        _above_or_below({head(address.path) for address in addresses}),
        listen_port__in={address.port for address in addresses},
    )
    domains = {claimed_domain(address.domain) for address in addresses}
    if "" not in domains:
        found = found.filter(claimed_domain__in={*domains, ""})
    return (Address(*each) for each in found.values_list("domain", "listen_path", "listen_port"))


def _above_or_below(heads: Collection[str]) -> Q:
    """Those with which a path of one of these heads may overlap: all without parameters do."""
    tops: list[str] = []
    for each in sorted(heads):
        if not tops or not each.startswith(tops[-1]):
            tops.append(each)
    above = {top[:length] for top in tops for length in range(len(top))}
    return reduce(or_, (Q(path_head__startswith=top) for top in tops), Q(path_head__in=above))


def _overlapping(claims: Sequence[Claim], others: Iterable[Address]) -> set[str]:
    """The database ids of those claims that overlap one of these addresses."""
    by_head: dict[str, list[Claim]] = defaultdict(list)
    for claim in claims:
        by_head[head(claim.address.path)].append(claim)
    heads = sorted(by_head)
    found: set[str] = set()
    for other in others:
        for near in _heads_near(head(other.path), by_head, heads):
            for claim in by_head[near]:
                if claim.id not in found and overlap(claim.address, other):
                    found.add(claim.id)
    return found


def _heads_near(text: str, known: Collection[str], ordered: Sequence[str]) -> Iterable[str]:
    """Those of the known heads (and the same in order) with which this one begins, and that begin with it."""
    yield from (text[:length] for length in range(len(text)) if text[:length] in known)
    for place in range(bisect_left(ordered, text), len(ordered)):
        if not ordered[place].startswith(text):
            return
        yield ordered[place]
