"""The page on which super-users say what of the gateway's host an organisation's definitions may name."""

from django.contrib import messages
from django.shortcuts import redirect, render

from apis.allowances import changes
from apis.allowances.forms import ReferenceForm
from apis.forms import WithdrawalForm
from apis.models import AllowedReference
from orgs.access import access
from orgs.http.refusals import bad_form, said_in, status_of


@access("super", methods="GET POST")
def reference_list(request, org):
    form = ReferenceForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        with said_in(form):
            row = changes.allow(request.org.id, form.cleaned_data["text"], author=request.user)
            messages.success(request, f"{request.org.owner_name} may use {row.text}.")
            return redirect("reference-list", org)
    rows = AllowedReference.objects.filter(org_id=request.org.id).order_by("text")
    context = {"section": "apis", "form": form, "rows": rows}
    return render(request, "apis/references.html", context, status=status_of(form))


@access("super", methods="POST")
def reference_withdraw(request, org):
    form = WithdrawalForm(request.POST)
    if not form.is_valid():
        return bad_form(request, form)
    changes.withdraw(request.org.id, form.cleaned_data["id"], author=request.user)
    messages.success(request, "It may be used no more. What is published stays as it is until it is changed.")
    return redirect("reference-list", org)
