"""The members that OpenAPI 3.0 and 3.1 name, their types, and those that they want: of every object but schemas, which
are a language of their own (apis.definitions.oas.schemas). Pure.

From the specifications at https://spec.openapis.org/oas/ v3.0.4 and v3.1.1.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from apis.definitions.oas.operations import METHODS
from apis.definitions.pointer import Path, Problem, pointer
from apis.definitions.rules import shape

# A name that ends with "!" is wanted; "*" stands for every name.
_TEXTS = {"*": "text"}
_DOCS = {"url!": "text", "description": "text"}
_SERVER = {
    "url!": "text",
    "description": "text",
    "variables": {"*": {"default!": "text", "enum": ["text"], "description": "text"}},
}
_CONTENT: dict = {"*": {"examples": {"*": {}}, "encoding": {"*": {}}}}
_HEADER = {
    "description": "text",
    "required": "flag",
    "deprecated": "flag",
    "allowEmptyValue": "flag",
    "style": "text",
    "explode": "flag",
    "allowReserved": "flag",
    "examples": {"*": {}},
    "content": _CONTENT,
}
_PARAMETER = {"name!": "text", "in!": "text", **_HEADER}
_BODY = {"description": "text", "content!": _CONTENT, "required": "flag"}
_RESPONSE = {"description": "text", "headers": {"*": _HEADER}, "content": _CONTENT, "links": {"*": {}}}
_OPERATION = {
    "tags": ["text"],
    "summary": "text",
    "description": "text",
    "externalDocs": _DOCS,
    "operationId": "text",
    "parameters": [_PARAMETER],
    "requestBody": _BODY,
    "responses": {"*": _RESPONSE},
    "callbacks": {"*": {}},
    "deprecated": "flag",
    "security": [{"*": ["text"]}],
    "servers": [_SERVER],
}
_PATH = {
    "summary": "text",
    "description": "text",
    "servers": [_SERVER],
    "parameters": [_PARAMETER],
    **dict.fromkeys(METHODS, _OPERATION),
}
_SCHEME = {
    "type!": "text",
    "description": "text",
    "name": "text",
    "in": "text",
    "scheme": "text",
    "bearerFormat": "text",
    "openIdConnectUrl": "text",
    "flows": {
        "*": {"authorizationUrl": "text", "tokenUrl": "text", "refreshUrl": "text", "scopes": _TEXTS},
    },
}
_DOCUMENT = {
    "openapi": "text",
    "info": {
        "title": "text",
        "summary": "text",
        "description": "text",
        "termsOfService": "text",
        "contact": {"name": "text", "url": "text", "email": "text"},
        "license": {"name!": "text", "identifier": "text", "url": "text"},
        "version": "text",
    },
    "jsonSchemaDialect": "text",
    "servers": [_SERVER],
    "tags": [{"name!": "text", "description": "text", "externalDocs": _DOCS}],
    "externalDocs": _DOCS,
    "security": [{"*": ["text"]}],
    "paths": {"*": _PATH},
    "webhooks": {"*": _PATH},
    "components": {
        "schemas": {},
        "responses": {"*": _RESPONSE},
        "parameters": {"*": _PARAMETER},
        "requestBodies": {"*": _BODY},
        "headers": {"*": _HEADER},
        "examples": {"*": {}},
        "links": {"*": {}},
        "callbacks": {"*": {}},
        "securitySchemes": {"*": _SCHEME},
        "pathItems": {"*": _PATH},
    },
}


def problems(document: dict) -> list[Problem]:
    """What a document says otherwise than the standard, in document order; at most shape.MOST. Members that it does not
    name are passed over, and so are null and whatever is a reference."""
    return [
        Problem(pointer(path), fault) for path, fault in islice(_check(document, _DOCUMENT, ()), shape.MOST)
    ]


def _check(value: object, wanted: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if value is None:
        return
    if isinstance(wanted, dict):
        yield from _object(value, wanted, path)
    elif isinstance(wanted, list):
        if not isinstance(value, list):
            yield path, "must be a list"
            return
        for index, below in enumerate(value):
            yield from _check(below, wanted[0], (*path, index))
    elif wanted == "text" and not isinstance(value, str):
        yield path, "must be text"
    elif wanted == "flag" and not isinstance(value, bool):
        yield path, "must be true or false"


def _object(value: object, wanted: dict[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
    if not isinstance(value, dict):
        yield path, "must be an object"
        return
    if "$ref" in value:
        return
    for name, below in value.items():
        if name.startswith("x-"):
            continue
        yield from _check(below, wanted.get(name, wanted.get(f"{name}!", wanted.get("*"))), (*path, name))
    for name in wanted:
        if name.endswith("!") and value.get(name[:-1]) is None:
            yield (*path, name[:-1]), "is required"
