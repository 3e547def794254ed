"""What a gateway is given for one API. Pure."""

from collections.abc import Callable

from apis.definitions import kinds
from apis.definitions.document import compact


def wrapper(
    definition: dict,
    *,
    id: str,
    api_id: str,
    org_id: str,
    id_of: Callable[[str], str | None] = lambda api_id: None,
) -> bytes:
    """The feed's element (bytes) for an active API, written anew from parsed data, never text somebody sent.

    id_of: the database id of an own API by its id. Gateways of 3.x read `api_definition` alone; from
    4.1 on `oas` is read beside it and null means a classic API. A wrapper without `api_definition` would crash
    them all.
    """
    normal = kinds.normal_form(definition, id=id, api_id=api_id, org_id=org_id, active=True)
    return compact({"api_definition": kinds.classic_for_gateways(normal, id_of), "oas": None}).encode()
