"""API ids and listening addresses that are taken: the one look across organisations, which tells nothing but
that.

The last word on strangers is only right under the feed's lock (apis.publishing.bulk), or two publishers could each find
the other's claim missing. In the own organisation nobody else claims anything meanwhile.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Generic, NamedTuple, TypeVar

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from apis.definitions.listen_path import Address, claimed_domain, head, overlap
from apis.definitions.pointer import Problem
from apis.models import ApiDefinition, Domain, Revision
from apis.publishing.refusals import ANOTHERS_DOMAIN, SAME_ID, SAME_URL
from orgs import scope

_ADDRESS = ("domain", "listen_path", "listen_port")


class Claim(NamedTuple):
    """What nobody else may have. id: the API's in the database."""

    id: str
    api_id: str
    address: Address


class Place(NamedTuple):
    """Where an API listens. id: in the database. active: whether gateways are given it."""

    id: str
    name: str
    address: Address
    active: bool


Listening = TypeVar("Listening", Claim, Place)


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
    database id; an address if one's API listens there, above or below; a domain if it was given to one.

    A session that gateways still hold may name a deleted API, so its id must never open somebody else's.
    """
    if not claims:
        return {}
    with scope.every_org():
        owners = owners_of({claimed_domain(claim.address.domain) for claim in claims})
        others = ApiDefinition.objects.exclude(org_id=org_id)
        used = _ids(others, claims) | _used_ids(org_id, claims)
        overlapping = _taken_by(others, org_id, claims, owners)
    strange = {
        claim.id: ANOTHERS_DOMAIN
        for claim in claims
        if owners.get(claimed_domain(claim.address.domain), org_id) != org_id
    }
    return strange | _problems(
        claims, lambda claim: claim.api_id in used, lambda claim: claim.id in overlapping
    )


def owners_of(domains: Collection[str]) -> dict[str, str]:
    """{domain: the id of the organisation whose it is} of those that were given to one."""
    names = [domain for domain in domains if domain]
    if not names:
        return {}
    with scope.every_org():
        return dict(Domain.objects.filter(name__in=names).values_list("name", "org_id"))


def is_used_by_strangers(domain: str, org_id: str) -> bool:
    """Whether an API of another organisation listens on this domain alone."""
    with scope.every_org():
        return ApiDefinition.objects.filter(claimed_domain=domain).exclude(org_id=org_id).exists()


def place(api: ApiDefinition) -> Place:
    return Place(api.id, api.name, Address(api.domain, api.listen_path, api.listen_port), api.active)


def neighbours(org_id: str, wanted: Sequence[Place]) -> dict[str, list[Place]]:
    """Where those of the organisation's APIs listen whose requests the wanted ones could take, or give theirs to, in
    the order of their paths, by the database ids of the wanted, which are to be there together."""
    if not wanted:
        return {}
    own = ApiDefinition.objects.filter(org_id=org_id).exclude(id__in=[each.id for each in wanted])
    near = _near(own, [each.address for each in wanted]).values_list("id", "name", "active", *_ADDRESS)
    there = [Place(id, name, Address(*place), active) for id, name, active, *place in near]
    by_head, found = _ByHead(wanted), defaultdict(list)
    for other in sorted([*there, *wanted], key=lambda each: (each.address, each.id)):
        for each in by_head.near(other.address):
            if each.id != other.id and overlap(each.address, other.address):
                found[each.id].append(other)
    return dict(found)


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
    addresses = set(there.values_list(*_ADDRESS))
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


def _taken_by(others: QuerySet, org_id: str, claims: Sequence[Claim], owners: Mapping[str, str]) -> set[str]:
    """The database ids of the claims that overlap what others have.

    On its own domain an organisation may have any path: only who listens by a pattern could be meant too. Nobody is
    kept from having a path on no domain by what begins with a parameter, or the `/`, of a domain that was given to
    somebody: it would be all of them; nor, where all gateways look at the domain first, by anything there.
    """

    def is_at_home(claim):
        return not claim.address.port and owners.get(claimed_domain(claim.address.domain)) == org_id

    at_home = [claim for claim in claims if is_at_home(claim)]
    elsewhere = [claim for claim in claims if not is_at_home(claim)]
    apart = [claim for claim in elsewhere if settings.GATEWAY_DOMAINS_FIRST and claim.address.domain == ""]
    own = Domain.objects.filter(org_id=OuterRef("org_id"), name=OuterRef("claimed_domain"))
    asked = (
        (at_home, others.filter(claimed_domain="").exclude(domain="")),
        (apart, others.exclude(Exists(own))),
        ([claim for claim in elsewhere if claim not in apart], others.exclude(Exists(own), path_head="/")),
    )
    found: set[str] = set()
    for some, apis in asked:
        if some:
            near = _near(apis, [claim.address for claim in some]).values_list(*_ADDRESS)
            found |= _overlapping(some, (Address(*each) for each in near))
    return found


def _near(apis: QuerySet, addresses: Sequence[Address]) -> QuerySet:
    """Those that are on the ports and domains of these addresses, and above or below one of them: the rest
    of the rules (overlap) is not for the database."""
    found = apis.filter(
        _above_or_below({head(address.path) for address in addresses}),
        listen_port__in={address.port for address in addresses},
    )
    domains = {claimed_domain(address.domain) for address in addresses}
    if "" not in domains:
        found = found.filter(claimed_domain__in={*domains, ""})
    return found


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
    by_head = _ByHead(claims)
    found: set[str] = set()
    for other in others:
        for claim in by_head.near(other):
            if claim.id not in found and overlap(claim.address, other):
                found.add(claim.id)
    return found


class _ByHead(Generic[Listening]):
    """What listens, to be looked up by the heads of its paths."""

    def __init__(self, listening: Iterable[Listening]):
        self._by_head: dict[str, list[Listening]] = defaultdict(list)
        for each in listening:
            self._by_head[head(each.address.path)].append(each)
        self._ordered = sorted(self._by_head)

    def near(self, address: Address) -> Iterator[Listening]:
        """What may overlap an address: of which the head begins with its head, or that with it."""
        text = head(address.path)
        for length in range(len(text)):
            yield from self._by_head.get(text[:length], ())
        for place in range(bisect_left(self._ordered, text), len(self._ordered)):
            if not self._ordered[place].startswith(text):
                return
            yield from self._by_head[self._ordered[place]]
