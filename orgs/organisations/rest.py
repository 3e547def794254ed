"""The Admin API: `admin-auth`, organisations and the users that organisations begin with."""

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse

from orgs import rights
from orgs.access import SAFE, access
from orgs.http import etags
from orgs.http.forms import WIRE_NAMES, body_types
from orgs.http.rest import RestError, expected, json_response, members, ok, page, read_json, tagged
from orgs.ids import is_id
from orgs.models import Organisation, User
from orgs.organisations import lifecycle
from orgs.organisations.forms import SHORTEST_ID, OrganisationForm
from orgs.organisations.limits import LIMITS
from orgs.people import accounts
from orgs.people.rest import ONCE, TYPES, change, create_user, user_data, user_tag

# `time_zone`, the limits and `kept_days` are ours.
_TYPES = body_types(
    OrganisationForm, "owner_name", "slug", "cname", "cname_enabled", "time_zone", SHORTEST_ID, *LIMITS
) | {"kept_days": dict}
_FIELDS = {wire: name for name, wire in WIRE_NAMES.items()}
# Of the original's organisation object, kept as they come and given back: nothing here acts on them yet.
_KEPT = {
    "developer_quota": 0,
    "developer_count": 0,
    "event_options": {},
    "hybrid_enabled": False,
    "ui": {},
    "org_options_meta": {},
    "open_policy": {"enabled": False, "rules": ""},
    "additional_permissions": {},
    "sso_enabled": False,
}


@access("admin", methods="GET POST")
def organisations(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        made = _create(read_json(request))
        return tagged(request, ok("Org created", made.id), organisation_tag(made))
    rows, pages = page(request, Organisation.everyone.present())
    return json_response({"organisations": [organisation_data(row) for row in rows], "pages": pages})


@access("admin", methods="POST")
def organisation_import(request: HttpRequest) -> HttpResponse:
    """Create with the id of the body; the same id again changes the organisation instead of doubling it."""
    body = read_json(request)
    if not is_id(body.get("id")):
        raise RestError(400, "id must be 24 lower-case hexadecimal digits")
    existing = Organisation.everyone.filter(pk=body["id"]).first()
    if existing is None:
        existing = _imported(request, body)
    elif existing.deleted_at is not None:
        raise RestError(409, "id belongs to a deleted organisation")
    else:
        _change(request, existing, body)
    return tagged(request, ok("Org imported", body["id"]), organisation_tag(existing))


@access("admin", methods="GET PUT DELETE")
def organisation(request: HttpRequest, organisation_id: str) -> HttpResponse:
    row = Organisation.everyone.present().filter(pk=organisation_id).first()
    if row is None:
        raise Http404
    if request.method in SAFE:
        return tagged(request, json_response(organisation_data(row)), organisation_tag(row))
    if request.method == "DELETE":
        lifecycle.delete(row, expected=expected(request, row.change_number))
        return ok("Org deleted")
    _change(request, row, read_json(request))
    return tagged(request, ok("Org updated"), organisation_tag(row))


@access("admin", methods="POST")
def users(request: HttpRequest) -> HttpResponse:
    """A user of the organisation `org_id`; without one a super-user. `Message` is the access key, this once."""
    body = read_json(request)
    given = members(body, org_id=str, **TYPES)
    org = _organisation_of(given.get("org_id", ""))
    user, key = create_user(given, org)
    return tagged(request, ok(key, user_data(user, access_key=key)), etags.tag(user.change_number, ONCE))


@access("admin", methods="GET PUT")
def user(request: HttpRequest, user_id: str) -> HttpResponse:
    row = _user(user_id)
    if request.method in SAFE:
        return tagged(request, json_response(user_data(row)), user_tag(row))
    change(request, row, actor=None)
    # The original puts the access key here; ours cannot be read again.
    return tagged(request, ok("", user_data(row)), user_tag(row))


@access("admin", methods="PUT")
def user_reset_passwords(request: HttpRequest, user_id: str, verb: str) -> HttpResponse:
    """Whether the user may set other people's passwords."""
    row = _user(user_id)
    levels = {"ResetPassword": rights.ADMINISTRATOR["ResetPassword"] if verb == "allow" else ""}
    accounts.change_user(row, expected=expected(request, row.change_number), levels=levels)
    return tagged(request, ok("User updated", user_data(row)), user_tag(row))


def organisation_tag(row: Organisation) -> str:
    return etags.tag(row.change_number)


def organisation_data(row: Organisation) -> dict:
    """The bare organisation object."""
    return {
        "id": row.id,
        "owner_name": row.owner_name,
        "owner_slug": row.slug,
        "cname_enabled": row.cname_enabled,
        "cname": row.cname,
        "time_zone": row.time_zone,
        **{name: getattr(row, name) for name in (*LIMITS, SHORTEST_ID)},
        "kept_days": row.kept_days,
        **_KEPT,
        **row.extra,
    }


def _facts(body: dict) -> dict:
    """Field values out of a body, the members nobody acts on among `extra`."""
    given = members(body, **_TYPES)
    for name, default in _KEPT.items():
        members(body, **{name: type(default)})
    facts = {_FIELDS.get(name, name): value for name, value in given.items()}
    return facts | {"extra": {name: body[name] for name in _KEPT if body.get(name) is not None}}


def _create(body: dict) -> Organisation:
    return lifecycle.create(**_facts(body))


def _imported(request: HttpRequest, body: dict) -> Organisation:
    """Created with the id of the body; changed, if an import of the same id was faster by a moment."""
    if "If-Match" in request.headers:
        raise RestError(412, "There is nothing yet that If-Match could name")
    try:
        return lifecycle.create(**_facts(body), id=body["id"])
    except ValidationError:
        made = Organisation.everyone.present().filter(pk=body["id"]).first()
        if made is None:
            raise
    _change(request, made, body)
    return made


def _change(request: HttpRequest, row: Organisation, body: dict) -> None:
    seen = expected(request, row.change_number)
    lifecycle.change(row, expected=seen, **_facts(body))


def _organisation_of(org_id: str) -> Organisation | None:
    if not org_id:
        return None
    org = Organisation.everyone.present().filter(pk=org_id).first()
    if org is None:
        raise RestError(400, "org_id: there is no such organisation")
    return org


def _user(user_id: str) -> User:
    row = User.everyone.filter(pk=user_id).first()
    if row is None:
        raise RestError(404, "Could not retrieve user detail")
    return row
