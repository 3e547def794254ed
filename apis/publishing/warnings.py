"""What is published all the same, though its author should know of it: in sentences."""

from apis.definitions.listen_path import Address
from apis.models import ApiDefinition
from apis.publishing import conflicts, serving
from orgs.http.strict_json import printable


def of(api: ApiDefinition) -> list[str]:
    """What gateways will not do as its definition says, at the moment; of its own organisation alone."""
    found = [
        f"There is no API {id!r} in this organisation yet: gateways answer 500 to what is sent there."
        for id in map(printable, serving.missing_targets(api))
    ]
    found += [
        f"There is no policy {id!r} in this organisation yet: gateways refuse tokens that are given no other."
        for id in map(printable, serving.missing_policies(api))
    ]
    address = Address(api.domain, api.listen_path, api.listen_port)
    if other := conflicts.beside(address, api.org_id, but=api.id):
        found.append(
            f"The API {printable(other.name)!r} listens on {other.listen_path}, this one on {api.listen_path}: "
            f"what lies below {max(other.listen_path, api.listen_path)} comes to the one with the slash at its end."
        )
    return found
