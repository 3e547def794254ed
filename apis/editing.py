"""The two ways to write a definition, fields and JSON, and what a page does with them before anything is kept."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.http import HttpRequest, QueryDict

from apis.definition_form import ApiForm
from apis.definitions import document
from apis.forms import JsonForm
from apis.models import ApiDefinition, Draft, Revision
from apis.publishing.refusals import Refused
from apis.publishing.staging import faults
from orgs.http import refusals

# What a draft cannot do without: the rest may be as wrong as it was typed.
OF_DRAFTS = {"started_from", "seen", "message", "text", "base_text"}


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
    draft: Draft | None = None,
    is_stored: bool = True,
):
    """The form of a request, filled in if it was sent. base: the definition that is changed. draft: what is shown in
    its place. is_stored: whether `base` can be read again when the form is sent, or has to be carried along."""
    # A form that was sent empty was sent too.
    sent = request.POST if request.method == "POST" else None
    kept = {"started_from": started_from}
    # A form that was filled with an earlier draft carries that along.
    if draft and (sent is None or sent.get("seen") == draft.stamp):
        base = draft.definition
        kept = {"started_from": draft.started_from, "message": draft.message, "seen": draft.stamp}
    if request.GET.get("as") == "json":
        return JsonForm(sent, base=base, text=draft.text if draft else "", **kept)
    carried = document.object_in(request.POST.get("base_text", ""))
    # The next draft takes the place of this one.
    is_stored = is_stored and draft is None
    return ApiForm(sent, base=carried or base, carried=not is_stored, **kept)


def may_be_saved(request: HttpRequest, form: ApiForm | JsonForm, api: ApiDefinition) -> bool:
    """Whether what was sent can be the draft of an API: fit to be published, unless no more than a draft is asked for.
    The form says what is wrong."""
    form.is_valid()
    if request.POST.get("save") == "draft":
        return not form.errors.keys() & OF_DRAFTS
    say_all(request, form, present=api)
    return not form.errors


def switched(form: ApiForm | JsonForm) -> ApiForm | JsonForm:
    """The other form with what was typed in this one; this one where its text is no object, and says so."""
    form.is_valid()
    kept = _kept(form)
    if isinstance(form, ApiForm):
        return JsonForm(base=form.draft, **kept)
    if isinstance(form.draft, dict):
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
    kept = _kept(form)
    if "more" in sent:
        carried = bool(document.object_in(sent.get("base_text", "")))
        return ApiForm(base=form.base, typed=sent, more=sent["more"], carried=carried, **kept)
    form.is_valid()
    return ApiForm(base=form.draft, version=sent["paths"], carried=True, **kept)


def _kept(form: ApiForm | JsonForm) -> dict:
    return {name: form[name].value() for name in ("started_from", "message", "seen")}


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
