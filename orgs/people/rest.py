"""Users over REST. Whoever is added belongs where the caller does; everyone may read and secure his own account."""

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse

from orgs import rights
from orgs.access import SAFE, access
from orgs.http import etags
from orgs.http.forms import WIRE_NAMES, body_types
from orgs.http.rest import (
    RestError,
    error_response,
    expected,
    json_response,
    members,
    ok,
    page,
    read_json,
    stamp,
    tagged,
)
from orgs.models import Organisation, User
from orgs.people import accounts
from orgs.people.forms import PersonForm
from orgs.signing_in import passwords, throttle

_FIELDS = {wire: field for field, wire in WIRE_NAMES.items()}
TYPES = body_types(PersonForm, "first_name", "last_name", "email", "password") | {
    "active": bool,
    "user_permissions": dict,
}
_UNKNOWN = "Could not retrieve user detail"
# In the tag of an answer that holds a secret: nobody has that answer by having the object.
ONCE = "once"


@access("key", "users", methods="GET POST")
def users(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return _add(request)
    rows, pages = page(request, User.objects.order_by("email", "id"))
    return json_response({"users": [user_data(row) for row in rows], "pages": pages})


@access("key", "users", methods="GET POST")
def user_search(request: HttpRequest) -> HttpResponse:
    """By a part of the address or the name: `?q=`, or the body's `q`."""
    body = read_json(request) if request.method == "POST" and request.body else {}
    text = members(body, q=str).get("q") or request.GET.get("q", "")
    if "\0" in text:
        raise RestError(400, "q holds a NUL character")
    matching = User.objects.filter(email__icontains=text) | User.objects.filter(last_name__icontains=text)
    rows, pages = page(request, matching.order_by("email", "id"))
    return json_response({"users": [user_data(row) for row in rows], "pages": pages})


@access("key", "users", methods="GET PUT DELETE", own=True)
def user(request: HttpRequest, user: str) -> HttpResponse:
    row = _find(request, user)
    if request.method in SAFE:
        return tagged(request, json_response(user_data(row)), user_tag(row))
    if request.method == "DELETE":
        accounts.delete_user(row, actor=request.user, expected=expected(request, row.change_number))
        return ok("User deleted")
    change(request, row, actor=request.user)
    return tagged(request, ok("User updated"), user_tag(row))


@access("key", "users", methods="POST PUT", own=True)
def user_password(request: HttpRequest, user: str) -> HttpResponse:
    """Set a password: one's own with the current one, somebody else's with the right to reset passwords."""
    row = _find(request, user)
    seen = expected(request, row.change_number)
    given = members(read_json(request), new_password=str, current_password=str)
    if row.pk == request.user.pk:
        if refusal := _unconfirmed(request, row, given.get("current_password", "")):
            return refusal
    elif not _may_reset(request.user):
        raise RestError(403, "Resetting somebody else's password needs the right ResetPassword")
    if "new_password" not in given:
        raise RestError(400, "new_password must be a string")
    password = new_password(given["new_password"], row, "new_password")
    accounts.set_password(row, password, actor=request.user, expected=seen)
    return tagged(request, ok("User password updated"), user_tag(row))


@access("key", "users", methods="PUT", own=True)
def user_access_key(request: HttpRequest, user: str) -> HttpResponse:
    """A new access key, in `Meta` this once: nobody can read it again."""
    row = _find(request, user)
    seen = expected(request, row.change_number)
    key = accounts.renew_access_key(row, actor=request.user, expected=seen)
    return tagged(request, ok("User session renewed", key), etags.tag(row.change_number, ONCE))


@access("key", "users", methods="PUT", own=True)
def user_sessions(request: HttpRequest, user: str) -> HttpResponse:
    row = _find(request, user)
    accounts.end_sessions(row, actor=request.user, expected=expected(request, row.change_number))
    return tagged(request, ok("User revoked"), user_tag(row))


def user_tag(row: User) -> str:
    """Signing in is shown, but no change."""
    return etags.tag(row.change_number, stamp(row.last_login))


def user_data(row: User, access_key: str = "") -> dict:
    """The bare user object. `access_key` is empty but in the answer to its making; `password` always is."""
    return {
        "api_model": {},
        "first_name": row.first_name,
        "last_name": row.last_name,
        "email_address": row.email,
        "password": "",
        "org_id": row.org_id or "",
        "active": row.is_active,
        "id": row.id,
        "access_key": access_key,
        "user_permissions": row.permissions,
        "group_id": "",
        "password_max_days": 0,
        "password_updated": "0001-01-01T00:00:00Z",
        "PWHistory": [],
        "last_login_date": stamp(row.last_login),
        "created_at": stamp(row.created_at),
    }


def change(request: HttpRequest, row: User, *, actor: User | None) -> None:
    """Change a user by a body of Tyk's members. Without the right to write users one changes his own name only.

    Members which are not sent, or as they are, stay as they are then. Without If-Match nobody is known to have seen
    what he overwrites: other members are set nevertheless, a denial is not taken away.
    """
    given = members(read_json(request), **TYPES)
    seen = expected(request, row.change_number)
    password = given.pop("password", None)
    changed = {_FIELDS.get(name, name): value for name, value in given.items()}
    changed = {name: value for name, value in changed.items() if getattr(row, name) != value}
    if row.is_superuser:
        changed.pop("permissions", None)
    if actor is not None and not actor.may("users", "write") and changed.keys() - {"first_name", "last_name"}:
        raise RestError(403, "Only your own name can be changed without the right to write users")
    if password and actor is not None and (actor.pk == row.pk or not _may_reset(actor)):
        raise RestError(403, "password: use actions/reset")
    informed = "If-Match" in request.headers
    accounts.change_user(row, actor=actor, expected=seen, lifts_denials=informed, **changed)
    if password:
        # What was changed a line above is ours, and counted.
        seen = row.change_number if changed else seen
        accounts.set_password(row, new_password(password, row), actor=actor, expected=seen)


def new_password(text: str | None, user: User | None = None, name: str = "password") -> str | None:
    """A password from outside, checked; None and "" mean none. Raises RestError 400 naming the member."""
    if not text:
        return None
    try:
        passwords.validate(text, user)
    except ValidationError as error:
        raise RestError(400, f"{name}: {' '.join(error.messages)}") from None
    return text


def _add(request: HttpRequest) -> HttpResponse:
    given = members(read_json(request), **TYPES)
    user, _ = create_user(given, request.user.org, actor=request.user)
    return tagged(request, ok("User and session have been created", user.id), user_tag(user))


def create_user(given: dict, org: Organisation | None, *, actor: User | None = None) -> tuple[User, str]:
    """A person of what a body says, and the access key. Raises what orgs.people.accounts.create_user does."""
    return accounts.create_user(
        org=org,
        email=given.get("email_address", ""),
        first_name=given.get("first_name", ""),
        last_name=given.get("last_name", ""),
        active=given.get("active", True),
        granted=given.get("user_permissions"),
        password=new_password(given.get("password")),
        actor=actor,
    )


def _find(request: HttpRequest, user: str) -> User:
    if user in ("me", request.user.pk):
        return request.user
    row = User.objects.filter(pk=user).first()
    if row is None:
        raise RestError(404, _UNKNOWN)
    return row


def _unconfirmed(request: HttpRequest, row: User, password: str) -> HttpResponse | None:
    """The refusal of a wrong current password, which a stolen access key does not know; guesses are limited.

    Returned, not raised: an exception would roll the note of the failure back.
    """
    if not row.has_usable_password():
        return None
    caller = throttle.caller_of(request)
    if throttle.blocked(caller, [row.pk]):
        return error_response(429, "Too many failed attempts, please wait 15 minutes")
    if not row.check_password(password):
        throttle.failed(caller, [row.pk])
        return error_response(403, "current_password is wrong")
    return None


def _may_reset(actor: User) -> bool:
    return rights.effective(actor).get("ResetPassword") == "admin"
