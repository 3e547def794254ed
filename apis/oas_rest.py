"""`/api/apis/oas`, `/api/apis/streams`, `/api/mcps`: Tyk's Dashboard API for APIs that are OpenAPI documents with
`x-tyk-api-gateway`.

A document is the body, in both directions, and comes back as it was sent; ids, organisation and name stand in its
extension. Conditions are as for classic ones (apis.rest). A stream is a document like any other, so copies of all APIs
may be put back where those are; an MCP proxy has routes and a right of its own and stands in no list of APIs.
"""

import json
from typing import NamedTuple

from apis import rest
from apis import wrapper as wrappers
from apis.assets import rest as assets
from apis.assets.applying import applied
from apis.definitions import kinds, yaml_text
from apis.definitions.oas import importing, mcp
from apis.definitions.oas.document import is_document
from apis.definitions.oas.made import EXTENSION
from apis.definitions.oas.streams import STREAMING
from apis.forms import ListForm
from apis.models import ApiDefinition
from apis.publishing import publish
from apis.publishing.refusals import Invalid
from apis.versions import lifecycle as versions
from orgs.access import SAFE, access
from orgs.http import etags, strict_json
from orgs.http.rest import (
    MALFORMED,
    RestError,
    expected,
    json_response,
    members,
    ok,
    page,
    read_body,
    read_json,
    tagged,
    valid,
)
from orgs.http.strict_json import BadJson

MISSING = {
    EXTENSION: f"{EXTENSION}: must be there: it says where and how gateways serve the API",
    STREAMING: f"{STREAMING}: must be there: it says what streams there are",
}
NOT_FETCHED = "url: nothing is fetched from there: send the document itself"
MARKED = f"{mcp.MARK}: must not be there: what is sent to /api/mcps is an MCP proxy"
_YAML = ("application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "application/openapi+yaml")
# Members of apis.definitions.oas.importing.Asked by what clients call them.
_TEXTS = {
    "upstream_url": "upstreamURL",
    "listen_path": "listenPath",
    "custom_domain": "customDomain",
    "api_id": "apiID",
}
_SWITCHES = {
    "authentication": "authentication",
    "allow_list": "allowList",
    "validate_request": "validateRequest",
    "mock_response": "mockResponse",
}
_SWITCH = {"1": True, "t": True, "true": True, "0": False, "f": False, "false": False}


class Door(NamedTuple):
    """Routes for documents of some kinds. needs: the members that one has. subject: what an answer calls it."""

    kinds: tuple[str, ...]
    needs: tuple[str, ...]
    subject: str = "API"


OAS = Door(("oas", "streams"), (EXTENSION,))
STREAMS = Door(("streams",), (EXTENSION, STREAMING))
MCP = Door(("mcp",), (EXTENSION,), "MCP Proxy definition")


@access("key", "apis", methods="POST", files=True)
def oas_create(request):
    return _created(request, OAS)


@access("key", "apis", methods="POST", files=True)
def streams_create(request):
    return _created(request, STREAMS)


@access("key", "mcp", methods="GET POST", files=True)
def mcp_list(request):
    if request.method == "POST":
        return _created(request, MCP)
    form = valid(ListForm(request.GET))
    rows, pages = page(request, form.found(ApiDefinition.objects.filter(kind="mcp")))
    return json_response({"mcps": [mcp.shown(api.definition) for api in rows], "pages": pages})


@access("key", "apis", methods="POST", files=True)
def oas_import(request):
    """A new API from a plain document, and from what the query asks for besides."""
    document, notes = _extended(request)
    document = _with_template(request, document)
    return rest.created(request, document, notes=notes)


@access("key", "apis", methods="GET PUT PATCH DELETE")
def oas_detail(request, id):
    """GET answers with the bare document; PATCH puts a plain one in its place and keeps what gateways are told."""
    return _detail(request, id, OAS)


@access("key", "apis", methods="GET PUT PATCH DELETE")
def streams_detail(request, id):
    return _detail(request, id, STREAMS)


@access("key", "mcp", methods="GET PUT DELETE")
def mcp_detail(request, id):
    return _detail(request, id, MCP)


def _created(request, door):
    document, notes = _sent(request, door)
    return rest.created(request, document, subject=door.subject, notes=notes)


def _detail(request, id, door):
    api = _find(id, door)
    if request.method in SAFE:
        return tagged(request, json_response(mcp.shown(api.definition)), etags.tag(api.revision))
    seen = expected(request, api.revision)
    if request.method == "DELETE":
        publish.delete(api, author=request.user, started_from=seen)
        return ok(f"{door.subject} deleted")
    renew = request.method == "PATCH"
    document, notes = _extended(request, api.definition) if renew else _sent(request, door)
    api = publish.change(api, document, author=request.user, started_from=seen)
    said = rest.warned(api, document, notes)
    return tagged(request, ok(f"{door.subject} updated", **said), etags.tag(api.revision))


@access("key", "apis", methods="GET")
def oas_export(request, id):
    """The document as a file; for the public (`mode=public`) without what gateways are told."""
    api = _find(id, OAS)
    mode = "public" if request.GET.get("mode") == "public" else ""
    hidden = (EXTENSION, STREAMING) if mode else ()
    kept = {name: value for name, value in api.definition.items() if name not in hidden}
    response = json_response(kept)
    response["Content-Disposition"] = f'attachment; filename="{api.id}.json"'
    return tagged(request, response, etags.tag(api.revision, mode))


@access("key", "apis", methods="GET PUT")
def oas_categories(request, id):
    api = _find(id, OAS)
    if request.method in SAFE:
        return tagged(request, json_response({"categories": api.categories}), etags.tag(api.revision))
    seen = expected(request, api.revision)
    sent = members(read_json(request), categories=list).get("categories", [])
    kept = {"categories": wrappers.texts("categories", sent)}
    api = publish.keep(api, kept, author=request.user, started_from=seen)
    return tagged(request, ok("API categories updated."), etags.tag(api.revision))


@access("key", "apis", methods="GET")
def oas_versions(request, id):
    return _versions(id, OAS)


@access("key", "mcp", methods="GET")
def mcp_versions(request, id):
    return _versions(id, MCP)


def _versions(id, door):
    """The API itself, and those of its versions that are there."""
    found = [_version(each) for each in versions.listed(_find(id, door)) if each.api]
    return json_response({"apis": found, "pages": 1})


def _version(listed):
    state = kinds.as_classic(listed.api.definition)
    return {
        "id": listed.api_id,
        "name": listed.api.name,
        "versionName": listed.name,
        "internal": bool(state.get("internal")),
        "isDefaultVersion": listed.default,
        "expirationDate": state.get("expiration") or "",
    }


def _sent(request, door):
    """The document of a request's body, as it is stored, and sentences of how it was read."""
    document, notes = _read(request)
    document = _with_template(request, document)
    for name in door.needs:
        if name not in document or not is_document(document):
            raise RestError(400, MISSING[name])
    if mcp.MARK in document:
        raise RestError(400, MARKED)
    return mcp.marked(document) if door is MCP else document, notes


def _extended(request, present=None):
    """The plain document of a body, with the extension that the query asks for, and sentences of how it was taken.
    Raises RestError, Invalid."""
    document, notes = _read(request)
    if EXTENSION in document:
        raise RestError(400, f"{EXTENSION}: must not be there: such a document is sent to /api/apis/oas")
    asked = {name: request.GET.get(query, "").strip() for name, query in _TEXTS.items()}
    switches = {
        name: _SWITCH.get(request.GET.get(query, "").strip().lower()) for name, query in _SWITCHES.items()
    }
    wanted = importing.Asked(**asked, **switches)
    made, faults = importing.extended(document, wanted, present)
    if faults:
        raise Invalid(faults, "")
    if not present:
        notes = [*notes, *importing.upstream_notes(document, wanted)]
    return importing.kept_beside(present) | made, notes


def _with_template(request, made):
    """A new document with what the template that the query names adds to it."""
    if "templateID" not in request.GET or request.method != "POST":
        return made
    if not request.user.may("api_assets", "read"):
        raise RestError(403, "templateID: needs the right to read api_assets")
    return applied(made, json.loads(assets.find(request.GET["templateID"]).data_text))


def _read(request):
    """The document of a body, JSON or YAML by its content type, or of the one file that a form brings along, and
    sentences of how it was read. Raises RestError."""
    content_type = (request.content_type or "").lower()
    if content_type == "multipart/form-data" and request.method == "POST":
        found, notes = _parsed(_file(request), only_yaml=False)
    elif content_type in _YAML:
        found, notes = _parsed(read_body(request), only_yaml=True)
    else:
        found, notes = read_json(request), []
    if not isinstance(found, dict):
        raise RestError(400, f"{MALFORMED}: an object is expected")
    if "url" in found and not is_document(found):
        raise RestError(400, NOT_FETCHED)
    return found, notes


def _file(request):
    files = [each for some in request.FILES.lists() for each in some[1]]
    if len(files) != 1:
        raise RestError(400, f"{MALFORMED}: one file is expected, in a part of any name")
    return files[0].read()


def _parsed(content, *, only_yaml):
    try:
        text = content.decode()
        if not only_yaml and yaml_text.is_json(text):
            return strict_json.loads(text), []
        found, _, notes = yaml_text.read(text)
    except UnicodeDecodeError:
        raise RestError(400, f"{MALFORMED}: the text is not UTF-8") from None
    except BadJson as error:
        raise RestError(400, f"{MALFORMED}: {error}") from None
    return found, notes


def _find(id, door):
    api = rest.find(id)
    if api.kind not in door.kinds:
        raise RestError(400, rest.elsewhere(api))
    return api
