"""What a gateway is given for one API."""

from apis.definition import normal_form
from apis.document import compact


def wrapper(definition: dict, *, id: str, api_id: str, org_id: str) -> bytes:
    """The feed's element (bytes) for an active API, written anew from parsed data, never text somebody sent.

    Gateways of 3.x read `api_definition` alone; from 4.1 on `oas` is read beside it and null means a classic
    API. A wrapper without `api_definition` would crash them all.
    """
    element = {
        "api_definition": normal_form(definition, id=id, api_id=api_id, org_id=org_id, active=True),
        "oas": None,
    }
    return compact(element).encode()
