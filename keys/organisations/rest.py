"""`/admin/org/keys`: the Admin API's keys of organisations. In a path each is named by its organisation."""

from django.http import HttpRequest, HttpResponse

from keys.models import OrganisationKey
from keys.organisations import lifecycle
from keys.organisations.session import members_from, session
from orgs.access import SAFE, access
from orgs.http import etags
from orgs.http.rest import RestError, expected, json_response, ok, page, read_json, tagged
from orgs.ids import is_id
from orgs.models import Organisation


@access("admin", methods="GET POST")
def organisation_keys(request: HttpRequest) -> HttpResponse:
    """POST writes the key of the body's `org_id`."""
    if request.method == "POST":
        body = read_json(request)
        return _put(
            request,
            _organisation(body.get("org_id"), RestError(400, "org_id: must be the id of an organisation")),
            body,
        )
    shown, pages = page(request, _living().order_by("org_id").values_list("org_id", flat=True))
    return json_response({"data": {"keys": shown}, "pages": pages})


@access("admin", methods="GET POST PUT DELETE")
def organisation_key(request: HttpRequest, organisation_id: str) -> HttpResponse:
    """POST and PUT both write, whether or not there is one; `reset_quota=1` begins its quota anew."""
    org_id = _organisation(organisation_id, RestError(404, "Org not found"))
    if request.method in ("POST", "PUT"):
        return _put(request, org_id, read_json(request))
    row = _living().filter(org_id=org_id).first()
    if request.method in SAFE:
        if row is None:
            raise lifecycle.Missing(org_id)
        return tagged(request, json_response(_data(row)), _tag(row))
    lifecycle.end(org_id, expected=expected(request, row.number if row else 0))
    return ok("Key deleted successfully")


def _put(request: HttpRequest, org_id: str, body: dict) -> HttpResponse:
    if body.get("org_id") not in (None, "", org_id):
        raise RestError(400, "org_id: must be the organisation of the path")
    row = _living().filter(org_id=org_id).first()
    seen = expected(request, row.number if row else 0)
    resets = request.GET.get("reset_quota") == "1"
    put = lifecycle.put(org_id, members_from(body), reset_quota=resets, expected=seen)
    return tagged(request, ok("Key updated"), _tag(put))


def _living():
    return OrganisationKey.objects.filter(ended_at=None)


def _organisation(id: object, missing: RestError) -> str:
    if not is_id(id) or not Organisation.everyone.present().filter(id=id).exists():
        raise missing
    return id


def _data(row: OrganisationKey) -> dict:
    data = session(row.org_id, row.members, row.created_at, row.updated_at)
    return {"api_model": {}, "key_id": row.org_id, "data": data, "key_hash": ""}


def _tag(row: OrganisationKey) -> str:
    return etags.tag(row.number, row.org_id)
