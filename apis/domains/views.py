"""The page on which super-users say which domains are an organisation's."""

from django.contrib import messages
from django.db.models import Count
from django.shortcuts import redirect, render

from apis.domains import changes
from apis.domains.forms import DomainForm
from apis.forms import WithdrawalForm
from apis.models import ApiDefinition, Domain
from orgs.access import access
from orgs.http.refusals import bad_form, said_in, status_of


@access("super", methods="GET POST")
def domain_list(request, org):
    form = DomainForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        with said_in(form):
            row = changes.give(request.org.id, form.cleaned_data["name"], author=request.user)
            messages.success(request, f"{row.name} is a domain of {request.org.owner_name}.")
            return redirect("domain-list", org)
    return _page(request, form, status_of(form))


@access("super", methods="POST")
def domain_withdraw(request, org):
    form = WithdrawalForm(request.POST)
    if not form.is_valid():
        return bad_form(request, form)
    if name := changes.take_away(request.org.id, form.cleaned_data["id"], author=request.user):
        messages.success(request, f"{name} is no domain of {request.org.owner_name} any more.")
    return redirect("domain-list", org)


def _page(request, form, status):
    listening = ApiDefinition.objects.filter(org_id=request.org.id).exclude(claimed_domain="")
    counted = dict(listening.values_list("claimed_domain").annotate(Count("id")).order_by("claimed_domain"))
    rows = list(Domain.objects.filter(org_id=request.org.id).order_by("name"))
    for row in rows:
        row.apis = counted.pop(row.name, 0)
    context = {"section": "apis", "form": form, "rows": rows, "others": counted}
    return render(request, "apis/domains.html", context, status=status)
