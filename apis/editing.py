"""The two ways to write a definition, fields and JSON, and what a page does with them before anything is kept."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.http import HttpRequest, QueryDict

from apis.definition_form import ApiForm
from apis.definitions import document, kinds
from apis.forms import JsonForm
from apis.models import ApiDefinition, Revision
from apis.publishing.refusals import Refused
from apis.publishing.staging import faults
from orgs.http import refusals


def begun_from(request: HttpRequest, api: ApiDefinition) -> dict:
    """The definition that a form was filled with: entries are told apart by their place in its lists."""
    said = request.POST.get("started_from", "")
    if said.isascii() and said.isdigit() and len(said) < 10 and int(said) != api.revision:
        revision = Revision.objects.filter(definition_id=api.id, number=int(said)).first()
        return revision.definition if revision else api.definition
    return api.definition


def form_of(
    request: HttpRequest,
    *,
    base: dict | None = None,
    started_from: int | None = None,
    is_stored: bool = True,
):
    """The form of a request, filled in if it was sent. base: the definition that is changed. is_stored: whether it can
    be read again when the form is sent, or has to be carried along."""
    # A form that was sent empty was sent too.
    sent = request.POST if request.method == "POST" else None
    if request.GET.get("as") == "json" or not kinds.has_form(base):
        return JsonForm(sent, base=base, started_from=started_from)
    carried = document.object_in(request.POST.get("base_text", ""))
    return ApiForm(sent, base=carried or base, started_from=started_from, carried=not is_stored)


def switched(form: ApiForm | JsonForm) -> ApiForm | JsonForm:
    """The other form with what was typed in this one; this one where its text is no object, and says so."""
    form.is_valid()
    kept = {"started_from": form["started_from"].value(), "message": form["message"].value()}
    if isinstance(form, ApiForm):
        return JsonForm(base=form.draft, **kept)
    if not kinds.has_form(form.draft):
        form.add_error("text", "An OpenAPI document is edited as JSON only.")
    elif isinstance(form.draft, dict):
        return ApiForm(base=form.draft, carried=True, **kept)
    if "text" not in form.errors:
        form.add_error("text", "Line 1: must be an object")
    return form


def redrawn(form: ApiForm | JsonForm, sent: QueryDict) -> ApiForm | JsonForm | None:
    """The form that a button other than the last asked for, with all that was typed: the other way of editing, a list
    with room for more entries, the paths of another version; None for what was sent to be kept."""
    if "show" in sent:
        return switched(form)
    if not isinstance(form, ApiForm) or not {"more", "paths"} & sent.keys():
        return None
    kept = {"started_from": form["started_from"].value(), "message": form["message"].value()}
    if "more" in sent:
        carried = bool(document.object_in(sent.get("base_text", "")))
        return ApiForm(base=form.base, typed=sent, more=sent["more"], carried=carried, **kept)
    form.is_valid()
    return ApiForm(base=form.draft, version=sent["paths"], carried=True, **kept)


@contextmanager
def said_in(form: ApiForm | JsonForm) -> Iterator[None]:
    """As orgs.http.refusals.said_in, with each fault of a definition beside what it is about."""
    with refusals.said_in(form):
        try:
            yield
        except Refused as error:
            form.refuse(error.problems)


def say_all(request: HttpRequest, form: ApiForm | JsonForm, *, present: ApiDefinition | None = None) -> None:
    """Add to the errors of a form what publishing would refuse, so that nobody meets them one after the other."""
    if form.definition is not None:
        found = faults(form.definition, author=request.user, org_id=request.org.id, present=present)
        form.refuse_further(found)
