"""`/api/apis`: Tyk's Dashboard API for classic definitions; of all kinds it lists, reads and deletes.

Last write wins, as clients expect; who sends `If-Match` is told when somebody was faster.
"""

from collections import Counter, defaultdict

from django.db.models import Q

from apis import wrapper as wrappers
from apis.definitions import kinds
from apis.definitions.oas import mcp
from apis.definitions.pointer import summary
from apis.forms import ListForm
from apis.gateways import responses
from apis.models import ApiDefinition
from apis.publishing import conflicts, publish, warnings
from apis.versions import lifecycle as versions
from orgs.access import SAFE, access
from orgs.http import etags
from orgs.http.rest import (
    RestError,
    expected,
    json_response,
    members,
    ok,
    page,
    read_json,
    stamp,
    tagged,
    valid,
)
from orgs.models import Organisation
from orgs.providers import blast_radius
from orgs.providers.blast_radius import Called

MOST_WARNINGS = 5
LONGEST_ENDPOINT = 300  # characters
# Where a definition of each kind says whose it is, by the member of a request's body that it stands in.
_ORGANISATION = {"api_definition": "api_definition.org_id", "": "/x-tyk-api-gateway/info/orgId"}
NOT_FOUND = "API not found"
NOT_CLASSIC = "api_definition: this API is an OpenAPI document: send that to {at}/{id}"
# What an API of each kind is, and where such are read and written; a classic one of those that are not named.
ROUTES = {
    "oas": ("an OpenAPI document", "/api/apis/oas"),
    "streams": ("a stream", "/api/apis/streams"),
    "mcp": ("an MCP proxy", "/api/mcps"),
}
_CLASSIC = ("a classic one", "/api/apis")


@access("key", "apis", methods="GET POST")
def api_list(request):
    if request.method == "POST":
        return created(request, *_sent(request))
    form = valid(ListForm(request.GET))
    found = form.found(ApiDefinition.objects.all())
    # They have a list of their own; who keeps copies of what stands here deletes what he knows no copy of.
    listed = found if form.cleaned_data["api_type"] else found.exclude(kind="mcp")
    rows, pages = page(request, listed)
    # Who asks for all of them makes copies of them, and reads a document nowhere else.
    whole = request.GET.get("p", "").startswith(("-", "0"))
    return json_response({"apis": [wrapper(api, with_document=whole) for api in rows], "pages": pages})


@access("key", "apis", methods="GET")
def api_search(request):
    """Those whose names have what `q` says."""
    form = valid(ListForm({"q": request.GET.get("q", "")}))
    found = ApiDefinition.objects.exclude(kind="mcp").filter(name__icontains=form.cleaned_data["q"])
    found = found.order_by(*form.order)
    rows, pages = page(request, found)
    return json_response({"apis": [wrapper(api) for api in rows], "pages": pages})


@access("key", "apis", methods="GET")
def api_categories(request):
    """How many APIs each category has."""
    named = ApiDefinition.objects.exclude(categories=[]).values_list("categories", flat=True)
    counts = Counter(name for names in named for name in names)
    return json_response({"categories": [{"name": name, "count": counts[name]} for name in sorted(counts)]})


@access("key", "apis", methods="GET")
def api_groups(request):
    """The ids of the APIs of each category, by its name after a "#"."""
    groups = defaultdict(list)
    for api_id, names in ApiDefinition.objects.order_by("name", "id").values_list("api_id", "categories"):
        for name in names:
            groups[f"#{name}"].append(api_id)
    return json_response(dict(sorted(groups.items())))


@access("key", "apis", methods="GET")
def api_url(request, id):
    """Where it is called. Gateways know their own address, and nobody else does: without a domain Host is empty."""
    api = find(id)
    return json_response(
        {"ApiURL": f"{api.domain}{api.listen_path}", "BasePath": api.listen_path, "Host": api.domain}
    )


@access("key", "apis", methods="DELETE")
def api_cache(request, id):
    """Gateways drop within seconds what they keep of its responses."""
    responses.drop(find(id), request.user)
    return ok("cache invalidated")


@access("key", "apis", methods="GET PUT")
def api_access(request, id):
    """Who owns it, as clients keep that; everybody of the organisation who may see APIs sees it all the same."""
    api = find(id)
    if request.method in SAFE:
        kept = wrappers.shown(api.wrapper)
        owners = {"userIds": kept["user_owners"], "userGroupIds": kept["user_group_owners"]}
        return tagged(request, json_response(owners), etags.tag(api.revision))
    seen = expected(request, api.revision)
    sent = members(read_json(request), userIds=list, userGroupIds=list)
    owners = {
        "user_owners": wrappers.texts("userIds", sent.get("userIds", [])),
        "user_group_owners": wrappers.texts("userGroupIds", sent.get("userGroupIds", [])),
    }
    api = publish.keep(api, owners, author=request.user, started_from=seen)
    return tagged(request, ok("API access updated"), etags.tag(api.revision))


@access("key", "apis", methods="GET PUT DELETE")
def api_detail(request, id):
    api = find(id)
    if api.kind == "mcp":
        raise RestError(400, elsewhere(api))
    if request.method in SAFE:
        return tagged(request, json_response(wrapper(api, with_document=True)), etags.tag(api.revision))
    seen = expected(request, api.revision)
    if request.method == "DELETE":
        publish.delete(api, author=request.user, started_from=seen)
        return ok("API deleted")
    if api.kind in ROUTES:
        raise RestError(400, NOT_CLASSIC.format(at=ROUTES[api.kind][1], id=api.id))
    definition, kept = _sent(request)
    api = publish.change(api, definition, author=request.user, started_from=seen, wrapper=kept)
    return tagged(request, ok("API updated", **warned(api, definition)), etags.tag(api.revision))


def wrapper(api, *, with_document=False):
    """The form in which clients read an API, with the definition as it was given; of an OpenAPI document with what is
    derived from it, by which clients know that there is one, and with the document itself."""
    definition = api.definition
    made = {
        "api_model": {},
        "api_definition": _read(kinds.as_classic(definition)),
        **wrappers.shown(api.wrapper),
        "created_at": stamp(api.created_at),
        "updated_at": stamp(api.updated_at),
    }
    if api.kind in ROUTES:
        made["api_definition"] = {**made["api_definition"], "is_oas": True}
        made |= {"is_streams": True} if api.kind == "streams" else {}
        made |= {"oas": mcp.shown(definition)} if with_document else {}
    return made


def elsewhere(api):
    """The sentence for who looks for an API where those of other kinds are."""
    what, at = ROUTES.get(api.kind, _CLASSIC)
    return f"This API is {what}: it is read and written at {at}/{api.id}"


def created(request, definition, kept=None, *, subject="API", notes=()):
    """Publish a new API and answer as Tyk does. notes: sentences of how its document was taken."""
    if "base_api_id" in request.GET:
        api, notes = _version(request, definition, kept), [*notes, versions.NOT_IN_3]
    else:
        org_id = _organisation_of(request, definition)
        api = publish.create(org_id, definition, author=request.user, wrapper=kept)
    said = warned(api, definition, notes)
    return tagged(request, ok(f"{subject} created", api.id, **said, ID=api.api_id), etags.tag(api.revision))


def _version(request, definition, kept):
    """A new API as a version of the one that the query names. Raises RestError, and what publishing does."""
    asked = {
        name: request.GET.get(name, "").strip() for name in ("base_api_version_name", "new_version_name")
    }
    for name, value in asked.items():
        if len(value) > versions.LONGEST or not value.isprintable():
            raise RestError(400, f"{name}: must be at most {versions.LONGEST} characters that can be printed")
    if not asked["new_version_name"]:
        raise RestError(422, "The new version name is required")
    try:
        base = find(request.GET["base_api_id"])
    except RestError:
        raise RestError(400, "base_api_id: is not a valid Base API version") from None
    if (base.kind == "mcp") != (kinds.kind(definition) == "mcp"):
        raise RestError(400, f"base_api_id: {elsewhere(base)}")
    if not asked["base_api_version_name"] and not kinds.versioning(base.definition).name:
        raise RestError(
            400,
            f"base_api_version_name: you need to provide a version name for the new Base API: {base.api_id}",
        )
    return versions.create(
        base,
        definition,
        name=asked["new_version_name"],
        base_name=asked["base_api_version_name"],
        default=request.GET.get("set_default", "").lower() in ("true", "1"),
        author=request.user,
        wrapper=kept,
    )


def _read(definition):
    """With the member that clients look for in every definition, whether or not its author wrote it."""
    return definition if "tags" in definition else {**definition, "tags": []}


def warned(api, definition, notes=()):
    """A member of the answer, only where there is something to say: of Tyk's clients none reads it, nor minds it."""
    found = [*notes, *kinds.additions(definition), *warnings.of(api)]
    if api.revision == 1:  # what was there is told of no API that stays where it is
        place = conflicts.place(api)
        near = conflicts.neighbours(api.org_id, [place]).get(api.id, ())
        found = list(dict.fromkeys([*found, *warnings.overlaps(place, near)]))
    return {"Warnings": summary(found, MOST_WARNINGS)} if found else {}


def _sent(request):
    """The definition, and what the wrapper of it has besides."""
    body = read_json(request)
    definition = body.get("api_definition")
    if not isinstance(definition, dict):
        raise RestError(400, "api_definition: must be an object with the definition")
    if not kinds.member(definition):
        raise RestError(400, "api_definition: is an OpenAPI document: send that, as it is, to /api/apis/oas")
    return definition, wrappers.taken(body)


def _organisation_of(request, definition):
    """Whose API a new one is to be. A super-user has no organisation of his own, so he has to say it."""
    if request.user.org_id:
        return request.user.org_id
    org_id = kinds.names(definition).org_id
    if not Organisation.everyone.present().filter(id=org_id).exists():
        raise RestError(400, f"{_ORGANISATION[kinds.member(definition)]}: must be the id of an organisation")
    return org_id


def find(id):
    """By database id or API id; one of another organisation is like one that is not there."""
    found = [] if "\0" in id else ApiDefinition.objects.filter(Q(id=id) | Q(api_id=id))[:2]
    for api in sorted(found, key=lambda api: api.id != id):
        return api
    raise RestError(404, NOT_FOUND)


@access("key", "analytics")
def api_radius(request, id):
    """Who calls it, or one `endpoint` of it, and how much: whom it meets if it is changed."""
    api, endpoint = find(id), request.GET.get("endpoint", "")
    if "\0" in endpoint or len(endpoint) > LONGEST_ENDPOINT:
        raise RestError(
            400, f"endpoint: must have {LONGEST_ENDPOINT} characters at most, and none of them NUL"
        )
    return blast_radius.answer(request, api.org_id, Called(api_id=api.api_id, endpoint=endpoint))
