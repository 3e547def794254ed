"""Pages of super-users about organisations: find, enter, create and change them."""

from django.contrib import messages
from django.db.models import Count
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.gzip import gzip_page

from orgs.access import access
from orgs.audit.changes import Stale
from orgs.http import paging
from orgs.http.conflict import conflict
from orgs.http.refusals import bad_form, said_in, status_of
from orgs.http.spreadsheet import csv_stream
from orgs.http.tables import Column, heads
from orgs.models import Organisation, User
from orgs.organisations import lifecycle
from orgs.organisations.forms import OrganisationChangeForm, OrganisationForm, OrganisationListForm
from orgs.providers import usage
from orgs.signing_in import form_tokens

COLUMNS = (
    Column("Organisation", "name", "name"),
    Column("State", "badge"),
    Column("People", "number"),
    Column("Created", "date", "created", lesser=True),
    Column("Time zone", lesser=True),
    Column("ID", lesser=True),
    Column("Change", "action"),
)
CSV_HEADER = ("id", "name", "slug", "enabled", "people", "time zone", "custom domain", "created")


@access("super")
@gzip_page
def organisation_list(request):
    form = OrganisationListForm(request.GET)
    if not form.is_valid():
        return bad_form(request, form)
    found = form.found(Organisation.everyone.present())
    if request.GET.get("format") == "csv":
        batches = paging.batches(found, form.order, _csv_rows, org_id=None)
        return csv_stream("organisations.csv", CSV_HEADER, batches)
    asked = {name: value for name, value in form.cleaned_data.items() if value}
    page = paging.page(request.GET, found, form.order, asked)
    ids = [organisation.pk for organisation in page.items]
    people = _people_of(page.items)
    used = usage.last_day("organisation", ids, None, request.user, timezone.now())
    columns = (*COLUMNS[:-1], used.column, COLUMNS[-1]) if used else COLUMNS
    context = {
        "section": "orgs",
        "asked": asked,
        "heads": heads(columns, asked, default="name"),
        "rows": [
            {"organisation": each, "people": people.get(each.pk, 0), "use": used and used.of.get(each.pk)}
            for each in page.items
        ],
        "usage": used,
        "page": page,
        "csv": "?" + urlencode({**asked, "format": "csv"}),
    }
    return render(request, "orgs/organisations.html", context)


def _people_of(organisations: list[Organisation]) -> dict[str, int]:
    """How many people each has, by its id; none is left out. Counted of these alone: of all it would read everybody."""
    people = User.everyone.filter(org__in=[each.pk for each in organisations]).order_by()
    return dict(people.values_list("org").annotate(Count("id")))


def _csv_rows(organisations: list[Organisation]):
    people = _people_of(organisations)
    for each in organisations:
        yield (
            each.pk,
            each.owner_name,
            each.slug,
            "yes" if each.enabled else "no",
            people.get(each.pk, 0),
            each.time_zone,
            each.cname,
            each.created_at.isoformat(timespec="seconds"),
        )


@access("super", methods="GET POST")
def organisation_create(request):
    """Sent again, as by a double click or a reload, the form leads to the organisation it has made."""
    form, form_token = OrganisationForm(request.POST or None), form_tokens.of(request.POST)
    if request.method == "POST" and form.is_valid():
        try:
            with said_in(form):
                made = lifecycle.create(actor=request.user, form_token=form_token, **form.cleaned_data)
                messages.success(request, f"{made.owner_name} is created.")
                return redirect("org-edit", made.pk)
        except lifecycle.AlreadyMade as already:
            messages.info(request, f"{already.organisation.owner_name} is created already.")
            return redirect("org-edit", already.organisation.pk)
    context = {"section": "orgs", "form": form, "form_token": form_token}
    return render(request, "orgs/organisation_form.html", context, status=status_of(form))


@access("super", methods="GET POST")
def organisation_edit(request, organisation):
    organisation = get_object_or_404(Organisation.everyone.present(), pk=organisation)
    initial = {name: getattr(organisation, name) for name in OrganisationForm.base_fields}
    initial["seen"] = organisation.change_number
    form = OrganisationChangeForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        expected = form.expected(organisation)
        try:
            with said_in(form):
                lifecycle.change(organisation, actor=request.user, expected=expected, **form.values())
                messages.success(request, f"{organisation.owner_name} is saved.")
                return redirect("org-list")
        except Stale as error:
            return conflict(request, error, form, _stored(form, error), section="orgs", again=request.path)
    context = {
        "section": "orgs",
        "form": form,
        "organisation": Organisation.everyone.get(pk=organisation.pk),
        "nobody": not User.everyone.filter(org=organisation).exists(),
    }
    return render(request, "orgs/organisation_form.html", context, status=status_of(form))


def _stored(form: OrganisationChangeForm, error: Stale) -> dict:
    """What the form would store: an empty slug leaves the slug."""
    values = form.values()
    return values | {"slug": values["slug"] or error.row.slug}
