"""Pages of super-users about organisations: find, enter, create and change them."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import urlencode

from orgs import people
from orgs.access import access
from orgs.forms import OrganisationForm, add_errors
from orgs.models import Organisation

A_PAGE = 50


@access("super")
def organisation_list(request):
    query = request.GET.get("q", "").strip()
    found = Organisation.everyone.present().annotate(people=Count("users")).order_by("owner_name", "id")
    if query:
        found = found.filter(Q(owner_name__icontains=query) | Q(slug__icontains=query) | Q(pk=query))
    page = Paginator(found, A_PAGE).get_page(request.GET.get("page"))
    context = {"section": "orgs", "query": query, "page": page}
    if page.has_previous():
        context["newer"] = page_address(query, page.previous_page_number())
    if page.has_next():
        context["older"] = page_address(query, page.next_page_number())
    return render(request, "orgs/organisations.html", context)


def page_address(query: str, number: int) -> str:
    return "?" + urlencode({"q": query, "page": number})


@access("super", methods="GET POST")
def organisation_create(request):
    form = OrganisationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            organisation = people.create_organisation(actor=request.user, **form.cleaned_data)
        except ValidationError as error:
            add_errors(form, error)
        else:
            messages.success(request, f"{organisation.owner_name} is created.")
            return redirect("org-edit", organisation.pk)
    return render(request, "orgs/organisation_form.html", {"section": "orgs", "form": form})


@access("super", methods="GET POST")
def organisation_edit(request, organisation):
    organisation = get_object_or_404(Organisation.everyone.present(), pk=organisation)
    initial = {name: getattr(organisation, name) for name in OrganisationForm.base_fields}
    form = OrganisationForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        facts = {**form.cleaned_data, "slug": form.cleaned_data["slug"] or organisation.slug}
        try:
            people.change_organisation(organisation, actor=request.user, **facts)
        except ValidationError as error:
            add_errors(form, error)
        else:
            messages.success(request, f"{organisation.owner_name} is saved.")
            return redirect("org-list")
    context = {"section": "orgs", "form": form, "organisation": Organisation.everyone.get(pk=organisation.pk)}
    return render(request, "orgs/organisation_form.html", context)
