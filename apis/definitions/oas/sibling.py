"""What gateways from 4.1 on are given of a document beside the classic definition: only what they take from there.

Of everything in the extension 5.14 acts on `mockResponse`, `validateRequest` and, for JSON Web Tokens, on what the
scheme says of claims (seen; without a scheme each call of such an API panics), and where callers may choose among
several ways to prove who they are, on which schemes those are. Streams and what is called by MCP it
knows from there, too. An API that has none of them runs by its classic definition alone. Pure.
"""

import re
from typing import Any, NamedTuple

from apis.definitions.oas import mcp, operations, schemas, streams
from apis.definitions.oas.made import EXTENSION
from apis.definitions.oas.operations import OPERATIONS, Operation
from apis.definitions.pointer import Path, Problem, pointer
from apis.definitions.rules.schemas import faults as rings

VERSION = "3.0.3"
MOST_SCHEMAS = 10_000  # with all references followed
_PARAMETER = re.compile(r"\{([A-Za-z0-9_-][A-Za-z0-9_.-]*)\}")
_PLACES = ("path", "query", "header", "cookie")
_STYLES = ("matrix", "label", "form", "simple", "spaceDelimited", "pipeDelimited", "deepObject")
CLAIMS_OF_5 = (
    "allowedIssuers",
    "allowedAudiences",
    "allowedSubjects",
    "jtiValidation",
    "customClaimValidation",
)
CLAIMS = ("subjectClaims", "identityBaseField", "basePolicyClaims", "policyFieldName", *CLAIMS_OF_5)


class Sibling(NamedTuple):
    """document: what gateways are given, None for nothing. problems: what keeps it from being given. unchecked: paths
    of members of schemas that gateways do not look at."""

    document: dict[str, Any] | None
    problems: list[Problem]
    unchecked: list[Path]


def of(document: dict, jwt: str, alternatives: list[list[str]], *, judged: bool = False) -> Sibling:
    """The Sibling of a document whose extension is of the right types. jwt: the name of the scheme by which its tokens
    are judged, "" for none. alternatives: of the names of schemes, of which callers choose one; empty where there is
    nothing to choose. judged: whether its extent is looked at, too, which takes long for large ones."""
    named = operations.found(document)
    said = _said(document, named)
    primitives, streaming = mcp.given(document), streams.given(document)
    if not (said or jwt or alternatives) and primitives is None and streaming is None:
        return Sibling(None, [], [])
    writer = schemas.Writer(document)
    extension: dict[str, Any] = {
        "info": {"name": "oas", "state": {"active": True}},
        "server": {"listenPath": {"value": "/"}},
        "upstream": {"url": ""},
    }
    made: dict[str, Any] = {
        "openapi": VERSION,
        "info": {"title": "oas", "version": "1"},
        "paths": _paths(document, named, said, writer),
    }
    if said or primitives:
        extension["middleware"] = ({"operations": said} if said else {}) | (primitives or {})
    if streaming is not None:
        made[streams.STREAMING] = streaming
    components: dict[str, Any] = {}
    if jwt or alternatives:
        wanted = alternatives or [[jwt]]
        schemes = components["securitySchemes"] = _schemes(document, wanted, writer)
        # A document that names a scheme which it does not have is skipped; the extension may.
        made["security"] = [{name: [] for name in names} for names in wanted if schemes.keys() >= {*names}]
        others = [names for names in wanted if not schemes.keys() >= {*names}]
        extension["server"]["authentication"] = _authentication(document, jwt, alternatives, others)
    writer.write_components()
    if writer.components:
        components["schemas"] = writer.components
    whole = made | ({"components": components} if components else {}) | {EXTENSION: extension}
    if judged and not writer.problems:
        _judge_extent(whole, named, said, writer)
    return Sibling(whole, writer.problems, writer.unchecked)


def _said(document: dict, named: dict[str, Operation]) -> dict[str, Any]:
    """What the extension has of operations that gateways take from there."""
    every = ((document.get(EXTENSION) or {}).get("middleware") or {}).get("operations") or {}
    found = {}
    for id in named:
        kept = {
            name: _switched(every[id][name])
            for name in ("mockResponse", "validateRequest")
            if (every.get(id) or {}).get(name) and every[id][name].get("enabled")
        }
        if kept:
            found[id] = kept
    return found


_KNOWN = ("enabled", "code", "body", "headers", "errorResponseCode", "fromOASExamples")
_KNOWN_OF_EXAMPLES = ("enabled", "code", "contentType", "exampleName")


def _switched(plugin: dict) -> dict[str, Any]:
    made = {name: plugin[name] for name in _KNOWN if plugin.get(name) is not None}
    if "headers" in made:
        made["headers"] = [
            {"name": each.get("name") or "", "value": each.get("value") or ""}
            for each in made["headers"]
            if each
        ]
    if "fromOASExamples" in made:
        given = made["fromOASExamples"]
        made["fromOASExamples"] = {
            name: given[name] for name in _KNOWN_OF_EXAMPLES if given.get(name) is not None
        }
    return made


def _schemes(document: dict, wanted: list[list[str]], writer: schemas.Writer) -> dict[str, Any]:
    """The schemes of the document that are named and switched on, as far as gateways tell their kinds by it. By its
    kind alone they would take one that is off for another that is on: whoever proves that one would pass for it."""
    there = (document.get("components") or {}).get("securitySchemes") or {}
    switched = document[EXTENSION]["server"]["authentication"].get("securitySchemes") or {}
    found = {}
    for name in dict.fromkeys(name for names in wanted for name in names):
        if isinstance(scheme := there.get(name), dict) and (switched.get(name) or {}).get("enabled"):
            kept = ("type", "scheme", "bearerFormat", "in", "name")
            said = {member: scheme[member] for member in kept if isinstance(scheme.get(member), str)}
            # Gateways tell capitals apart here.
            found[name] = said | ({"scheme": said["scheme"].lower()} if "scheme" in said else {})
            if not re.fullmatch(r"[a-zA-Z0-9._-]+", name):
                place = ("components", "securitySchemes", name)
                writer.fault(place, "must have a name of letters, digits and . _ -")
    return found


def _authentication(
    document: dict, jwt: str, alternatives: list[list[str]], others: list[list[str]]
) -> dict[str, Any]:
    """others: the alternatives that the document itself does not name."""
    made: dict[str, Any] = {"enabled": True}
    if jwt:
        made["securitySchemes"] = {jwt: _claims(document, jwt)}
    if alternatives:
        given = document[EXTENSION]["server"]["authentication"]
        made |= {"securityProcessingMode": "compliant"} | ({"security": others} if others else {})
        made |= {
            name: {"enabled": True}
            for name in ("hmac", "oidc", "custom")
            # One that is on and no alternative names makes gateways skip the API.
            if (given.get(name) or {}).get("enabled") and any(name in names for names in alternatives)
        }
    return made


def _claims(document: dict, jwt: str) -> dict[str, Any]:
    server = document[EXTENSION]["server"]
    scheme = server["authentication"]["securitySchemes"][jwt]
    made = {"enabled": True, **{name: scheme[name] for name in CLAIMS if scheme.get(name) is not None}}
    scopes = scheme.get("scopes") or {}
    kept = {name: scopes[name] for name in ("claimName", "claims") if scopes.get(name)}
    return made | ({"scopes": kept} if kept else {})


def _paths(document: dict, named: dict[str, Operation], said: dict, writer: schemas.Writer) -> dict[str, Any]:
    """Every path, for one without parameters keeps another's off it; whole only where an operation is looked at."""
    wanted = {named[id].place: id for id in said}
    paths: dict[str, Any] = {}
    spelt: set[str] = set()
    # Those that are wanted first: of two that are the same but for names, gateways take none.
    every = document.get("paths") or {}
    for path in sorted(every, key=lambda each: not any(place[1] == each for place in wanted)):
        item = every[path] if isinstance(every[path], dict) else {}
        found = {
            method: _operation(item, ("paths", path, method), wanted, said, writer)
            for method in operations.METHODS
            if isinstance(item.get(method), dict)
        }
        is_wanted = any(("paths", path, method) in wanted for method in found)
        alike = _PARAMETER.sub("{}", path)
        if alike in spelt or not _is_plain(path):
            if is_wanted:
                writer.fault(("paths", path), "must have plain parameters and be unlike every other path")
            continue
        spelt.add(alike)
        if found:
            paths[path] = found
    return paths


def _is_plain(path: str) -> bool:
    """Whether each of its braces holds a parameter of another name."""
    names = _PARAMETER.findall(path)
    return len(set(names)) == len(names) and not set("{}") & set(_PARAMETER.sub("", path))


def _operation(item: dict, place: Path, wanted: dict, said: dict, writer: schemas.Writer) -> dict[str, Any]:
    operation = item[place[2]]
    id = wanted.get(place)
    made: dict[str, Any] = {"responses": {"default": {"description": ""}}}
    if isinstance(operation.get("operationId"), str):
        made["operationId"] = operation["operationId"]
    names = list(dict.fromkeys(_PARAMETER.findall(str(place[1]))))
    parameters = {}
    plugins = said.get(id) or {} if id else {}
    # Those of a path tell gateways apart which of two paths with parameters is meant.
    if plugins:
        parameters = _parameters(item, operation, place, names, writer)
    if "validateRequest" in plugins and "requestBody" in operation:
        made["requestBody"] = _body(operation["requestBody"], (*place, "requestBody"), writer)
    if (plugins.get("mockResponse") or {}).get("fromOASExamples", {}).get("enabled"):
        made["responses"] = _responses(operation.get("responses"), (*place, "responses"), writer)
    text = {"type": "string"}
    for name in names:
        parameters.setdefault(("path", name), {"name": name, "in": "path", "required": True, "schema": text})
    if parameters:
        made["parameters"] = list(parameters.values())
    return made


def _parameters(
    item: dict, operation: dict, place: Path, names: list[str], writer: schemas.Writer
) -> dict[tuple, dict]:
    """By place and name; an operation's own come before those of its path."""
    made: dict[tuple, dict] = {}
    for holder, path in ((item, place[:2]), (operation, place)):
        given = holder.get("parameters") or []
        if not isinstance(given, list):
            writer.fault((*path, "parameters"), "must be a list")
            continue
        for index, each in enumerate(given):
            parameter, where = writer.inlined(each, (*path, "parameters", index))
            name, kind = parameter.get("name"), parameter.get("in")
            if not isinstance(name, str) or not name or kind not in _PLACES:
                writer.fault(where, f"must have a name, and in one of {', '.join(_PLACES)}")
            elif kind != "path" or name in names:
                made[kind, name] = _parameter(parameter, where, writer)
    return made


def _parameter(parameter: dict, path: Path, writer: schemas.Writer) -> dict[str, Any]:
    made: dict[str, Any] = {"name": parameter["name"], "in": parameter["in"]}
    made["required"] = parameter["in"] == "path" or parameter.get("required") is True
    if isinstance(parameter.get("explode"), bool):
        made["explode"] = parameter["explode"]
    if parameter.get("style") in _STYLES:
        made["style"] = parameter["style"]
    if parameter.get("content"):
        made["content"] = _content(parameter["content"], (*path, "content"), writer)
        if len(made["content"]) != 1:
            writer.fault((*path, "content"), "must have one media type")
    else:
        made["schema"] = writer.schema(parameter.get("schema", {}), (*path, "schema"))
    return made


def _body(given: Any, path: Path, writer: schemas.Writer) -> dict[str, Any]:
    body, where = writer.inlined(given, path)
    return {
        "required": body.get("required") is True,
        "content": _content(body.get("content") or {}, (*where, "content"), writer),
    }


def _content(given: Any, path: Path, writer: schemas.Writer, *, examples: bool = False) -> dict[str, Any]:
    if not isinstance(given, dict):
        writer.fault(path, "must be an object")
        return {}
    made = {}
    for kind, each in given.items():
        media, where = writer.inlined(each, (*path, kind))
        made[kind] = (
            {"schema": writer.schema(media["schema"], (*where, "schema"))} if "schema" in media else {}
        )
        if examples and "example" in media:
            made[kind]["example"] = media["example"]
        if examples and isinstance(media.get("examples"), dict):
            named = {
                name: writer.inlined(example, (*where, "examples", name))[0].get("value")
                for name, example in media["examples"].items()
            }
            made[kind]["examples"] = {name: {"value": value} for name, value in named.items()}
            made[kind].pop("example", None)
    return made


def _responses(given: Any, path: Path, writer: schemas.Writer) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for code, each in given.items() if isinstance(given, dict) else ():
        response, where = writer.inlined(each, (*path, code))
        if not re.fullmatch(r"[1-5](?:[0-9]{2}|XX)|default", code):
            continue
        made[code] = {"description": ""}
        if response.get("content"):
            made[code]["content"] = _content(response["content"], (*where, "content"), writer, examples=True)
        headers = response.get("headers")
        for name, header in headers.items() if isinstance(headers, dict) else ():
            found, place = writer.inlined(header, (*where, "headers", name))
            if "schema" in found:
                schema = writer.schema(found["schema"], (*place, "schema"))
                made[code].setdefault("headers", {})[name] = {"schema": schema}
    if not made:
        writer.fault(path, "must have a response to take an example from")
    return made or {"default": {"description": ""}}


def _judge_extent(whole: dict, named: dict[str, Operation], said: dict, writer: schemas.Writer) -> None:
    """Whether a gateway comes to an end with what it is given."""
    components = writer.components
    for fault in rings(whole):
        writer.fault(("components", "schemas"), fault)
    most = MOST_SCHEMAS
    for id in said:
        operation = whole["paths"][named[id].path][named[id].place[2]]
        found = list(_schemas_in(operation))
        for schema in found:
            most -= schemas.expanded(schema, components, max(most, 0))
        if most < 0:
            writer.fault(named[id].place, f"must not be more than {MOST_SCHEMAS:,} schemas, written out")
            return
        if operation["responses"] and any(
            schemas.comes_back(schema, components) for schema in _schemas_in(operation["responses"])
        ):
            place = (*OPERATIONS, id, "mockResponse", "fromOASExamples")
            writer.fault(place, "must have an example: the schema of an answer leads back to itself")


def _schemas_in(value: Any) -> list[dict]:
    """The outermost schemas of an operation or of a part of it."""
    if isinstance(value, list):
        return [schema for each in value for schema in _schemas_in(each)]
    if not isinstance(value, dict):
        return []
    found = [value["schema"]] if isinstance(value.get("schema"), dict) else []
    for name, each in value.items():
        if name not in ("schema", "example", "examples"):
            found += _schemas_in(each)
    return found


def codes(document: dict) -> list[Problem]:
    """What is no status of an answer among the operations' plugins: a gateway's server panics there."""
    found = []
    every = ((document.get(EXTENSION) or {}).get("middleware") or {}).get("operations") or {}
    for id, plugins in every.items():
        for path in (
            ("mockResponse", "code"),
            ("mockResponse", "fromOASExamples", "code"),
            ("validateRequest", "errorResponseCode"),
        ):
            value: Any = plugins or {}
            for step in path:
                value = (value or {}).get(step)
            if value and not 200 <= value <= 599:
                place = pointer((*OPERATIONS, id, *path))
                found.append(Problem(place, "must be a status from 200 to 599"))
    return found
