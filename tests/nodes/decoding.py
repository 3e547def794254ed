"""Whether the decoder of a gateway takes an element of the feed: written from the types that each version decodes
(data/types.json) and from what Go's decoder does, and sharing nothing with the rules that judge definitions.
"""

import json
import re
from datetime import datetime
from pathlib import Path

TYPES = json.loads((Path(__file__).parent / "data" / "types.json").read_text())
EXTENSION = "x-tyk-api-gateway"
_INTEGERS = {"int": (-(2**63), 2**63), "int64": (-(2**63), 2**63), "uint16": (0, 2**16), "uint64": (0, 2**64)}

# Of an OpenAPI document what gateways are given, as 5.14 decodes it; a schema is one below itself.
_SCHEMA = {
    "$ref": "string", "type": "string", "format": "string", "pattern": "string", "enum": ["any"],
    "default": "any", "example": "any", "nullable": "bool", "uniqueItems": "bool", "readOnly": "bool",
    "writeOnly": "bool", "exclusiveMinimum": "bool", "exclusiveMaximum": "bool", "minimum": "float64",
    "maximum": "float64", "multipleOf": "float64", "minLength": "uint64", "maxLength": "uint64",
    "minItems": "uint64", "maxItems": "uint64", "minProperties": "uint64", "maxProperties": "uint64",
    "required": ["string"],
}  # fmt: skip
_SCHEMA |= {
    "allOf": [_SCHEMA],
    "anyOf": [_SCHEMA],
    "oneOf": [_SCHEMA],
    "not": _SCHEMA,
    "items": _SCHEMA,
    "properties": {"*": _SCHEMA},
    "additionalProperties": ("bool", _SCHEMA),
}
_CONTENT = {"*": {"schema": _SCHEMA, "example": "any", "examples": {"*": {"value": "any"}}}}
_PARAMETER = {
    "name": "string", "in": "string", "required": "bool", "explode": "bool", "style": "string",
    "schema": _SCHEMA, "content": _CONTENT,
}  # fmt: skip
_OPERATION = {
    "operationId": "string",
    "parameters": [_PARAMETER],
    "requestBody": {"required": "bool", "content": _CONTENT},
    "responses": {"*": {"description": "string", "content": _CONTENT, "headers": {"*": {"schema": _SCHEMA}}}},
}
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_SCHEME = {"type": "string", "scheme": "string", "bearerFormat": "string"}
_DOCUMENT = {
    "openapi": "string",
    "info": {"title": "string", "version": "string"},
    "paths": {"*": dict.fromkeys(_METHODS, _OPERATION)},
    "components": {"schemas": {"*": _SCHEMA}, "securitySchemes": {"*": _SCHEME}},
    "security": [{"*": ["string"]}],
    "x-tyk-streaming": {"*": "any"},
    EXTENSION: TYPES["5.14.0"][EXTENSION],
}


def objections(body: bytes) -> list[str]:
    """What the decoders of 3.0.12 and 5.14.0 would stop at in a feed (bytes of the JSON list): one of them anywhere,
    and a gateway takes none of the list, or skips the API."""
    found = []
    for index, element in enumerate(json.loads(body, parse_constant=_no_json)):
        for version, types in TYPES.items():
            if not isinstance(element.get("api_definition"), dict):
                found.append(f"{version}: /{index}: without a definition it crashes")
                continue
            wanted = {"api_definition": types["api_definition"]}
            if EXTENSION in types:
                wanted["oas"] = _DOCUMENT
            found += [f"{version}: /{index}{fault}" for fault in _faults(element, wanted, "")]
        found += [f"5.14.0: /{index}/oas{fault}" for fault in _unknown(element.get("oas"), _DOCUMENT, "")]
    return found


def faults(value: object, wanted: object) -> list[str]:
    """What a decoder that wants such types would stop at in a value."""
    return list(_faults(value, wanted, ""))


def _no_json(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _faults(value, wanted, place):
    """null is the zero value of nearly everything to Go."""
    if isinstance(wanted, tuple):
        tried = [list(_faults(value, each, place)) for each in wanted]
        yield from [] if [] in tried else tried[0]
    elif isinstance(wanted, str):
        if not _is(value, wanted):
            yield f"{place}: {json.dumps(value)[:60]} is no {wanted}"
    elif value is None:
        return
    elif not isinstance(value, type(wanted)):
        yield f"{place}: is no {type(wanted).__name__}"
    else:
        for name, below, kind in _below(value, wanted):
            yield from _faults(below, kind, f"{place}/{name}")


def _below(value, wanted):
    """(name, value, type) of what stands in a list or an object and is known; Go takes a member for one whose name is
    the same but for case."""
    if isinstance(wanted, list):
        return [(index, below, wanted[0]) for index, below in enumerate(value)]
    if "*" in wanted:
        return [(name, below, wanted["*"]) for name, below in value.items()]
    known = {name.casefold(): kind for name, kind in wanted.items()}
    return [
        (name, below, known[name.casefold()]) for name, below in value.items() if name.casefold() in known
    ]


def _unknown(value, wanted, place):
    """Members of a document beside the extension that 5.14 does not know, for one of which it skips the API."""
    if isinstance(wanted, tuple):
        wanted = wanted[-1]
    if isinstance(wanted, list) and isinstance(value, list):
        for index, below in enumerate(value):
            yield from _unknown(below, wanted[0], f"{place}/{index}")
    elif isinstance(wanted, dict) and isinstance(value, dict) and not place.endswith(EXTENSION):
        for name, below in value.items():
            if name not in wanted and "*" not in wanted:
                yield f"{place}/{name}: is not known"
            else:
                yield from _unknown(below, wanted.get(name, wanted.get("*")), f"{place}/{name}")


def _is(value, kind):
    if kind in ("any", "json.RawMessage"):
        return True
    if value is None:
        return kind != "time.ReadableDuration"
    if kind in _INTEGERS:
        low, high = _INTEGERS[kind]
        return type(value) is int and low <= value < high
    return _SIMPLE[kind](value)


def _is_time(value):
    try:
        return bool(re.search(r"(?:Z|[+-]\d\d:\d\d)$", value)) and bool(datetime.fromisoformat(value))
    except (TypeError, ValueError):
        return False


def _is_object_id(value):
    """An object with $oid was taken, too."""
    text = value.get("$oid") if isinstance(value, dict) else value
    return isinstance(text, str) and re.fullmatch(r"(?:[0-9a-fA-F]{24})?", text) is not None


_SIMPLE = {
    "string": lambda value: isinstance(value, str),
    "time.ReadableDuration": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "float64": lambda value: type(value) in (int, float) and abs(value) < 1.8e308,
    "time.Time": _is_time,
    "bson.ObjectId": _is_object_id,
    "model.ObjectID": _is_object_id,
    "openapi3.SecurityRequirement": lambda value: not list(_faults(value, {"*": ["string"]}, "")),
}
