"""What a refusal of the domain is in HTTP: said here, once, for pages and for machines.

A view lets a refusal pass, and is answered for (orgs.middleware); a page which keeps what was typed says it in its form
(`said_in`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.core.exceptions import NON_FIELD_ERRORS, DisallowedHost, ValidationError
from django.forms import BaseForm, Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme

from orgs import refusals
from orgs.http.forms import WIRE_NAMES
from orgs.http.rest import STALE, error_response, invalid, is_wire
from orgs.organisations.locks import Departed
from orgs.people import duplicates
from orgs.people.rules import DenialUnseen


@dataclass(frozen=True)
class Meaning:
    """page, wire: the status for people and for machines. words: what machines read."""

    page: int
    wire: int
    words: Callable[[refusals.Refusal], str] = lambda refusal: refusal.for_machines()


# Of the nearest class: a refusal means what its kind means where it is not named itself.
MEANINGS: dict[type[refusals.Refusal], Meaning] = {
    refusals.Invalid: Meaning(400, 400),
    refusals.NotAllowed: Meaning(403, 403),
    refusals.LimitReached: Meaning(403, 403),
    refusals.Missing: Meaning(404, 404),
    refusals.Stale: Meaning(409, 412, lambda _: STALE),
    refusals.Unseen: Meaning(409, 428),
    refusals.Taken: Meaning(409, 409),
    refusals.InUse: Meaning(409, 409),
    Departed: Meaning(404, 404, lambda _: "Not found"),
    DenialUnseen: Meaning(
        409,
        428,
        lambda names: (
            f"user_permissions: to take the denial of {names} away, send If-Match with the ETag that you saw"
        ),
    ),
}


def answer(request: HttpRequest, refusal: Exception) -> HttpResponse | None:
    """The answer to whoever asked for what was refused; None for an exception that is no refusal. Raises Http404."""
    wire = is_wire(request.path_info)
    if isinstance(refusal, ValidationError) and wire:
        return _faults(refusal)
    meaning = next((MEANINGS[kind] for kind in type(refusal).__mro__ if kind in MEANINGS), None)
    if meaning is None:
        return None
    if wire:
        return error_response(meaning.wire, meaning.words(refusal))
    if meaning.page == 404:
        raise Http404 from refusal
    context = {"problem": str(refusal), "back": page_before(request)}
    return render(request, f"{meaning.page}.html", context, status=meaning.page)


def page_before(request: HttpRequest) -> str:
    """The address of the page that a form was sent from, "" where that is not known or the same."""
    try:
        host, here = request.get_host(), request.build_absolute_uri(request.path)
    except DisallowedHost:  # which is refused with a page as well
        return ""
    sent_from = request.headers.get("Referer", "")
    is_ours = url_has_allowed_host_and_scheme(sent_from, {host}, request.is_secure())
    return sent_from if is_ours and sent_from.partition("?")[0] != here else ""


def bad_request(request: HttpRequest, problem: str) -> HttpResponse:
    """400 with a sentence that says what is wrong."""
    if is_wire(request.path_info):
        return error_response(400, problem)
    return render(request, "400.html", {"problem": problem, "back": page_before(request)}, status=400)


def bad_form(request: HttpRequest, form: BaseForm) -> HttpResponse:
    """400 for an address, or a button, that says what no form on a page does: the first field that is wrong."""
    field, faults = next(iter(form.errors.items()))
    return bad_request(request, f"{field}: {faults[0]}")


def _faults(error: ValidationError) -> HttpResponse:
    """400 which names each field as the wire does; an address that is taken is Tyk's 403."""
    said = invalid(error, WIRE_NAMES)
    if duplicates.EMAIL in said.message:
        return error_response(403, duplicates.EMAIL)
    return error_response(said.status, said.message)


@contextmanager
def said_in(form: Form) -> Iterator[None]:
    """Put what is refused in here beside the fields it names, or above the form, which is not valid then."""
    try:
        yield
    except ValidationError as error:
        add_errors(form, error)
    except refusals.Invalid as error:
        name = error.field.partition(".")[0]
        form.add_error(name if name in form.fields else None, error.message)
    except (refusals.NotAllowed, refusals.LimitReached) as error:
        form.add_error(None, ValidationError(str(error), code="refused"))


def add_errors(form: Form, error: ValidationError) -> None:
    """Put an error beside the fields it names, or above the form where it names none that the form has."""
    for name, texts in getattr(error, "message_dict", {None: error.messages}).items():
        form.add_error(name if name in form.fields else None, texts)


def status_of(*forms: BaseForm) -> int:
    """The status of the page that shows forms: 403 where a rule is against one, which no typing would mend; 400 where
    one is not as it has to be."""
    if any(form.has_error(NON_FIELD_ERRORS, "refused") for form in forms):
        return 403
    return 400 if any(form.errors for form in forms) else 200
