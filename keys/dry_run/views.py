"""What a change that is not saved would have refused of the last days' requests: nothing is stored."""

from django.core.exceptions import PermissionDenied
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from keys.dry_run import callers
from keys.dry_run.forms import DryRunForm
from keys.keys import views as keys
from keys.keys.forms import SeenKeyForm
from keys.policies import editing
from keys.policies import views as policies
from keys.policies.forms import JsonForm
from orgs.access import access
from orgs.http.refusals import bad_form, said_in
from orgs.http.spreadsheet import csv_stream
from orgs.providers import dry_run

SHOWN = 50
# Sent beside the change, and not of it.
_OWN = {"csrfmiddlewaretoken", "dry_days", "dry_format", "save", "show", "find"}
CSV_HEADER = (
    *("key", "key_id", "requests", "refused_now_least", "refused_now_most"),
    *("refused_then_least", "refused_then_most", "first_refused_then", "cannot_be_told", "reasons_then"),
)


@access("session", "analytics", methods="POST", asking=True)
def policy_dry_run(request, org, id):
    """The form of a policy, sent here in place of its page: what is wrong with it is said there."""
    if not request.user.may("policies"):
        raise PermissionDenied
    policy, own = policies.policy_or_404(id), keys.apis_of_one(request.org.id)
    form = editing.form_of(request, own, policy)
    if not form.is_valid():
        if form.is_bound:  # and not sent to search
            editing.say_all(form, own, policy.org_id, policy)
        return policies.edit_page(request, form, own, policies.about(request, policy, "edit"))
    with editing.said_in(form):
        if found := editing.faults(form.definition, own, policy, policy.org_id):
            raise editing.Invalid(found)
        wanted = editing.as_stored(policy, form.definition)
        of_policy = callers.of_policy(policy, wanted, named=request.user.may("keys"))
        show = "json" if isinstance(form, JsonForm) else "form"
        back = reverse("policy-edit", args=[org, id]) + ("?as=json" if show == "json" else "")
        about = policies.about(request, policy, "edit") | {"what": policy.name, "back": back}
        about |= {"again": ("show", show), "cut": len(of_policy) >= callers.MOST}
        return _answer(request, of_policy, about)
    return policies.edit_page(request, form, own, policies.about(request, policy, "edit"))


@access("session", "analytics", methods="POST", asking=True)
def key_dry_run(request, org, key_id):
    """The form of a key, sent here in place of its page."""
    if not request.user.may("keys"):
        raise PermissionDenied
    key = keys.living_or_404(key_id)
    form, context = keys.edit_form(request, key)
    seen = SeenKeyForm(request.POST)
    if not seen.is_valid():
        return bad_form(request, seen)
    context |= seen.cleaned_data
    if form.is_valid():
        with said_in(form):
            back = reverse("key-edit", args=[org, key_id])
            about = {"section": "keys", "key": key, "what": str(key), "back": back, "again": ("find", "")}
            return _answer(request, callers.of_key(key, form.spec()), about)
    return keys.form_page(request, form, context)


def _answer(request, of, context):
    asked = DryRunForm(request.POST)
    if not asked.is_valid():
        return bad_form(request, asked)
    run = dry_run.of(request.org, request.user, of, asked.days, timezone.now())
    if run and asked.cleaned_data["dry_format"] == "csv":
        name = f"dry-run-{request.org.slug}.csv"
        return csv_stream(name, CSV_HEADER, [map(_row, run.keys)])
    sent = [
        (name, value) for name in request.POST if name not in _OWN for value in request.POST.getlist(name)
    ]
    context |= {
        "run": run,
        "days": asked.days,
        "shown": [key for key in run.keys if key.then.most or key.untold][:SHOWN] if run else [],
        "sent": sent,
        "of": len(of),
        "sees_keys": request.user.may("keys"),
    }
    return render(request, "keys/dry_run.html", context, status=200 if run else 503)


def _row(key):
    return (
        *(key.name, key.id, key.requests),
        *(key.now.least, key.now.most, key.then.least, key.then.most),
        key.first.isoformat(timespec="milliseconds") if key.first else "",
        key.untold,
        "; ".join(f"{met.reason}: {met.then}" for met in key.reasons),
    )
