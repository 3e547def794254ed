"""Answers to what no view could answer: JSON for machines, a page for people; neither echoes the request."""

import sys

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from orgs.http.refusals import bad_request as named_problem
from orgs.http.rest import error_response, is_wire
from orgs.middleware import DATABASE_AWAY, unavailable


def answer(request: HttpRequest, status: int, message: str) -> HttpResponse:
    """The page of that status, or `message` in the error envelope for machines."""
    if is_wire(request.path_info):
        return error_response(status, message)
    return render(request, f"{status}.html", status=status)


def bad_request(request, exception):
    if isinstance(exception, DisallowedHost):
        return named_problem(
            request, "Gatehouse does not answer to this host name. Whoever runs it names it in ALLOWED_HOSTS."
        )
    return answer(request, 400, "Bad request")


def forbidden(request, exception):
    return answer(request, 403, "access denied")


def not_found(request, exception):
    return answer(request, 404, "Not found")


def server_error(request):
    """Called while the exception is handled. Sessions and middleware ask the database too, outside any view."""
    error = sys.exception()
    if isinstance(error, DATABASE_AWAY):
        return unavailable(request, error)
    return answer(request, 500, "Something went wrong on our side")


def csrf_failure(request, reason=""):
    """Why a form was refused: because of where it came from, or because of its age."""
    context = {"origin": _refused_origin(request, reason)[:200]}
    context["address"] = f"{request.scheme}://{request.get_host()}"
    return render(request, "csrf.html", context, status=403)


def _refused_origin(request, reason: str) -> str:
    """The origin which Django refused, as the browser named it; "" if it was not for the origin."""
    if reason.startswith("Origin checking failed"):
        return request.headers.get("Origin", "")
    if reason.startswith("Referer checking failed"):
        # Without its path, which may say more than is for showing.
        return "/".join(request.headers.get("Referer", "").split("/")[:3]) or "an address it does not tell"
    return ""
