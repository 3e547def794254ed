"""The definition that every new API starts from, and the few members that pages say of each."""

import copy

from apis.definitions.authentication import KEYLESS, TOKEN, ways

# The least that 3.0.12 and 5.14 load and serve: one version entry is needed even by an API without versions.
_NEW = {
    "name": "",
    "api_id": "",
    "org_id": "",
    "active": True,
    "use_keyless": False,
    "use_standard_auth": True,
    "auth": {"auth_header_name": "Authorization"},
    "definition": {"location": "header", "key": "x-api-version"},
    "version_data": {
        "not_versioned": True,
        "versions": {"Default": {"name": "Default", "use_extended_paths": True, "extended_paths": {}}},
    },
    "proxy": {"listen_path": "", "target_url": "", "strip_listen_path": True, "preserve_host_header": False},
}


def new() -> dict:
    """The definition that every new API starts from; its name, listen path and target URL are still empty."""
    return copy.deepcopy(_NEW)


def fields(definition: dict) -> dict:
    """What pages say of a definition. authentication: "token", "keyless" or "other"."""
    proxy, auth, limit = (_object(definition, name) for name in ("proxy", "auth", "global_rate_limit"))
    return {
        "name": definition.get("name") or "",
        "listen_path": proxy.get("listen_path") or "",
        "target_url": proxy.get("target_url") or "",
        "strip_listen_path": bool(proxy.get("strip_listen_path")),
        "domain": definition.get("domain") or "",
        "authentication": authentication(definition),
        "auth_header_name": _token_header(definition) or auth.get("auth_header_name") or "",
        "rate": limit.get("rate") or 0,
        "per": limit.get("per") or 0,
        "active": bool(definition.get("active")),
    }


def authentication(definition: dict) -> str:
    """What pages say of the ways in which callers prove who they are: "token", "keyless" or "other"."""
    found = ways(definition)
    return found if found in (TOKEN, KEYLESS) else "other"


def _token_header(definition: dict) -> str | None:
    """The header named in `auth_configs`, which gateways prefer to `auth`; None where it is not there."""
    token = _object(definition, "auth_configs").get("authToken")
    return token.get("auth_header_name", "") if isinstance(token, dict) else None


def _object(definition: dict, name: str) -> dict:
    """The member `name`; empty where it is no object, as in a text that is still being written."""
    return definition[name] if isinstance(definition.get(name), dict) else {}
