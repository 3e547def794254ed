"""Users over REST. Whoever is added belongs where the caller does; everyone may read and secure his own account."""

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse

from orgs import people, throttle
from orgs.access import access
from orgs.address import client_address
from orgs.models import User
from orgs.rest import RestError, error_response, invalid, json_response, members, ok, page, read_json

WIRE_NAMES = {"email": "email_address", "permissions": "user_permissions", "is_active": "active"}
_FIELDS = {wire: field for field, wire in WIRE_NAMES.items()}
_TYPES = {"first_name": str, "last_name": str, "email_address": str, "active": bool, "user_permissions": dict}
_UNKNOWN = "Could not retrieve user detail"


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
    if request.method == "PUT":
        change(row, read_json(request), actor=request.user)
        return ok("User updated")
    if request.method == "DELETE":
        _allowed(people.delete_user, row, actor=request.user)
        return ok("User deleted")
    return json_response(user_data(row))


@access("key", "users", methods="POST PUT", own=True)
def user_password(request: HttpRequest, user: str) -> HttpResponse:
    """Set a password: one's own with the current one, somebody else's with the right to reset passwords."""
    row = _find(request, user)
    given = members(read_json(request), new_password=str, current_password=str)
    if row.pk == request.user.pk:
        if refusal := _unconfirmed(request, row, given.get("current_password", "")):
            return refusal
    elif not _may_reset(request.user):
        raise RestError(403, "Resetting somebody else's password needs the right ResetPassword")
    if "new_password" not in given:
        raise RestError(400, "new_password must be a string")
    password = new_password(given["new_password"], row, "new_password")
    _allowed(people.set_password, row, password, actor=request.user)
    return ok("User password updated")


@access("key", "users", methods="PUT", own=True)
def user_access_key(request: HttpRequest, user: str) -> HttpResponse:
    """A new access key, in `Meta` this once: nobody can read it again."""
    row = _find(request, user)
    return ok("User session renewed", _allowed(people.renew_access_key, row, actor=request.user))


@access("key", "users", methods="PUT", own=True)
def user_sessions(request: HttpRequest, user: str) -> HttpResponse:
    _allowed(people.end_sessions, _find(request, user), actor=request.user)
    return ok("User revoked")


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
        "last_login_date": _stamp(row.last_login),
        "created_at": _stamp(row.created_at),
    }


def change(row: User, body: dict, *, actor: User | None) -> None:
    """Change a user by a body of Tyk's members. Without the right to write users one changes his own name only."""
    given = members(body, password=str, **_TYPES)
    password = given.pop("password", None)
    changed = {_FIELDS.get(name, name): value for name, value in given.items()}
    changed = {name: value for name, value in changed.items() if getattr(row, name) != value}
    if row.is_superuser:
        changed.pop("permissions", None)
    if actor is not None and not actor.may("users", "write") and changed.keys() - {"first_name", "last_name"}:
        raise RestError(403, "Only your own name can be changed without the right to write users")
    if password and actor is not None and (actor.pk == row.pk or not _may_reset(actor)):
        raise RestError(403, "password: use actions/reset")
    try:
        _allowed(people.change_user, row, actor=actor, **changed)
        if password:
            _allowed(people.set_password, row, new_password(password, row), actor=actor)
    except ValidationError as error:
        raise _refused(error) from None


def new_password(text: str | None, user: User | None = None, name: str = "password") -> str | None:
    """A password from outside, checked; None and "" mean none. Raises RestError 400 naming the member."""
    if not text:
        return None
    if len(text) > people.LONGEST_PASSWORD:
        raise RestError(400, f"{name}: at most {people.LONGEST_PASSWORD} characters")
    try:
        validate_password(text, user)
    except ValidationError as error:
        raise RestError(400, f"{name}: {' '.join(error.messages)}") from None
    return text


def _add(request: HttpRequest) -> HttpResponse:
    given = members(read_json(request), password=str, **_TYPES)
    try:
        user, _ = _allowed(
            people.create_user,
            org=request.user.org,
            email=given.get("email_address", ""),
            first_name=given.get("first_name", ""),
            last_name=given.get("last_name", ""),
            active=given.get("active", True),
            granted=given.get("user_permissions"),
            password=new_password(given.get("password")),
            actor=request.user,
        )
    except ValidationError as error:
        raise _refused(error) from None
    return ok("User and session have been created", user.id)


def _refused(error: ValidationError) -> RestError:
    answer = invalid(error, WIRE_NAMES)
    return RestError(403, people.DUPLICATE) if people.DUPLICATE in answer.message else answer


def _allowed(change, *args, **kwargs):
    try:
        return change(*args, **kwargs)
    except people.NotAllowed as error:
        raise RestError(403, str(error)) from None


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
    address = client_address(request) or ""
    if throttle.blocked(row.email, address):
        return error_response(429, "Too many failed attempts, please wait 15 minutes")
    if not row.check_password(password):
        throttle.failed(row.email, address)
        return error_response(403, "current_password is wrong")
    return None


def _may_reset(actor: User) -> bool:
    return actor.is_superuser or actor.permissions.get("ResetPassword") == "admin"


def _stamp(moment) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else "0001-01-01T00:00:00Z"
