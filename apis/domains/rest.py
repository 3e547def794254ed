"""`/admin/organisations/<id>/domains`: whose a domain is, over the Admin API. Tyk has nothing of the kind."""

from django.http import Http404

from apis.domains import changes
from apis.domains.names import host
from apis.models import Domain
from orgs.access import SAFE, access
from orgs.http.rest import RestError, json_response, members, ok, read_json, stamp
from orgs.models import Organisation


@access("admin", methods="GET POST")
def domain_list(request, organisation_id):
    """POST gives `name`; what the organisation has, it has."""
    org = _organisation_or_404(organisation_id)
    if request.method in SAFE:
        rows = Domain.objects.filter(org_id=org.id).order_by("name")
        shown = [
            {"name": row.name, "given_by": row.author, "created_at": stamp(row.created_at)} for row in rows
        ]
        return json_response({"domains": shown})
    name = host(members(read_json(request), name=str).get("name", ""))
    if name is None:
        raise RestError(400, "name: must be a host name")
    return ok("Domain given", changes.give(org.id, name, author=None).name)


@access("admin", methods="DELETE")
def domain_detail(request, organisation_id, name):
    org = _organisation_or_404(organisation_id)
    row = Domain.objects.filter(org_id=org.id, name=host(name)).first()
    if row is None:
        raise Http404
    changes.take_away(org.id, row.id, author=None)
    return ok("Domain taken away")


def _organisation_or_404(id):
    found = Organisation.everyone.present().filter(pk=id).first()
    if found is None:
        raise Http404
    return found
