"""A plain OpenAPI document made an API: the extension that gateways need, from what the document says and is asked for.

What is made of what is as gateway 5.14 does it for its own `import`. Pure.
"""

import copy
import re
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from apis.definitions.oas import document as openapi
from apis.definitions.oas.made import EXTENSION
from apis.definitions.oas.mcp import MARK
from apis.definitions.oas.operations import METHODS, found
from apis.definitions.oas.streams import STREAMING
from apis.definitions.pointer import Problem
from orgs.http.strict_json import printable

JSON = "application/json"
NO_SERVER = "must name the upstream, or name it by upstreamURL"
RELATIVE = "must be a whole URL with its host; or name the upstream by upstreamURL"
NO_DEFAULT = "has a variable without a default; or name the upstream by upstreamURL"
NO_SECURITY = "must name the schemes that callers are asked for"
_VARIABLE = re.compile(r"\{([^{}]*)\}")


class Asked(NamedTuple):
    """What whoever imports wants besides; "" and None leave it to the document, or as it is."""

    upstream_url: str = ""
    listen_path: str = ""
    custom_domain: str = ""
    api_id: str = ""
    authentication: bool | None = None
    allow_list: bool | None = None
    validate_request: bool | None = None
    mock_response: bool | None = None


def extended(document: dict, asked: Asked, present: dict | None = None) -> tuple[dict, list[Problem]]:
    """A copy of a plain document with the extension, and what keeps that from being made (then it is not whole).
    present: the document that it is to take the place of; its extension is kept."""
    if faults := openapi.plain_problems(document):
        return document, faults
    made = copy.deepcopy(document)
    extension: dict[str, Any] = copy.deepcopy(present[EXTENSION]) if present else _new(made)
    made[EXTENSION] = extension
    server, upstream = _below(extension, "server"), _below(extension, "upstream")
    if asked.api_id and not present:
        extension["info"]["id"] = asked.api_id
    if asked.listen_path:
        _below(server, "listenPath")["value"] = asked.listen_path
    if asked.custom_domain:
        server["customDomain"] = {
            **(server.get("customDomain") or {}),
            "enabled": True,
            "name": asked.custom_domain,
        }
    if asked.upstream_url:
        upstream["url"] = asked.upstream_url
    elif not present:
        upstream["url"], faults = _upstream(made)
    if asked.authentication is not None:
        faults += _authenticate(made, server, on=asked.authentication)
    _operations(made, extension, asked)
    return made, faults


def kept_beside(present: dict | None) -> dict[str, Any]:
    """What a newer document does not say and the one that it takes the place of does."""
    return {name: present[name] for name in (STREAMING, MARK) if name in present} if present else {}


def _new(document: dict) -> dict[str, Any]:
    return {
        "info": {"name": document["info"]["title"], "state": {"active": True}},
        "server": {"listenPath": {"value": "/", "strip": True}},
        "upstream": {"url": ""},
        "middleware": {"global": {"contextVariables": {"enabled": True}, "trafficLogs": {"enabled": True}}},
    }


def _below(holder: dict, name: str) -> dict:
    if not isinstance(holder.get(name), dict):
        holder[name] = {}
    return holder[name]


def _upstream(document: dict) -> tuple[str, list[Problem]]:
    """The first of the document's servers, with the defaults of its variables."""
    servers = document.get("servers")
    server = servers[0] if isinstance(servers, list) and servers else None
    if not isinstance(server, dict) or not isinstance(server.get("url"), str):
        return "", [Problem("/servers", NO_SERVER)]
    url = server["url"]
    variables = server.get("variables")
    for name in set(_VARIABLE.findall(url)):
        variable = variables.get(name) if isinstance(variables, dict) else None
        default = variable.get("default") if isinstance(variable, dict) else None
        if not isinstance(default, str) or not default:
            return "", [Problem("/servers/0/url", NO_DEFAULT)]
        url = url.replace(f"{{{name}}}", default)
    try:
        whole = urlsplit(url)
    except ValueError:
        whole = urlsplit("")
    return (url, []) if whole.scheme and whole.netloc else ("", [Problem("/servers/0/url", RELATIVE)])


def upstream_notes(document: dict, asked: Asked) -> list[str]:
    """What was taken of the servers of a document that `extended` took, in sentences for its author."""
    if asked.upstream_url:
        return []
    servers, url = document["servers"], _upstream(document)[0]
    notes = []
    if len(servers) > 1:
        notes.append(f"/servers: requests are sent to the first of {len(servers)}, {printable(url)}.")
    if url != servers[0]["url"]:
        notes.append(f"/servers/0/url: its variables have their defaults: {printable(url)}.")
    if urlsplit(url).path in ("", "/"):
        notes.append("/servers/0/url: has no path, so requests are sent to the root of the host.")
    return notes


def _authenticate(document: dict, server: dict, *, on: bool) -> list[Problem]:
    """Ask callers for the schemes that the document names, or for nothing."""
    security = document.get("security") or []
    if not security:
        return [Problem("/security", NO_SECURITY)] if on else []
    authentication = _below(server, "authentication")
    authentication["enabled"] = on
    schemes = _below(authentication, "securitySchemes")
    for name in dict.fromkeys(name for each in security for name in each):
        scheme = _below(schemes, name)
        scheme["enabled"] = on
        if document["components"]["securitySchemes"][name].get("type") != "apiKey":
            scheme.setdefault("header", {"enabled": True, "name": "Authorization"})
    return []


def _operations(document: dict, extension: dict, asked: Asked) -> None:
    """What is asked for all operations; those that the document no longer has go."""
    for path, item in (document.get("paths") or {}).items():
        for method in METHODS if path.startswith("/") else ():
            if method in item:
                item[method].setdefault("operationId", f"{path[1:]}{method.upper()}")
    named = found(document)
    plugins = (extension.get("middleware") or {}).get("operations") or {}
    kept = {id: plugins[id] for id in plugins if id in named and isinstance(plugins[id], dict)}
    for id, operation in named.items():
        item = document["paths"][operation.path]
        wanted = _wanted(item, item[operation.place[2]], asked)
        if asked.allow_list and (kept.get(id) or {}).get("block"):
            wanted["block"] = {**kept[id]["block"], "enabled": False}
        if wanted:
            kept[id] = {**kept.get(id, {}), **wanted}
    if kept or plugins:
        _below(extension, "middleware")["operations"] = kept


def _wanted(item: dict, operation: dict, asked: Asked) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if asked.allow_list is not None:
        made["allow"] = {"enabled": asked.allow_list}
    if asked.validate_request is not None and _can_be_checked(item, operation):
        made["validateRequest"] = {"enabled": asked.validate_request, "errorResponseCode": 422}
    if asked.mock_response is not None and _has_example(operation):
        on = {"enabled": asked.mock_response}
        made["mockResponse"] = {**on, "fromOASExamples": on}
    return made


def _can_be_checked(item: dict, operation: dict) -> bool:
    body = operation.get("requestBody")
    content = body.get("content") if isinstance(body, dict) else None
    is_json = isinstance(body, dict) and ("$ref" in body or (isinstance(content, dict) and JSON in content))
    return bool(item.get("parameters") or operation.get("parameters") or is_json)


def _has_example(operation: dict) -> bool:
    responses = operation.get("responses")
    for response in responses.values() if isinstance(responses, dict) else ():
        content = response.get("content") if isinstance(response, dict) else None
        for media in content.values() if isinstance(content, dict) else ():
            if isinstance(media, dict) and media.keys() & {"schema", "example", "examples"}:
                return True
    return False
