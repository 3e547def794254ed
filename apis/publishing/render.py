"""What a gateway is given for one API. Pure."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from apis.definitions import kinds
from apis.definitions.document import compact


def wrapper(
    definition: dict,
    *,
    id: str,
    api_id: str,
    org_id: str,
    id_of: Callable[[str], str | None] = lambda api_id: None,
    policy_ids: Mapping[str, str] = MappingProxyType({}),
) -> bytes:
    """The feed's element (bytes) for an active API, written anew from parsed data, never text somebody sent.

    id_of: the database id of an own API by its id. policy_ids: those of own policies by either ID. Gateways of 3.x read
    `api_definition` alone; from 4.1 on `oas` is read beside it and null means a classic API. A wrapper without
    `api_definition` would crash them all.
    """
    normal = kinds.normal_form(definition, id=id, api_id=api_id, org_id=org_id, active=True)
    served = kinds.classic_for_gateways(normal, id_of, policy_ids)
    return compact({"api_definition": served, "oas": kinds.document_for_gateways(normal)}).encode()
