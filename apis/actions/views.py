"""The page that does something to many APIs: it says what would become of which, and then does it, all or none."""

from django.contrib import messages
from django.db.models import Count, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from apis import guards
from apis.actions.export import archive
from apis.actions.forms import MOST, ActionForm
from apis.actions.kinds import EXPORT, KINDS, Kind
from apis.definitions.authentication import KEYLESS
from apis.files.archive import MOST_FILES
from apis.forms import ListForm
from apis.models import ApiDefinition
from apis.publishing import bulk
from apis.publishing.refusals import ManyRefused
from orgs.access import access
from orgs.http.choosing import digest, ticked
from orgs.providers import blast_radius
from orgs.providers.blast_radius import Called
from orgs.refusals import Invalid

SHOWN = 20
# More than so many take longer than people expect of a page: all are changed in one transaction.
LONG = 100
_FILTERS = list(ListForm.base_fields)


@access("session", "apis", methods="POST", form=True)
def api_actions(request, org):
    """Says what would become of which APIs; sent again as `confirmed`, does it. An export is answered at once."""
    form, apis = _asked(request)
    if form.cleaned_data["action"] == EXPORT:
        return _exported(request, apis)
    kind, seen = KINDS[form.cleaned_data["action"]], form.cleaned_data["seen"]
    counts = apis.order_by().aggregate(
        all=Count("pk"), touched=Count("pk", filter=kind.applies(form.arguments))
    )
    touched = apis.filter(kind.applies(form.arguments))
    if counts["touched"] > MOST:
        raise Invalid(f"More than {MOST:,} APIs would be changed. Filter the list.", "which")
    refused = None
    if form.cleaned_data["confirmed"] and seen and counts["touched"]:
        try:
            if done := _done(request, form, kind, touched):
                return done
        except ManyRefused as error:
            refused = error
        except Invalid as error:
            form.add_error(error.field, error.message)
    danger = form.cleaned_data["action"] == "deactivate"
    context = {
        "section": "apis",
        "kind": kind,
        "danger": danger,
        "is_long": counts["touched"] > LONG,
        "radius": blast_radius.of(
            request.org, request.user, Called(apis=tuple(touched.values_list("api_id", flat=True)))
        )
        if danger and counts["touched"]
        else None,
        "opened": touched.filter(auth=KEYLESS).count() if form.cleaned_data["action"] == "activate" else 0,
        "form": form,
        "loss": guards.loss_without(request.org.id, *touched.values_list("id", flat=True))
        if danger
        else None,
        "counts": counts | {"otherwise": counts["all"] - counts["touched"]},
        "argument": "".join(form.arguments.values()),
        "first": list(touched.order_by("name", "id").defer("definition_text")[:SHOWN]),
        "changed": seen and not form.errors,
        "refused": refused,
        "list": _list(request),
        "sent": _sent(request, form, digest(touched)),
    }
    status = 400 if form.errors else 409 if seen else 200
    return render(request, "apis/actions/confirm.html", context, status=status)


def _done(request, form: ActionForm, kind: Kind, touched: QuerySet[ApiDefinition]) -> HttpResponse | None:
    """None where these are others than those that were seen; one that is changed from now on is refused."""
    apis = list(touched.order_by("id"))
    if digest(touched.model.objects.filter(pk__in=[api.pk for api in apis])) != form.cleaned_data["seen"]:
        return None
    changes = [kind.change(api, form.arguments) for api in apis]
    with guards.guarded(request.org.id, form.cleaned_data["removed"]):
        bulk.publish(request.org.id, changes, author=request.user, message=kind.done)
    many = "1 API is" if len(changes) == 1 else f"{len(changes):,} APIs are"
    told = " Gateways load it within seconds." if kind.is_of_gateways else ""
    messages.success(request, f"{kind.words}: {many} changed.{told}")
    return redirect(_list(request))


def _list(request) -> str:
    """The address of the list that the APIs were chosen from."""
    asked = urlencode(_filter(request))
    address = reverse("api-list", args=[request.org.slug])
    return f"{address}?{asked}" if asked else address


def _filter(request) -> list[tuple[str, str]]:
    return [(name, value) for name in _FILTERS if (value := request.POST.get(name))]


def _asked(request) -> tuple[ActionForm, QuerySet[ApiDefinition]]:
    """What shall be done, and to which APIs. Raises Invalid."""
    form, filters = ActionForm(request.POST), ListForm(request.POST)
    for each in (form, filters):
        if not each.is_valid():
            name, faults = next(iter(each.errors.items()))
            raise Invalid(faults[0], name)
    if form.cleaned_data["which"] == "ticked":
        return form, ticked(ApiDefinition.objects.all(), request.POST.getlist("api"), "API")
    return form, filters.found(ApiDefinition.objects.all())


def _exported(request, apis: QuerySet[ApiDefinition]) -> HttpResponse:
    found = list(apis.order_by("name", "id")[: MOST_FILES + 1])
    if len(found) > MOST_FILES:
        raise Invalid(f"More than {MOST_FILES:,} APIs would be exported. Filter the list.", "which")
    response = HttpResponse(archive(found), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="apis-{request.org.slug}.zip"'
    return response


def _sent(request, form: ActionForm, touched: str) -> list[tuple[str, str]]:
    """What the button that confirms sends."""
    asked = form.sent(form.arguments, touched)
    return [*asked.items(), *_filter(request), *(("api", id) for id in request.POST.getlist("api"))]
