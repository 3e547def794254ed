"""Pages of what happened to an API and what can be done to it as a whole."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import urlencode

from apis.definitions import document
from apis.forms import ActivationForm, DeletionForm, HistoryForm, RestoreForm, RevisionForm
from apis.models import Revision
from apis.publishing import publish
from apis.publishing.refusals import Refused, Stale
from apis.views import about, api_or_404, shown
from orgs.access import access
from orgs.http import paging
from orgs.http.refusals import bad_form
from orgs.http.spreadsheet import csv_stream
from orgs.http.tables import Column, heads
from orgs.organisations.limits import LimitReached
from orgs.providers import recent_traffic

NEWER = "Somebody published a newer revision meanwhile. Look at it first."
COLUMNS = (
    Column("Revision", "name", "number"),
    Column("Published", "time"),
    Column("By"),
    Column("Message", "third"),
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
    `format=json` is its whole definition. POST restores it.
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
    form = RestoreForm(request.POST)
    if not form.is_valid():
        return bad_form(request, form)
    try:
        publish.change(
            api,
            revision.definition,
            author=request.user,
            message=f"Restored revision {revision.number}",
            started_from=form.cleaned_data["started_from"],
        )
    except (Refused, LimitReached) as error:
        messages.error(request, f"Revision {revision.number} cannot be published now: {error}")
    except Stale:
        messages.error(request, NEWER)
    else:
        messages.success(request, f"Revision {revision.number} is published again.")
    return redirect("api-history", request.org.slug, api.id)


@access("session", "apis", methods="GET POST", form=True)
def api_activation(request, org, id):
    """active=yes or no: whether gateways are given the API. GET asks before it is deactivated."""
    api = api_or_404(id)
    if request.method == "GET":
        context = about(request, api, "overview") | {"traffic": recent_traffic.of(request, api_id=api.api_id)}
        return render(request, "apis/deactivate.html", context)
    form = ActivationForm(request.POST)
    if not form.is_valid():
        return bad_form(request, form)
    active = form.cleaned_data["active"] == "yes"
    try:
        publish.set_active(api, active, author=request.user, started_from=form.cleaned_data["started_from"])
    except Refused as error:
        messages.error(request, f"{api.name} cannot be activated now: {error}")
    except Stale:
        messages.error(request, NEWER)
        return redirect("api-history", request.org.slug, api.id)
    else:
        messages.success(request, f"{api.name} is {'active' if active else 'inactive'}.")
    return redirect("api-detail", request.org.slug, api.id)


@access("session", "apis", methods="GET POST", form=True)
def api_delete(request, org, id):
    """Asks first; asks again when somebody published since."""
    api, newest = api_or_404(id), None
    if request.method == "POST":
        form = DeletionForm(request.POST)
        if not form.is_valid():
            return bad_form(request, form)
        try:
            publish.delete(api, author=request.user, started_from=form.cleaned_data["started_from"])
        except Stale as error:
            api = error.api
            newest = Revision.objects.get(definition_id=api.id, number=api.revision)
        else:
            messages.success(request, f"{api.name} is deleted.")
            return redirect("api-list", request.org.slug)
    context = {**about(request, api, "overview"), "newest": newest}
    context["traffic"] = recent_traffic.of(request, api_id=api.api_id)
    return render(request, "apis/delete.html", context, status=409 if newest else 200)
