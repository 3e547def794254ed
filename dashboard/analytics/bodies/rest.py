"""`/api/logs/keeping`: whether an organisation keeps requests and answers, by the rules of the page."""

from django.http import HttpRequest, HttpResponse

from dashboard.analytics.bodies import keeping
from dashboard.analytics.dimensions import BODIES
from dashboard.analytics.models import BodyKeeping
from orgs.access import SAFE, access
from orgs.http import etags
from orgs.http.rest import RestError, expected, json_response, members, ok, read_json, tagged
from orgs.ids import is_id
from orgs.models import Organisation


@access("key", "log", methods="GET PUT")
def body_keeping(request: HttpRequest) -> HttpResponse:
    """PUT says whether both are kept (`enabled`), and changes `headers` and `members` if it has them. A super-user
    names the organisation as `org_id` in the address."""
    org = _organisation(request)
    row = keeping.of(org)
    if request.method in SAFE:
        return _tagged(request, row, json_response(_shown(org, row)))
    seen = expected(request, row.change_number)
    sent = members(read_json(request), enabled=bool, headers=list, members=list)
    if "enabled" not in sent:
        raise RestError(400, "enabled: must be true or false")
    row = keeping.change(
        org,
        actor=request.user,
        seen=row.change_number if seen is None else seen,
        enabled=sent["enabled"],
        headers=_names("headers", sent.get("headers", row.headers)),
        members=_names("members", sent.get("members", row.members)),
    )
    return _tagged(request, row, ok("Saved", _shown(org, row)))


def _names(field: str, names: list) -> list[str]:
    """As lines of the form are read. Raises RestError 400."""
    if not all(isinstance(name, str) for name in names):
        raise RestError(400, f"{field} must be a list of names")
    return list(dict.fromkeys(name.strip() for name in names))


def _organisation(request: HttpRequest) -> Organisation:
    if request.org is not None:
        return request.org
    org_id = request.GET.get("org_id", "")
    found = Organisation.everyone.present().filter(pk=org_id).first() if is_id(org_id) else None
    if found is None:
        raise RestError(400, "org_id: must be the id of an organisation")
    return found


def _shown(org: Organisation, row: BodyKeeping) -> dict:
    return {
        "org_id": org.pk,
        "enabled": row.enabled,
        "headers": row.headers,
        "members": row.members,
        "days": org.retention.days(BODIES),
    }


def _tagged(request: HttpRequest, row: BodyKeeping, response: HttpResponse) -> HttpResponse:
    return tagged(request, response, etags.tag(row.change_number))
