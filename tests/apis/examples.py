"""Definitions for tests."""

import base64
import copy

_PLAIN = {
    "name": "Payments",
    "api_id": "",
    "org_id": "",
    "use_keyless": False,
    "use_standard_auth": True,
    "auth": {"auth_header_name": "Authorization"},
    "definition": {"location": "header", "key": "x-api-version"},
    "version_data": {
        "not_versioned": True,
        "versions": {"Default": {"name": "Default", "use_extended_paths": True, "extended_paths": {}}},
    },
    "proxy": {
        "listen_path": "/payments/",
        "target_url": "http://upstream.example/",
        "strip_listen_path": True,
    },
    "active": True,
}


def plain(listen_path="/payments/", **members):
    """A definition that gateways serve; `members` replace or add some."""
    made = copy.deepcopy(_PLAIN)
    made["proxy"]["listen_path"] = listen_path
    return made | members


def as_served(definition):
    """A definition without rewrites and templates as gateways are given it: no caller reaches APIs by a header."""
    made = copy.deepcopy(definition)
    for version in ((made.get("version_data") or {}).get("versions") or {}).values():
        version["global_headers_remove"] = [*(version.get("global_headers_remove") or []), "X-Tyk-Internal"]
    return made


def b64(text):
    return base64.b64encode(text.encode()).decode()
