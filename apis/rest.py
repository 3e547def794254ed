"""`/api/apis`: Tyk's Dashboard API for classic definitions.

Last write wins, as clients expect; who sends `If-Match` is told when somebody was faster.
"""

from django.db.models import Q

from apis.definitions import kinds
from apis.definitions.pointer import summary
from apis.forms import ListForm
from apis.models import ApiDefinition
from apis.publishing import publish
from apis.publishing.serving import missing_policies
from orgs.access import SAFE, access
from orgs.http import etags
from orgs.http.rest import RestError, expected, json_response, ok, page, read_json, stamp, tagged, valid
from orgs.http.strict_json import printable
from orgs.models import Organisation

NOT_FOUND = "API not found"


@access("key", "apis", methods="GET POST")
def api_list(request):
    if request.method == "POST":
        return _create(request)
    form = valid(ListForm(request.GET))
    rows, pages = page(request, form.found(ApiDefinition.objects.all()))
    return json_response({"apis": [wrapper(api) for api in rows], "pages": pages})


@access("key", "apis", methods="GET PUT DELETE")
def api_detail(request, id):
    api = _find(id)
    if request.method in SAFE:
        return tagged(request, json_response(wrapper(api)), etags.tag(api.revision))
    seen = expected(request, api.revision)
    if request.method == "DELETE":
        publish.delete(api, author=request.user, started_from=seen)
        return ok("API deleted")
    api = publish.change(api, _definition(request), author=request.user, started_from=seen)
    return tagged(request, ok("API updated", **_warnings(api)), etags.tag(api.revision))


def wrapper(api):
    """The form in which clients read an API, with the definition as it was given."""
    return {
        "api_model": {},
        "api_definition": api.definition,
        "hook_references": [],
        "is_site": False,
        "sort_by": 0,
        "user_owners": [],
        "user_group_owners": [],
        "created_at": stamp(api.created_at),
        "updated_at": stamp(api.updated_at),
    }


def _create(request):
    definition = _definition(request)
    org_id = request.user.org_id or _named_organisation(definition)
    api = publish.create(org_id, definition, author=request.user)
    return tagged(
        request, ok("API created", api.id, **_warnings(api), ID=api.api_id), etags.tag(api.revision)
    )


def _warnings(api):
    """A member of the answer, only where there is something to say: of Tyk's clients none reads it, nor minds it."""
    missing = [
        f"There is no policy '{printable(id)}' in this organisation yet." for id in missing_policies(api)
    ]
    return {"Warnings": summary(missing, 5)} if missing else {}


def _definition(request):
    definition = read_json(request).get("api_definition")
    if not isinstance(definition, dict):
        raise RestError(400, "api_definition: must be an object with the definition")
    return definition


def _named_organisation(definition):
    """A super-user has no organisation of his own, so he has to say whose API it is to be."""
    org_id = kinds.names(definition).org_id
    if not Organisation.everyone.present().filter(id=org_id).exists():
        raise RestError(400, "api_definition.org_id: must be the id of an organisation")
    return org_id


def _find(id):
    """By database id or API id; one of another organisation is like one that is not there."""
    found = [] if "\0" in id else ApiDefinition.objects.filter(Q(id=id) | Q(api_id=id))[:2]
    for api in sorted(found, key=lambda api: api.id != id):
        return api
    raise RestError(404, NOT_FOUND)
