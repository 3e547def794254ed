"""The page that makes an API of an OpenAPI document."""

from django.contrib import messages
from django.shortcuts import redirect, render

from apis import editing
from apis.importing.forms import ImportForm
from apis.publishing import publish
from orgs.access import access
from orgs.http.refusals import status_of


@access("session", "apis", methods="GET POST", form=True, files=True)
def api_import(request, org):
    # A form that was sent empty was sent too.
    form = ImportForm(request.POST, request.FILES) if request.method == "POST" else ImportForm()
    if form.is_valid():
        with editing.said_in(form):
            api = publish.create(request.org.id, form.definition, author=request.user, message="Imported")
            messages.success(request, f"{api.name} is published.")
            for note in form.notes:
                messages.info(request, note)
            return redirect("api-detail", request.org.slug, api.id)
    context = {"section": "apis", "form": form, "may_write": request.user.may("apis", "write")}
    return render(request, "apis/import.html", context, status=status_of(form))
