"""Pages of the versions of an API that are APIs of their own: a new one, and what becomes of one that there is.

Which versions an API has is in its definition, so what is changed of that is a draft, reviewed before it is published.
"""

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse

from apis import editing
from apis.definitions import document, kinds
from apis.definitions.versions import SELF
from apis.drafts import lifecycle as drafts
from apis.history_views import NEWER
from apis.importing.views import DRAFTED
from apis.publishing.refusals import DraftMoved, Stale
from apis.versions import lifecycle
from apis.versions.forms import ChoiceForm, VersionForm
from apis.views import about, api_or_404, creating
from orgs.access import access
from orgs.http.refusals import bad_form, bad_request
from orgs.organisations.limits import LimitReached


@access("session", "apis", methods="GET POST", form=True)
def version_create(request, org, id):
    """A new API as a version of this one, of which it starts as a copy; published as any new API is."""
    base = api_or_404(id)
    form = editing.form_of(request, base=lifecycle.copy(base), is_stored=False)
    version = VersionForm(request.POST if request.method == "POST" else None, base=base)

    def make(definition, message):
        said = version.cleaned_data
        return lifecycle.create(
            base,
            definition,
            name=said["name"],
            base_name=said.get("base_name", ""),
            default=said["default"],
            author=request.user,
            message=message,
        )

    return creating(request, form, make, base=base, version=version, notes=[lifecycle.NOT_IN_3])


@access("session", "apis", methods="GET POST")
def api_versions(request, org, id):
    """The versions of an API. POST makes one the default or takes one away, in the API's draft, which is reviewed
    next; the API that it is stays."""
    api = api_or_404(id)
    if request.method == "POST":
        return _chosen(request, api)
    context = about(request, api, "versions") | {
        "versions": lifecycle.listed(api),
        "not_in_3": lifecycle.NOT_IN_3,
    }
    return render(request, "apis/versions.html", context)


def _chosen(request, api):
    form = ChoiceForm(request.POST)
    if not form.is_valid():
        return bad_form(request, form)
    name, said = form.cleaned_data["name"], kinds.versioning(api.definition)
    if form.cleaned_data["do"] == "default" and name in ("", *said.apis):
        wanted = said._replace(default=name or SELF)
        message = f"Callers who name no version come to {name or said.name}"
    elif form.cleaned_data["do"] == "removal" and name in said.apis:
        wanted, message = said.without(name), f"Took version {name} away"
    else:
        return bad_request(request, "name: is no version of this API")
    try:
        drafts.save(
            api,
            document.pretty(kinds.with_versioning(api.definition, wanted)),
            author=request.user,
            seen="",
            started_from=form.cleaned_data["started_from"],
            message=message,
        )
    except LimitReached as error:
        messages.error(request, f"The versions cannot be changed now: {error}")
    except DraftMoved:
        messages.error(request, DRAFTED.format(name=api.name))
    except Stale:
        messages.error(request, NEWER)
    else:
        return redirect(f"{reverse('api-review', args=[request.org.slug])}?draft={api.id}")
    return redirect("api-versions", request.org.slug, api.id)
