"""Pages of an organisation's APIs: the list, one API, and the two ways to write its definition."""

import functools

from django.contrib import messages
from django.db.models.fields.json import KeyTextTransform
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.gzip import gzip_page

from apis import editing
from apis.actions.forms import ActionForm
from apis.definitions import calling, document, kinds, segments, starter
from apis.definitions.difference import shown
from apis.definitions.pointer import summary
from apis.drafts import lifecycle as drafts
from apis.drafts import reviewing
from apis.forms import JsonForm, ListForm
from apis.gateways import responses
from apis.models import ApiDefinition, Revision
from apis.publishing import publish, warnings
from apis.publishing.refusals import DraftMoved, Invalid, Stale
from apis.versions import lifecycle as versions
from orgs.access import access
from orgs.http import paging
from orgs.http.refusals import bad_form, status_of
from orgs.http.spreadsheet import csv_stream
from orgs.http.tables import Column, heads
from orgs.ids import is_id
from orgs.providers import usage

COLUMNS = (
    Column("Name", "name", "name"),
    Column("Listen path, target", sort="listen_path"),
    Column("Callers", "badge", lesser=True),
    Column("State", "badge"),
    Column("Revision", "number", lesser=True),
    Column("Updated", "date", "updated_at", lesser=True),
)
KINDS = (("classic", "Classic"), ("oas", "OpenAPI"), ("streams", "Stream"), ("mcp", "MCP"))
MOST_OWNERS = 100  # that are offered
CSV_HEADER = (
    "name",
    "API ID",
    "listen path",
    "domain",
    "target URL",
    "authentication",
    "active",
    "revision",
    "updated",
    "kind",
    "owner",
    "categories",
)


@access("session", "apis")
@gzip_page
def api_list(request, org):
    form = ListForm(request.GET)
    if not form.is_valid():
        return bad_form(request, form)
    found = form.found(ApiDefinition.objects.defer("definition_text"))
    if request.GET.get("format") == "csv":
        batches = paging.batches(found, form.order, lambda rows: map(_csv_row, rows), org_id=request.org.id)
        return csv_stream(f"apis-{request.org.slug}.csv", CSV_HEADER, batches)
    asked = {name: value for name, value in form.cleaned_data.items() if value}
    page = paging.page(request.GET, found, form.order, asked)
    used = _usage(request, page.items)
    context = {
        "section": "apis",
        "rows": [{"api": api, "use": used and used.of.get(api.api_id)} for api in page.items],
        "asked": asked,
        "categories": _categories(asked),
        "kinds": KINDS,
        "owners": _owners(),
        "heads": heads((*COLUMNS, used.column) if used else COLUMNS, asked, default="name"),
        "usage": used,
        "csv": "?" + urlencode({**asked, "format": "csv"}),
        "page": page,
        "may_write": request.user.may("apis", "write"),
        "may_see_templates": request.user.may("api_assets"),
        "actions": ActionForm(None),
    }
    return render(request, "apis/list.html", context)


def _categories(asked):
    """Those to choose from: all that the organisation's APIs have, and what is asked for."""
    named = ApiDefinition.objects.exclude(categories=[]).values_list("categories", flat=True)
    found = {name for names in named for name in names}
    return sorted(found | {asked["category"]} if "category" in asked else found)


def _owners():
    """Who is named as an owner of any API of the organisation, the first by name."""
    named = ApiDefinition.objects.annotate(named=KeyTextTransform("owner", "wrapper")).exclude(named=None)
    names = named.exclude(named="").order_by("named").values_list("named", flat=True).distinct()
    return list(names[:MOST_OWNERS])


def _usage(request, apis):
    ids = [api.api_id for api in apis]
    return usage.last_day("api", ids, request.org, request.user, timezone.now())


@access("session", "apis")
def api_detail(request, org, id):
    api = api_or_404(id)
    context = about(request, api, "overview")
    classic = kinds.as_classic(api.definition)
    extra = {
        "curl": calling.command(classic, "KEY"),
        "may_make_keys": request.user.may("keys", "write"),
        "segments": segments.tags(classic),
        "segments_off": segments.is_switched_off(classic),
        "activation": [] if api.active else reviewing.activation(api),
        "versions": _versions(api),
        "warnings": summary([*kinds.additions(api.definition), *warnings.of(api)], warnings.MOST_SHOWN),
    }
    if used := _usage(request, [api]):
        extra |= {"usage": used, "use": used.of.get(api.api_id)}
    return render(request, "apis/detail.html", {**context, **extra})


def _versions(api):
    """The versions of an API by name, each with the API that it is, None for one that is in this definition."""
    own, *apart = versions.listed(api)
    if not apart:
        return [(name, None) for name in api.versions] if len(api.versions) > 1 else []
    return [(own.name or "this one", None), *((each.name, each.api) for each in apart)]


@access("session", "apis")
def api_definition(request, org, id):
    api = api_or_404(id)
    context = about(request, api, "definition") | {"text": document.pretty(api.definition)}
    return render(request, "apis/definition.html", context)


@access("session", "apis", methods="GET POST", form=True)
def api_create(request, org):
    """A new API; `from`: the one that the form is filled with, of which this becomes a copy. What its author should
    know of is said before it is published; `warned` says what of that he has seen."""
    source = api_or_404(request.GET["from"]) if "from" in request.GET else None
    base = kinds.unnamed(source.definition) if source else None
    form = editing.form_of(request, base=base, is_stored=source is None)
    create = functools.partial(publish.create, request.org.id, author=request.user)
    return creating(request, form, create, source=source)


def creating(request, form, create, *, version=None, **shown):
    """The page of an API that is not there yet, or what follows once it is published. create: publishes a definition,
    given it and `message`. version: a VersionForm that is sent with it. shown: as new_api takes it."""
    told, forms = None, [form] if version is None else [form, version]
    if redrawn := editing.redrawn(form, request.POST):
        form = redrawn
        version = version and version.unsent()
    elif request.method == "POST" and all(each.is_valid() for each in forms):
        told = reviewing.proposal(form.definition, org_id=request.org.id, author=request.user)
        with editing.said_in(form):
            if told.faults:
                raise Invalid(told.faults)
            if told.digest in ("", request.POST.get("warned")):
                api = create(form.definition, message=form.cleaned_data["message"])
                messages.success(request, f"{api.name} is published.")
                return redirect("api-detail", request.org.slug, api.id)
    elif request.method == "POST":
        editing.say_all(request, form)
    return new_api(request, form, version=version, told=None if form.errors else told, **shown)


def new_api(request, form, *, source=None, base=None, version=None, told=None, notes=()):
    """The page of an API that is not there yet. source: the one that it is a copy of; base: the one that it is to be a
    version of, and version: a VersionForm. told: the Proposal that is to be looked at before it is published; notes:
    what else there is to know of it, such as how the document was read that it was made of."""
    context = {
        "section": "apis",
        "form": form,
        "as_json": isinstance(form, JsonForm),
        "may_write": request.user.may("apis", "write"),
        "source": source,
        "base": base,
        "version": version,
        "notes": notes,
    }
    if told:
        classic = kinds.as_classic(told.definition)
        context |= {"told": told, "fields": starter.fields(classic), "auth": kinds.auth(classic)}
    return render(request, "apis/edit.html", context, status=status_of(form, *[version] if version else []))


@access("session", "apis", methods="GET POST", form=True)
def api_edit(request, org, id):
    """What is sent becomes the API's draft; it is reviewed next, unless it says `save=draft`."""
    api = api_or_404(id)
    draft, base = drafts.of(api), editing.begun_from(request, api)
    form = editing.form_of(request, base=base, started_from=api.revision, draft=draft)
    if redrawn := editing.redrawn(form, request.POST):
        form = redrawn
    elif request.method == "POST" and editing.may_be_saved(request, form, api):
        with editing.said_in(form):
            return _saved(request, api, draft, form)
    context = {**about(request, api, "edit", draft), "form": form, "as_json": isinstance(form, JsonForm)}
    return render(request, "apis/edit.html", context, status=status_of(form))


def _saved(request, api, draft, form):
    """Save what a form says as the draft. Raises what that does, but for what others did meanwhile."""
    said, reviewing = form.cleaned_data, request.POST.get("save") != "draft"
    if reviewing and draft is None and publish.is_stored(api, form.draft):
        messages.info(request, "Nothing was different, so nothing was saved.")
        return redirect("api-detail", request.org.slug, api.id)
    try:
        drafts.save(
            api,
            form.as_text,
            author=request.user,
            seen=said["seen"],
            started_from=said["started_from"],
            message=said["message"],
        )
    except (Stale, DraftMoved) as error:
        return _stale(request, error.api, form)
    if reviewing:
        return redirect(f"{reverse('api-review', args=[request.org.slug])}?draft={api.id}")
    messages.success(request, "The draft is saved. Gateways are given it once it is published.")
    address = reverse("api-edit", args=[request.org.slug, api.id])
    return redirect(f"{address}?as=json" if isinstance(form, JsonForm) else address)


def _stale(request, api, form):
    """409: what others saved and published meanwhile beside what this would change, and a form that puts this in the
    place of it."""
    said, draft = form.cleaned_data, drafts.of(api)
    compared = functools.partial(drafts.judged, api, author=request.user)
    mine, _ = compared(form.draft)
    seen = Revision.objects.filter(definition_id=api.id, number=said["started_from"]).first()
    moved = draft and draft.stamp != said["seen"]
    theirs = compared(draft.definition)[0] if moved else api.definition
    again = JsonForm(
        base=form.draft,
        text=form.as_text,
        started_from=api.revision,
        message=said["message"],
        seen=draft.stamp if draft else "",
    )
    context = {
        **about(request, api, "edit", draft),
        "newest": api.revision != said["started_from"]
        and Revision.objects.get(definition_id=api.id, number=api.revision),
        "published": shown(seen.definition, api.definition) if seen else None,
        "moved": moved,
        "ended": draft is None and said["seen"],
        "drafted": shown(api.definition, theirs) if moved else None,
        "mine": shown(theirs, mine),
        "form": again,
    }
    return render(request, "apis/stale.html", context, status=409)


def api_or_404(id):
    if not is_id(id):
        raise Http404
    return get_object_or_404(ApiDefinition, id=id)


@access("session", "apis", methods="POST")
def api_cache(request, org, id):
    """Gateways drop what they keep of its responses."""
    api = api_or_404(id)
    responses.drop(api, request.user)
    messages.success(request, f"Gateways drop the responses that they keep of {api.name}, within seconds.")
    return redirect("api-detail", request.org.slug, api.id)


_UNREAD = object()


def about(request, api, tab, draft=_UNREAD):
    """What every page about one API is given. draft: its draft, if that has been read."""
    return {
        "section": "apis",
        "api": api,
        "tab": tab,
        "draft": drafts.of(api) if draft is _UNREAD else draft,
        "fields": starter.fields(kinds.as_classic(api.definition)),
        "may_write": request.user.may("apis", "write"),
    }


def _csv_row(api):
    return (
        api.name,
        api.api_id,
        api.listen_path,
        api.domain,
        api.target_url,
        api.auth,
        "yes" if api.active else "no",
        api.revision,
        api.updated_at.isoformat(timespec="seconds"),
        api.kind,
        api.wrapper.get("owner", ""),
        ", ".join(api.categories),
    )
