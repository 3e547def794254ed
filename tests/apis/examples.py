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


_OPENAPI = {
    "openapi": "3.0.3",
    "info": {"title": "Orders", "version": "1"},
    "paths": {
        "/orders": {
            "get": {"operationId": "list", "responses": {"200": {"description": "All"}}},
            "post": {
                "operationId": "order",
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "required": ["what"],
                                "properties": {"what": {"type": "string"}},
                            }
                        }
                    }
                },
                "responses": {"200": {"description": "Done"}},
            },
        },
        "/orders/{id}": {"get": {"operationId": "read", "responses": {"200": {"description": "One"}}}},
    },
    "components": {"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "Authorization"}}},
    "security": [{"key": []}],
}


def openapi(listen_path="/orders/", *, operations=None, extension=None, **members):
    """A document that gateways serve, callers by token; `members` replace or add some. operations: what the extension
    has of them, by operationId. extension: its sections, each put into the one there is."""
    made = copy.deepcopy(_OPENAPI)
    server = {
        "listenPath": {"value": listen_path, "strip": True},
        "authentication": {"enabled": True, "securitySchemes": {"key": {"enabled": True}}},
    }
    said = {
        "info": {"name": "Orders", "state": {"active": True}},
        "server": server,
        "upstream": {"url": "http://upstream.example/"},
    }
    if operations:
        said["middleware"] = {"operations": operations}
    for name, section in (extension or {}).items():
        said[name] = {**said.get(name, {}), **section} if isinstance(section, dict) else section
    return made | {"x-tyk-api-gateway": said} | members
