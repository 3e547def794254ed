"""What a gateway says that it runs, asked for at its control API, by what things are called there."""

import json

from django.conf import settings

from dashboard.nodes.confirming import control
from dashboard.nodes.confirming.control import ControlFault
from dashboard.nodes.models import GatewayControl

_VERSION = 60  # characters


def version(row: GatewayControl) -> str:
    """What the gateway says of its version, to whoever asks; "" if that is nothing to show. Raises ControlFault."""
    try:
        said = json.loads(control.ask(row.url, "/hello", "", settings.GATEWAY_CONTROL_NETWORKS))["version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return said[:_VERSION] if isinstance(said, str) and said.isprintable() else ""


def apis(row: GatewayControl, secret: str) -> dict[str, dict]:
    """The classic definitions that the gateway has loaded, by API ID; proxies of MCP are listed for whoever asks for
    them alone. Raises ControlFault.

    OAS documents are not asked for: a gateway (5.14: gateway/api_helpers.go, handleGetOASList) makes them anew from the
    classic halves then, in what it runs and under no lock that requests take. So the answer would tell nothing that the
    classic halves do not, and asking ended a process with requests by JSON Web Tokens within 40 s (seen).
    """
    listed = _listed(row, "/tyk/apis/?include_types=mcp", secret, "APIs")
    return {api["api_id"]: api for api in listed if isinstance(api.get("api_id"), str)}


def policies(row: GatewayControl, secret: str) -> dict[tuple[str, str], dict] | None:
    """The policies that the gateway has loaded, by organisation and the name that it finds each by; None where its
    version does not tell them (from 4.1 on they do). Raises ControlFault."""
    try:
        listed = _listed(row, "/tyk/policies", secret, "policies")
    except ControlFault as fault:
        if fault.status == 404:
            return None
        raise
    return {policy_place(policy): policy for policy in listed}


def policy_place(policy: dict) -> tuple[str, str]:
    """What gateways keep a policy under: one without an `id` of its own is found by its `_id`."""
    return str(policy.get("org_id") or ""), str(policy.get("id") or policy.get("_id") or "")


def _listed(row: GatewayControl, path: str, secret: str, what: str) -> list[dict]:
    answer = control.ask(row.url, path, secret, settings.GATEWAY_CONTROL_NETWORKS)
    try:
        listed = json.loads(answer)
    except (ValueError, RecursionError):
        raise ControlFault("its answer is no JSON") from None
    if listed is None:
        listed = []
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise ControlFault(f"its answer is no list of {what}")
    return listed
