"""Pages of what happened to an API and what can be done to it as a whole."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from apis import guards, wrapper
from apis.definitions import document
from apis.definitions.difference import shown
from apis.drafts import lifecycle as drafts
from apis.forms import ActivationForm, ApiDeletionForm, HistoryForm, NotesForm, RestoreForm, RevisionForm
from apis.models import Revision
from apis.publishing import publish
from apis.publishing.refusals import DraftMoved, Refused, Stale
from apis.views import about, api_or_404
from orgs.access import access
from orgs.http import paging
from orgs.http.refusals import bad_form, said_in, status_of
from orgs.http.spreadsheet import csv_stream
from orgs.http.tables import Column, heads
from orgs.organisations.limits import LimitReached
from orgs.providers import blast_radius
from orgs.providers.blast_radius import Called

NEWER = "Somebody published a newer revision meanwhile. Look at it first."
COLUMNS = (
    Column("Revision", "name", "number"),
    Column("Published", "time"),
    Column("By"),
    Column("Message"),
)
CSV_HEADER = ("revision", "published", "by", "message")
LONGEST_SHOWN = 100_000  # characters of a definition beside its difference


@access("session", "apis")
def api_history(request, org, id):
    """Revisions, newest first unless asked otherwise; all of them as CSV with format=csv."""
    api = api_or_404(id)
    form = HistoryForm(request.GET)
    if not form.is_valid():
        return bad_form(request, form)
    revisions = Revision.objects.filter(definition_id=api.id).defer("definition_text")
    if request.GET.get("format") == "csv":
        rows = paging.batches(revisions, form.order, lambda rows: map(csv_row, rows), org_id=request.org.id)
        return csv_stream(f"history-{api.id}.csv", CSV_HEADER, rows)
    asked = {name: value for name, value in form.cleaned_data.items() if value}
    page = paging.page(request.GET, revisions, form.order, asked)
    context = {
        **about(request, api, "history"),
        "heads": heads(COLUMNS, asked, default="-number"),
        "rows": page.items,
        "page": page,
        "csv": "?" + urlencode({**asked, "format": "csv"}),
    }
    return render(request, "apis/history.html", context)


def csv_row(revision):
    """A revision, of whatever has some, as a row of CSV."""
    return (
        revision.number,
        revision.created_at.isoformat(timespec="seconds"),
        revision.author,
        revision.message,
    )


@access("session", "apis", methods="GET POST")
def api_revision(request, org, id, number):
    """One revision and its difference to another: `against`, else the one before, or the newest if it is the first.
    `format=json` is its whole definition. POST makes it the draft.
    """
    api = api_or_404(id)
    revision = get_object_or_404(Revision, definition_id=api.id, number=number)
    if request.method == "POST":
        return _restore(request, api, revision)
    form = RevisionForm(request.GET)
    if not form.is_valid():
        return bad_form(request, form)
    asking = "restore" in request.GET
    against = api.revision if asking else form.cleaned_data["against"] or number - 1 or api.revision
    other = get_object_or_404(Revision, definition_id=api.id, number=against)
    if request.GET.get("format") == "json":
        return _download(api, revision)
    context = {
        **about(request, api, "history"),
        "revision": revision,
        "asking": asking,
        "other": other,
        "difference": shown(other.definition, revision.definition),
        "revision_text": _text(revision.definition),
        "numbers": [each for each in range(api.revision, 0, -1) if each != number],
    }
    return render(request, "apis/revision.html", context)


def _text(definition):
    """The whole definition for a page, or "" for one that a page is too small for."""
    text = document.pretty(definition)
    return text if len(text) <= LONGEST_SHOWN else ""


def _download(api, revision):
    text = document.pretty(revision.definition)
    name = f"{api.id}-{revision.number}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text, content_type="application/json; charset=utf-8", headers=headers)


def _restore(request, api, revision):
    """Make a revision the draft, which is reviewed next."""
    form = RestoreForm(request.POST)
    if not form.is_valid():
        return bad_form(request, form)
    try:
        drafts.save(
            api,
            document.pretty(revision.definition),
            author=request.user,
            seen=form.cleaned_data["seen"],
            started_from=form.cleaned_data["started_from"],
            message=f"Restored revision {revision.number}",
        )
    except LimitReached as error:
        messages.error(request, f"Revision {revision.number} cannot be restored now: {error}")
    except (Stale, DraftMoved):
        messages.error(request, "Somebody published a revision or saved a draft meanwhile. Look at it first.")
        return redirect(f"{request.path}?restore=yes")
    else:
        return redirect(f"{reverse('api-review', args=[request.org.slug])}?draft={api.id}")
    return redirect("api-history", request.org.slug, api.id)


@access("session", "apis", methods="GET POST", form=True)
def api_activation(request, org, id):
    """active=yes or no: whether gateways are given the API. GET asks before it is deactivated."""
    api = api_or_404(id)
    if request.method == "GET":
        return _asked(request, api, "apis/deactivate.html", ActivationForm())
    form = ActivationForm(request.POST)
    if not form.is_valid():
        return bad_form(request, form)
    said, active = form.cleaned_data, form.cleaned_data["active"] == "yes"
    try:
        with said_in(form), guards.guarded(api.org_id, said["removed"]):
            publish.set_active(api, active, author=request.user, started_from=said["started_from"])
    except Refused as error:
        messages.error(request, f"{api.name} cannot be activated now: {error}")
        return redirect("api-detail", request.org.slug, api.id)
    except Stale:
        messages.error(request, NEWER)
        return redirect("api-history", request.org.slug, api.id)
    if form.errors:
        return _asked(request, api, "apis/deactivate.html", form)
    messages.success(request, f"{api.name} is {'active' if active else 'inactive'}.")
    return redirect("api-detail", request.org.slug, api.id)


@access("session", "apis", methods="GET POST", form=True)
def api_delete(request, org, id):
    """Asks first; asks again when somebody published since."""
    api = api_or_404(id)
    if request.method == "GET":
        return _asked(request, api, "apis/delete.html", ApiDeletionForm())
    form = ApiDeletionForm(request.POST)
    if not form.is_valid():
        return bad_form(request, form)
    said = form.cleaned_data
    try:
        with said_in(form), guards.guarded(api.org_id, said["removed"]):
            publish.delete(api, author=request.user, started_from=said["started_from"])
    except Stale as error:
        newest = Revision.objects.get(definition_id=api.id, number=error.api.revision)
        return _asked(request, error.api, "apis/delete.html", ApiDeletionForm(), newest)
    if form.errors:
        return _asked(request, api, "apis/delete.html", form)
    messages.success(request, f"{api.name} is deleted.")
    return redirect("api-list", request.org.slug)


def _asked(request, api, template, form, newest=None):
    """A page that asks before gateways are given an API no more. newest: the revision that somebody published
    meanwhile."""
    context = about(request, api, "overview") | {
        "form": form,
        "newest": newest,
        "radius": blast_radius.of(request.org, request.user, Called(api_id=api.api_id)),
        "loss": guards.loss_without(api.org_id, api.id),
    }
    return render(request, template, context, status=409 if newest else status_of(form))


@access("session", "apis", methods="GET POST", form=True)
def api_notes(request, org, id):
    """Asks again, with what was typed, when somebody published since."""
    api = api_or_404(id)
    form = NotesForm(request.POST or None, initial=_kept(api) | {"started_from": api.revision})
    context, status = {"form": form, "newest": None}, status_of(form)
    if form.is_valid():
        said = {name: value for name, value in form.cleaned_data.items() if value is not None}
        seen = said.pop("started_from")
        try:
            publish.keep(api, said, author=request.user, started_from=seen)
            messages.success(request, f"The notes of {api.name} are kept.")
            return redirect("api-detail", request.org.slug, api.id)
        except Stale as error:
            api, status = error.api, 409
            typed = {name: form[name].value() for name in said}
            context = {
                "form": NotesForm(initial=typed | {"started_from": api.revision}),
                "newest": _kept(api),
            }
    return render(request, "apis/notes.html", about(request, api, "overview") | context, status=status)


def _kept(api):
    """What is kept of an API for people, as the form has it."""
    named = {"categories": "\n".join(api.wrapper.get("categories", ()))}
    return {name: api.wrapper.get(name, "") for name in wrapper.NOTES} | named
