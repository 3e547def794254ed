"""Pages of what happened to a policy, and its end."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import urlencode

from apis.definitions.document import pretty
from apis.forms import DeletionForm, HistoryForm, RestoreForm, RevisionForm
from apis.history_views import csv_row
from keys.models import OAuthClient, PolicyRevision
from keys.policies import lifecycle
from keys.policies.refusals import Invalid, Stale, Taken
from keys.policies.use import holders
from keys.policies.use.naming import apis_naming
from keys.policies.views import about, difference, policy_or_404
from orgs.access import access
from orgs.http import paging
from orgs.http.refusals import bad_form
from orgs.http.spreadsheet import csv_stream
from orgs.http.tables import Column, heads
from orgs.organisations.limits import LimitReached

NEWER = "Somebody saved a newer revision meanwhile. Look at it first."
COLUMNS = (
    Column("Revision", "name", "number"),
    Column("Saved", "time"),
    Column("By"),
    Column("Message"),
)
CSV_HEADER = ("revision", "saved", "by", "message")
LONGEST_SHOWN = 100_000  # characters of a policy beside its difference


@access("session", "policies")
def policy_history(request, org, id):
    """Revisions, newest first unless asked otherwise; all of them as CSV with format=csv."""
    policy = policy_or_404(id)
    form = HistoryForm(request.GET)
    if not form.is_valid():
        return bad_form(request, form)
    revisions = PolicyRevision.objects.filter(policy_row_id=policy.id).defer("document_text")
    if request.GET.get("format") == "csv":
        rows = paging.batches(revisions, form.order, lambda rows: map(csv_row, rows), org_id=request.org.id)
        return csv_stream(f"history-{policy.id}.csv", CSV_HEADER, rows)
    asked = {name: value for name, value in form.cleaned_data.items() if value}
    page = paging.page(request.GET, revisions, form.order, asked)
    context = about(request, policy, "history") | {
        "heads": heads(COLUMNS, asked, default="-number"),
        "rows": page.items,
        "page": page,
        "csv": "?" + urlencode({**asked, "format": "csv"}),
    }
    return render(request, "policies/history.html", context)


@access("session", "policies", methods="GET POST")
def policy_revision(request, org, id, number):
    """One revision and its difference to another (`against`, else the one before, and of the first the newest);
    `format=json` is all of it. POST restores it."""
    policy = policy_or_404(id)
    revisions = PolicyRevision.objects.filter(policy_row_id=policy.id)
    revision = get_object_or_404(revisions, number=number)
    if request.method == "POST":
        return _restore(request, policy, revision)
    form = RevisionForm(request.GET)
    if not form.is_valid():
        return bad_form(request, form)
    if request.GET.get("format") == "json":
        return _download(policy, revision)
    asking = "restore" in request.GET
    numbers = list(revisions.order_by("-number").values_list("number", flat=True))
    before = next((each for each in numbers if each < number), policy.revision)
    against = policy.revision if asking else form.cleaned_data["against"] or before
    other = get_object_or_404(revisions, number=against)
    text = pretty(revision.document)
    context = about(request, policy, "history") | {
        "revision": revision,
        "asking": asking,
        "holders": holders.of(policy, named=False) if asking else None,
        "radius": holders.radius_of(request.org, request.user, policy) if asking else None,
        "other": other,
        "difference": difference(other.document, revision.document),
        "revision_text": text if len(text) <= LONGEST_SHOWN else "",
        "numbers": numbers,
    }
    return render(request, "policies/revision.html", context)


def _download(policy, revision):
    headers = {"Content-Disposition": f'attachment; filename="{policy.id}-{revision.number}.json"'}
    text = pretty(revision.document)
    return HttpResponse(text, content_type="application/json; charset=utf-8", headers=headers)


def _restore(request, policy, revision):
    form = RestoreForm(request.POST)
    if not form.is_valid():
        return bad_form(request, form)
    try:
        lifecycle.change(
            policy,
            revision.document,
            author=request.user,
            message=f"Restored revision {revision.number}",
            expected=form.cleaned_data["started_from"],
        )
    except (Invalid, Taken, LimitReached) as error:
        messages.error(request, f"Revision {revision.number} cannot be restored now: {error}")
    except Stale:
        messages.error(request, NEWER)
    else:
        messages.success(request, f"Revision {revision.number} holds again.")
    return redirect("policy-history", request.org.slug, policy.id)


@access("session", "policies", methods="GET POST", form=True)
def policy_delete(request, org, id):
    """Asks first; asks again when somebody changed it since."""
    policy, newest = policy_or_404(id), None
    if request.method == "POST":
        form = DeletionForm(request.POST)
        if not form.is_valid():
            return bad_form(request, form)
        try:
            lifecycle.delete(policy, author=request.user, expected=form.cleaned_data["started_from"])
        except Stale as error:
            policy = error.policy
            newest = PolicyRevision.objects.get(policy_row_id=policy.id, number=policy.revision)
        else:
            messages.success(request, f"{policy.name} is deleted.")
            return redirect("policy-list", request.org.slug)
    context = about(request, policy, "delete") | {
        "newest": newest,
        "holders": holders.of(policy, named=request.user.may("keys")),
        "radius": holders.radius_of(request.org, request.user, policy),
        "naming": apis_naming(policy),
        "sees_apis": request.user.may("apis"),
        "clients": OAuthClient.objects.filter(org_id=policy.org_id, policy=policy).count(),
    }
    return render(request, "policies/delete.html", context, status=409 if newest else 200)
