"""`/api/schemas/apidefs`: what a definition looks like, as JSON schemas made from the types that gateways decode.

Only shapes: what else is judged (addresses, references, conflicts), publishing says.
"""

import json
from typing import Any

from apis.definitions.oas import document as openapi
from apis.definitions.oas.made import EXTENSION
from apis.definitions.oas.streams import STREAMING
from orgs.access import access
from orgs.http.rest import RestError, json_response

DRAFT = "http://json-schema.org/draft-07/schema#"
VERSIONS = {"": "3.0", "3.0": "3.0", "3.0.3": "3.0", "3.1": "3.1", "3.1.0": "3.1"}
_SCALARS: dict[str, dict] = {
    "string": {"type": ["string", "null"]},
    "id": {"type": ["string", "null"]},
    "duration": {"type": "string"},
    "time": {"type": "string", "format": "date-time"},
    "bool": {"type": ["boolean", "null"]},
    "int": {"type": ["integer", "null"]},
    "int64": {"type": ["integer", "null"]},
    "uint16": {"type": ["integer", "null"], "minimum": 0},
    "uint64": {"type": ["integer", "null"], "minimum": 0},
    "float64": {"type": ["number", "null"]},
    "any": {},
}


@access("key", "apis")
def schemas(request):
    """All of them by their kinds."""
    version = _version(request, "oasVersion")
    return _answer(request, {kind: _schema(kind, version) for kind in ("oas", "streams-oas", "mcp")})


@access("key", "apis")
def schema(request, kind="oas"):
    version = _version(request, "mcpVersion" if kind == "mcp" else "oasVersion")
    return _answer(request, _schema(kind, version))


def _version(request, name):
    asked = request.GET.get(name, "").strip()
    if asked not in VERSIONS:
        raise RestError(400, f"{name}: must be one of {', '.join(filter(None, VERSIONS))}")
    return VERSIONS[asked]


def _answer(request, value):
    if request.GET.get("pretty") not in ("true", "1"):
        return json_response(value)
    response = json_response(value)
    response.content = json.dumps(value, ensure_ascii=False, indent=2).encode()
    return response


def _schema(kind: str, version: str) -> dict[str, Any]:
    text = {"type": "string", "minLength": 1}
    properties: dict[str, Any] = {
        "openapi": {"type": "string", "pattern": rf"^{version.replace('.', chr(92) + '.')}\.[0-9]+"},
        "info": {
            "type": "object",
            "required": ["title", "version"],
            "properties": {"title": text, "version": text},
        },
        "paths": {"type": "object"},
        EXTENSION: _of_types(openapi.types()),
    }
    required = ["openapi", "info", EXTENSION, *(["paths"] if version == "3.0" else [])]
    if kind == "streams-oas":
        streams = {"type": "object", "additionalProperties": {"type": "object"}}
        properties[STREAMING] = {
            "type": "object",
            "required": ["streams"],
            "properties": {"streams": streams},
        }
        required.append(STREAMING)
    return {"$schema": DRAFT, "type": "object", "required": required, "properties": properties}


def _of_types(types: Any) -> dict[str, Any]:
    if isinstance(types, str):
        return _SCALARS[types]
    if isinstance(types, list):
        return {"type": ["array", "null"], "items": _of_types(types[0])}
    if "*" in types:
        return {"type": ["object", "null"], "additionalProperties": _of_types(types["*"])}
    return {"type": ["object", "null"], "properties": {name: _of_types(each) for name, each in types.items()}}
