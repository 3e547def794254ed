"""What is published all the same, though its author should know of it: in sentences."""

from collections.abc import Iterable, Iterator, Sequence

from django.conf import settings

from apis.definitions.listen_path import Address, claimed_domain, head, is_above
from apis.models import ApiDefinition
from apis.publishing import conflicts, serving
from apis.publishing.conflicts import Place
from orgs.http.strict_json import printable

BY_LONGEST_PATH = (
    "Gateways before 5.4 choose the longest path whatever the domain: what is sent to {domain} goes to whoever listens "
    "on such a path without a domain, in another organisation too."
)
MOST_SHOWN = 20  # sentences about one API
SHOWN = 5  # APIs that one names


def of(api: ApiDefinition) -> list[str]:
    """What gateways will not do as its definition says, at the moment; of its own organisation alone."""
    found = alone(api)
    here = conflicts.place(api).address
    if other := conflicts.beside(here, api.org_id, but=api.id):
        found.append(_beside(here, conflicts.place(other)))
    return found


def alone(api: ApiDefinition) -> list[str]:
    """What is not there of the APIs and policies that its definition names, and what its own address brings."""
    found = _root_of_domain(api)
    found += [
        f"There is no API {id!r} in this organisation yet: gateways answer 500 to what is sent there."
        for id in map(printable, serving.missing_targets(api))
    ]
    return found + [
        f"There is no policy {id!r} in this organisation yet: gateways refuse tokens that are given no other."
        for id in map(printable, serving.missing_policies(api))
    ]


def _root_of_domain(api: ApiDefinition) -> list[str]:
    """3.0.12 was seen to choose so; 5.14.0 looks at the domain first (from 5.4 on, gateway/api_loader.go)."""
    if settings.GATEWAY_DOMAINS_FIRST or head(api.listen_path) != "/" or not claimed_domain(api.domain):
        return []
    return [BY_LONGEST_PATH.format(domain=api.domain)]


def overlaps(place: Place, others: Iterable[Place]) -> list[str]:
    """What becomes of requests that could go to one of several APIs of an organisation (conflicts.neighbours)."""
    here, found = place.address, list(others)
    served = [each for each in found if each.active and each.address != here and not _is_beside(each, here)]
    above = [each for each in served if is_above(each.address, here)]
    below = [each for each in served if is_above(here, each.address)]
    rest = [each for each in served if each not in above and each not in below]
    same = [each for each in found if each.address == here]
    told = [_beside(here, each) for each in found if each.active and _is_beside(each, here)]
    if same:
        told.append(f"Listens where {_some(same)} does.")
    if not place.active:
        return told
    if above:
        told.append(f"Lies below {_some(above)}: what is sent to {here.path} comes here, and not there.")
    if below:
        told.append(f"Lies above {_some(below)}: what is sent there goes there, and does not come here.")
    if rest:
        told.append(f"Overlaps {_some(rest)}: a request that fits several goes to one of them.")
    return told


def _is_beside(other: Place, here: Address) -> bool:
    """Whether it listens on the same path but for a slash at its end."""
    paths = other.address.path.removesuffix("/"), here.path.removesuffix("/")
    same = other.address._replace(path="") == here._replace(path="")
    return same and paths[0] == paths[1] and other.address.path != here.path


def _beside(here: Address, other: Place) -> str:
    there = other.address.path
    return (
        f"The API {printable(other.name)!r} listens on {there}, this one on {here.path}: what lies below "
        f"{max(there, here.path)} comes to the one with the slash at its end."
    )


def _some(places: Sequence[Place]) -> str:
    return ", ".join(_named(places))


def _named(places: Sequence[Place]) -> Iterator[str]:
    for each in places[:SHOWN]:
        where = f"{each.address.domain}{each.address.path}" or f"port {each.address.port}"
        yield f"the API {printable(each.name)!r} ({printable(where)})"
    if len(places) > SHOWN:
        yield f"and {len(places) - SHOWN:,} more"
