"""The wire of Tyk's Dashboard API: envelopes, paging, errors. Facts: compact JSON, members in this order, `ID` last."""

import json
from datetime import UTC, datetime
from typing import TypeVar

from django.core.exceptions import RequestDataTooBig, ValidationError
from django.core.paginator import Paginator
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.http.request import UnreadablePostError

from orgs.access import SAFE
from orgs.http import etags, strict_json

Form = TypeVar("Form", bound=BaseForm)

KINDS = {str: "a string", bool: "true or false", int: "a whole number", dict: "an object", list: "a list"}
WIRE = ("api", "admin", "register", "system", "hello", "metrics")
PAGE_SIZE = 10
MALFORMED = "Request body malformed"
STALE = "Somebody else changed this since the version that If-Match names"


class RestError(Exception):
    """An answer other than success; carries the HTTP status and the message the caller reads."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status
        self.message = message


def is_wire(path: str) -> bool:
    """Whether a path belongs to machines, which never get HTML."""
    return path.lstrip("/").split("/", 1)[0] in WIRE


def json_response(data: object, status: int = 200) -> HttpResponse:
    """`data` as compact JSON (clients cut answers with awk and count on no blank after a colon)."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    return HttpResponse(text, status=status, content_type="application/json; charset=utf-8")


def ok(message: object, meta: object = None, **last: str) -> HttpResponse:
    """The success envelope; `last` are members which clients expect at the end, such as ID."""
    return json_response({"Status": "OK", "Message": message, "Meta": meta, **last})


def stamp(instant: datetime | None, timespec: str = "seconds") -> str:
    """RFC 3339 in UTC, as exact as `timespec` says (datetime.isoformat); Go's zero time for none."""
    if instant is None:
        return "0001-01-01T00:00:00Z"
    return instant.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def error_response(status: int, message: str) -> HttpResponse:
    """The error envelope."""
    return json_response({"Status": "Error", "Message": message, "Meta": None}, status)


def tagged(request: HttpRequest, response: HttpResponse, tag: str) -> HttpResponse:
    """The answer with its ETag; 304 in its place if the client says by If-None-Match that it has it.

    Raises RestError 400.
    """
    if (
        request.method in SAFE
        and "If-None-Match" in request.headers
        and _tags(request, "If-None-Match").name_tag(tag)
    ):
        response = HttpResponseNotModified()
    response.headers["ETag"] = tag
    return response


def expected(request: HttpRequest, number: int) -> int | None:
    """The change number that a change is meant for, to be compared again under the lock; None for whichever it is.

    number: what the object has now. Raises RestError 412 if If-Match names others only, or If-None-Match this one;
    400 for what is no list of tags.
    """
    if "If-None-Match" in request.headers and _tags(request, "If-None-Match").name_number(number):
        raise RestError(412, "What If-None-Match names is there")
    if "If-Match" not in request.headers:
        return None
    tags = _tags(request, "If-Match")
    if not tags.name_number(number):
        raise RestError(412, STALE)
    return None if tags.anything else number


def _tags(request: HttpRequest, header: str) -> etags.Tags:
    try:
        return etags.parse(request.headers[header])
    except etags.Malformed:
        raise RestError(400, f"{header}: must be * or a list of entity tags") from None


def read_body(request: HttpRequest) -> bytes:
    """The body, whole. Raises RestError 400, or 413 for a huge one."""
    try:
        return request.body
    except RequestDataTooBig:
        raise RestError(413, f"{MALFORMED}: it is too large") from None
    except UnreadablePostError:
        raise RestError(400, f"{MALFORMED}: it ended early") from None


def read_json(request: HttpRequest) -> dict:
    """The body as an object, whatever its content type says. Raises RestError 400, or 413 for a huge one."""
    try:
        value = strict_json.loads(read_body(request))
    except strict_json.BadJson as error:
        raise RestError(400, f"{MALFORMED}: {error}") from None
    if not isinstance(value, dict):
        raise RestError(400, f"{MALFORMED}: an object is expected")
    return value


def page(request: HttpRequest, rows, size: int = PAGE_SIZE) -> tuple[list, int]:
    """The rows that `?p=` asks for and the number of pages.

    p counts from 1; 0 or less means everything; past the end is the last page; anything else is 400.
    """
    asked = request.GET.get("p", "1") or "1"
    number = asked.removeprefix("-")
    if not (number.isascii() and number.isdigit() and len(number) <= 9):
        raise RestError(400, "p must be a whole number")
    if int(asked) <= 0:
        return list(rows), 1
    paginator = Paginator(rows, size)
    return list(paginator.get_page(int(asked)).object_list), paginator.num_pages


def members(body: dict, **types: type) -> dict:
    """Those of `body`'s members that `types` names, checked; null counts as absent, unknown members are ignored.

    Raises RestError 400 naming the first of another type. A boolean is no integer here.
    """
    found = {}
    for name, kind in types.items():
        value = body.get(name)
        if value is None:
            continue
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise RestError(400, f"{name} must be {KINDS[kind]}")
        found[name] = value
    return found


def invalid(error: ValidationError, names: dict[str, str] | None = None) -> RestError:
    """A model's or password's validation errors as one answer naming each field as the wire does (`names`)."""
    if not hasattr(error, "error_dict"):
        return RestError(400, "; ".join(error.messages))
    lines = [
        f"{(names or {}).get(field, field)}: {message}"
        for field, messages in error.message_dict.items()
        for message in messages
    ]
    return RestError(400, "; ".join(lines))


def valid(form: Form) -> Form:
    """The form, if it is valid. Raises RestError 400 which names each field that is not."""
    if form.is_valid():
        return form
    lines = [
        f"{field}: {message}" if field != "__all__" else message
        for field, messages in form.errors.items()
        for message in messages
    ]
    raise RestError(400, "; ".join(lines))
