"""An OpenAPI document, as far as gateways and this house have to understand one. Pure."""

import json
import re
from collections.abc import Iterator
from functools import cache
from itertools import islice, pairwise
from pathlib import Path as File

from apis.definitions.oas import mcp, standard
from apis.definitions.oas.made import EXTENSION
from apis.definitions.oas.operations import METHODS
from apis.definitions.pointer import Path, Problem, at, pointer, walk
from apis.definitions.rules import shape

_VERSION = re.compile(r"3\.[01]\.[0-9]{1,3}(?:-[\w.]{1,20})?")


@cache
def types() -> dict:
    """The members of the extension that gateway 5.14 knows, in the form of apis.definitions.rules.shape."""
    known = json.loads(File(__file__).with_name("types.json").read_text())
    primitive = {**known["middleware"]["operations"]["*"], "security": [{"*": ["string"]}]}
    known["middleware"] |= {kind: {"*": primitive} for kind in mcp.PRIMITIVES}
    return known


def is_document(definition: object) -> bool:
    """Whether a definition is (meant to be) an OpenAPI document: a classic one has `proxy`, whatever else it keeps."""
    return (
        isinstance(definition, dict)
        and bool({"openapi", EXTENSION} & definition.keys())
        and ("proxy" not in definition)
    )


def problems(document: dict) -> list[Problem]:
    """What keeps a document from being understood: its own shape, and the types of the extension."""
    found = plain_problems(document)
    extension = document.get(EXTENSION)
    if not isinstance(extension, dict):
        return [
            *found,
            Problem(f"/{EXTENSION}", "must be an object: it says where and how gateways serve the API"),
        ]
    for problem in shape.problems(extension, types()):
        found.append(Problem(f"/{EXTENSION}{problem.pointer}", problem.message))
    return found


def plain_problems(document: dict) -> list[Problem]:
    """The same of one without the extension: its own shape."""
    found = [Problem(pointer(path), fault) for path, fault in islice(_shape(document), shape.MOST)]
    told = {problem.pointer for problem in found}
    return [*found, *(problem for problem in standard.problems(document) if problem.pointer not in told)]


def _shape(document: dict) -> Iterator[tuple[Path, str]]:
    version = document.get("openapi")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        yield ("openapi",), "must be a version of OpenAPI 3.0 or 3.1, such as 3.0.3"
    info = document.get("info")
    if not isinstance(info, dict):
        yield ("info",), "must be an object"
    else:
        for name in ("title", "version"):
            if not isinstance(info.get(name), str) or not info[name].strip():
                yield ("info", name), "must be text and not empty"
    yield from _paths(document)
    yield from _security(document)
    yield from _references(document)


def _paths(document: dict) -> Iterator[tuple[Path, str]]:
    paths = document.get("paths", {} if str(document.get("openapi")).startswith("3.1") else None)
    if not isinstance(paths, dict):
        yield ("paths",), "must be an object"
        return
    seen: dict[str, Path] = {}
    for path, item in paths.items():
        if path.startswith("x-"):
            continue
        if not path.startswith("/"):
            yield ("paths", path), "must begin with a slash"
        if not isinstance(item, dict):
            yield ("paths", path), "must be an object"
            continue
        if "$ref" in item:
            yield ("paths", path, "$ref"), "must not be there: write the path's operations here"
        for method in METHODS:
            if method in item:
                yield from _operation(item[method], ("paths", path, method), seen)


def _operation(operation: object, place: Path, seen: dict[str, Path]) -> Iterator[tuple[Path, str]]:
    if not isinstance(operation, dict):
        yield place, "must be an object"
        return
    id = operation.get("operationId")
    if id is None:
        return
    if not isinstance(id, str) or not id:
        yield (*place, "operationId"), "must be text and not empty"
    elif id in seen:
        yield (*place, "operationId"), f"must be another than that of {pointer(seen[id])}"
    else:
        seen[id] = place


def _security(document: dict) -> Iterator[tuple[Path, str]]:
    components = document.get("components")
    if components is None:
        components = {}
    if not isinstance(components, dict):
        yield ("components",), "must be an object"
        return
    for name, kind in components.items():
        if not isinstance(kind, dict) and not name.startswith("x-"):
            yield ("components", name), "must be an object"
    schemes = components.get("securitySchemes", {})
    security = document.get("security", [])
    if not isinstance(security, list) or not all(isinstance(each, dict) for each in security):
        yield ("security",), "must be a list of objects"
        return
    for index, requirement in enumerate(security):
        for name in requirement:
            if not isinstance(schemes, dict) or not isinstance(schemes.get(name), dict):
                yield ("security", index, name), "must be the name of a scheme in /components/securitySchemes"


def _references(document: dict) -> Iterator[tuple[Path, str]]:
    """A gateway skips an API with a reference that leads nowhere, and could be made to fetch one that leads outside."""
    for path, name, value in walk(document):
        if name == "$ref" and isinstance(value, str) and not _is_data(path):
            if not value.startswith("#/"):
                yield path, "must begin with #/: what lies outside of the document is not fetched"
            elif at(document, value) is None:
                yield path, "must lead to something in the document"


_DATA = {"default", "enum", "const", "example", "examples", "value"}
# What has names of its author's choice below it.
_MAPS = {
    "properties", "patternProperties", "$defs", "schemas", "responses", "parameters", "headers", "requestBodies",
    "content", "paths", "callbacks",
}  # fmt: skip


def _is_data(path: Path) -> bool:
    """Whether a member stands in a value and not in the structure of the document."""
    return any(step in _DATA and before not in _MAPS for before, step in pairwise(path))
