"""MCP proxies: OpenAPI documents in front of a server of the Model Context Protocol. Pure.

Nothing in such a document says what it is but the route that it came by, so that is written into what is stored, as a
member of the document that no client is shown. Gateway 5.14 runs one by a member of its classic half, and knows tools,
resources and prompts by what it is given beside that; what is said of them it keeps as extended paths of the classic
half. Gateways that know nothing of all this send every request on.
"""

import re
from collections.abc import Iterator
from typing import Any

from apis.definitions.oas import operations
from apis.definitions.oas.made import EXTENSION, Made, of_extension
from apis.definitions.oas.operations import Operation
from apis.definitions.pointer import Path

MARK = "x-gatehouse-kind"
# member of `middleware`: how a gateway's paths of its members begin
PRIMITIVES = {"mcpTools": "/mcp-tool:", "mcpResources": "/mcp-resource:", "mcpPrompts": "/mcp-prompt:"}
# What gateways do nothing with there, and other dashboards refuse.
RESTRICTED = (
    "cache",
    "internal",
    "mockResponse",
    "transformRequestMethod",
    "transformResponseBody",
    "urlRewrite",
    "validateRequest",
)
NOT_OLDER = (
    f"/{EXTENSION}/middleware: gateways that know nothing of MCP, those of 3.x among them, send requests on to the "
    "upstream and look at no tool, resource or prompt{closed}."
)
_CLOSED = "; for some are allowed by name, they answer 403 to every request"
_NAME = re.compile(r"(?:[\w .:/@~%,;=&-]|(?<!\*)\*){1,200}")


def is_mcp(document: object) -> bool:
    return isinstance(document, dict) and document.get(MARK) == "mcp"


def marked(document: dict) -> dict:
    """A document as it is stored."""
    return {**document, MARK: "mcp"}


def shown(document: dict) -> dict:
    """A stored document as its author wrote it."""
    return {name: value for name, value in document.items() if name != MARK}


def problems(document: dict) -> Iterator[tuple[Path, str]]:
    """(path, what is wrong) of what is said of tools, resources and prompts, whose types are right."""
    if MARK in document and not is_mcp(document):
        yield (MARK,), 'must be "mcp", or not be there'
    for source, primitive in _primitives(document):
        if not is_mcp(document):
            yield source[:-1], f'is for MCP proxies: publish it at /api/mcps, or with "{MARK}": "mcp"'
        elif not _NAME.fullmatch(str(source[-1])):
            yield source, "must have a name of 1 to 200 letters, digits and _ . : / @ ~ % , ; = & - *"
        for name in RESTRICTED:
            if name in primitive:
                yield (*source, name), "must not be there: gateways do none of it for MCP"


def derive(made: Made) -> None:
    """The members of a classic definition by which gateways know an MCP proxy, and its extended paths."""
    if not is_mcp(made.document):
        return
    made.put(("application_protocol",), "mcp", (MARK,))
    made.put(("json_rpc_version",), "2.0", (MARK,))
    for source, _ in _primitives(made.document):
        path = PRIMITIVES[str(source[-2])] + str(source[-1])
        operations.plugins(made, source, Operation(path, "POST", source))
        made.used.discard((*source, "security"))  # nothing in a classic definition says the same


def given(document: dict) -> dict[str, Any] | None:
    """What gateways are given of `middleware` beside the classic half: the names by which they know what is called, and
    which of them are allowed; None of what is no MCP proxy."""
    if not is_mcp(document):
        return None
    made: dict[str, Any] = {}
    for source, primitive in _primitives(document):
        allowed = (primitive.get("allow") or {}).get("enabled")
        made.setdefault(str(source[-2]), {})[source[-1]] = {"allow": {"enabled": True}} if allowed else {}
    return made


def remarks(document: dict) -> Iterator[str]:
    """What its author should know of gateways, in sentences."""
    if is_mcp(document):
        closed = any((each.get("allow") or {}).get("enabled") for _, each in _primitives(document))
        yield NOT_OLDER.format(closed=_CLOSED if closed else "")


def _primitives(document: dict) -> Iterator[tuple[Path, dict]]:
    """(path, what is said of it) of each tool, resource and prompt of which something is said."""
    middleware = (document.get(EXTENSION) or {}).get("middleware") or {}
    for kind in PRIMITIVES:
        for name, primitive in (middleware.get(kind) or {}).items():
            yield (*of_extension("middleware"), kind, name), primitive or {}
