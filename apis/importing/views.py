"""The page that makes an API of an OpenAPI document, or the draft of one that is there."""

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from apis import editing
from apis.definitions import document, kinds
from apis.definitions.oas.document import is_document
from apis.definitions.pointer import Problem
from apis.drafts import lifecycle as drafts
from apis.drafts import reviewing
from apis.forms import JsonForm
from apis.importing.forms import ImportForm
from apis.models import ApiDefinition, Asset
from apis.publishing import publish
from apis.publishing.refusals import DraftMoved, Invalid, Stale
from apis.views import api_or_404, new_api
from orgs import refusals
from orgs.access import access
from orgs.http.refusals import status_of

MESSAGE = "Imported"
DRAFTED = "{name} has a draft, which this would take the place of: publish or discard it first."


@access("session", "apis", methods="GET POST", form=True, files=True)
def api_import(request, org):
    """What a document would become is shown before it is published; of one that names an API which is there, or that
    `into` is about, that is the review of a draft."""
    into = api_or_404(request.GET["into"]) if "into" in request.GET else None
    if into and not is_document(into.definition):
        raise Http404
    # A form that was sent empty was sent too.
    sent = (request.POST, request.FILES) if request.method == "POST" else ()
    form = ImportForm(
        *sent,
        into=into,
        templates=_templates(request),
        initial={"template": request.GET.get("template", "")[:24]},
    )
    if form.is_valid():
        with editing.said_in(form):
            if api := _meant(request, form, into):
                return _drafted(request, form, api)
            told = reviewing.proposal(form.definition, org_id=request.org.id, author=request.user)
            if told.faults:
                raise Invalid(told.faults)
            again = JsonForm(base=form.definition, message=MESSAGE)
            return new_api(request, again, told=told, notes=form.notes)
    context = {"section": "apis", "form": form, "into": into, "may_write": request.user.may("apis", "write")}
    return render(request, "apis/import.html", context, status=status_of(form))


def _templates(request: HttpRequest) -> QuerySet[Asset] | None:
    """Those that a person may use, None for none."""
    if not request.user.may("api_assets"):
        return None
    found = Asset.objects.filter(org_id=request.org.id).order_by("name", "id")
    return found if found.exists() else None


def _meant(request: HttpRequest, form: ImportForm, into: ApiDefinition | None) -> ApiDefinition | None:
    """The API that is there already whose document this is; None for a new one. Raises Invalid."""
    id = kinds.names(form.definition).api_id
    if into and id in ("", into.api_id):
        return into
    if into:
        place = kinds.id_place(form.definition)
        raise Invalid([Problem(place, "is the ID of another API")])
    named = ApiDefinition.objects.filter(Q(api_id=id) | Q(id=id), org_id=request.org.id)
    return named.first() if id and "\0" not in id else None


def _drafted(request: HttpRequest, form: ImportForm, api: ApiDefinition) -> HttpResponse:
    """Make the document the draft of an API, which is reviewed next. Raises Invalid and what saving one does."""
    wanted, faults = drafts.judged(api, form.definition, author=request.user)
    if faults:
        raise Invalid(faults)
    for note in form.notes:
        messages.info(request, note)
    if publish.is_stored(api, wanted):
        messages.info(request, "Nothing was different, so nothing was saved.")
        return redirect("api-detail", request.org.slug, api.id)
    try:
        drafts.save(
            api,
            document.pretty(form.definition),
            author=request.user,
            seen="",
            started_from=api.revision,
            message=MESSAGE,
        )
    except (DraftMoved, Stale):
        raise refusals.Invalid(DRAFTED.format(name=api.name), "text") from None
    return redirect(f"{reverse('api-review', args=[request.org.slug])}?draft={api.id}")
