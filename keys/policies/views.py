"""Pages of an organisation's policies: the list, one policy, and the two ways to write it."""

from django.contrib import messages
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import urlencode
from django.views.decorators.gzip import gzip_page

from apis.definitions.difference import shown
from apis.definitions.document import pretty
from apis.models import ApiDefinition
from keys.keys.reader import apis_of_one
from keys.models import Policy, PolicyRevision
from keys.policies import document, editing, fields, lifecycle
from keys.policies.effect import words
from keys.policies.forms import LAST_CHANGED_FIRST, JsonForm, ListForm
from keys.policies.refusals import AlreadyMade, Invalid, Stale
from keys.policies.use import holders
from orgs.access import access
from orgs.http import paging
from orgs.http.refusals import bad_form, status_of
from orgs.http.spreadsheet import csv_stream
from orgs.http.tables import Column, heads
from orgs.ids import is_id
from orgs.providers import dry_run
from orgs.signing_in import form_tokens

COLUMNS = (
    Column("Name", "", "name"),
    Column("State", "badge"),
    Column("APIs", "figure"),
    Column("Keys", "figure"),
    Column("Rate", "badge", lesser=True),
    Column("Quota", "date", lesser=True),
    Column("Changed", "date", "updated_at", lesser=True),
)
CSV_HEADER = (
    "id",
    "name",
    "state",
    "APIs",
    "keys",
    "rate",
    "per",
    "quota",
    "renewed after",
    "tags",
    "changed",
)


@access("session", "policies")
@gzip_page
def policy_list(request, org):
    form = ListForm(request.GET)
    if not form.is_valid():
        return bad_form(request, form)
    found = form.found(Policy.objects.all())
    if request.GET.get("format") == "csv":
        batches = paging.batches(found, form.order, _csv_rows, org_id=request.org.id)
        return csv_stream(f"policies-{request.org.slug}.csv", CSV_HEADER, batches)
    asked = {name: value for name, value in form.cleaned_data.items() if value}
    page = paging.page(request.GET, found, form.order, asked)
    numbers = holders.numbers_of(page.items)
    context = {
        "section": "policies",
        "form": form,
        "rows": [_row(policy, numbers[policy.id]) for policy in page.items],
        "asked": asked,
        "heads": heads(COLUMNS, asked, default=LAST_CHANGED_FIRST),
        "csv": "?" + urlencode({**asked, "format": "csv"}),
        "page": page,
        "may_write": request.user.may("policies", "write"),
    }
    return render(request, "policies/list.html", context)


def _row(policy, keys):
    stored = policy.document
    return {
        "policy": policy,
        "apis": len(document.opened_apis(stored)),
        "keys": keys,
        "rate": words.rate(stored),
        "quota": words.quota(stored),
    }


def _csv_rows(policies):
    numbers = holders.numbers_of(policies, holders.MOST)
    for policy in policies:
        stored = policy.document
        yield (
            policy.policy_id,
            policy.name,
            policy.state,
            " ".join(document.opened_apis(stored)),
            str(numbers[policy.id]).replace(",", ""),
            stored["rate"],
            stored["per"],
            stored["quota_max"],
            stored["quota_renewal_rate"],
            " ".join(policy.tags),
            policy.updated_at.isoformat(timespec="seconds"),
        )


@access("session", "policies")
def policy_detail(request, org, id):
    policy = policy_or_404(id)
    stored = policy.document
    opened = ApiDefinition.objects.filter(org_id=policy.org_id, api_id__in=document.opened_apis(stored))
    apis = list(opened.order_by("name", "id").defer("definition_text"))
    names = {api.api_id: api.name for api in apis}
    context = about(request, policy, "overview") | {
        "rows": [_right(api, stored["access_rights"][api.api_id]) for api in apis],
        "limits": {
            "Rate": words.rate(stored),
            "Throttling": words.throttling(stored),
            "Quota": words.quota(stored),
            "GraphQL query depth": words.depth(stored),
        },
        "sets": words.sets(stored),
        "ends": words.duration(policy.key_expires_in) if policy.key_expires_in > 0 else "",
        "notes": words.notes(stored),
        "seen": words.seen(stored, names),
        "differing": words.differing(stored, names),
        "stored": stored,
        "meta_data": pretty(stored["meta_data"]) if stored["meta_data"] else "",
        "held": holders.numbers_of([policy], holders.MOST)[policy.id],
        "first": holders.first_of(policy) if request.user.may("keys") else [],
        "sees_apis": request.user.may("apis"),
        "sees_keys": request.user.may("keys"),
        "may_make_keys": request.user.may("keys", "write"),
    }
    return render(request, "policies/detail.html", context)


def _right(api, right):
    return {
        "api": api,
        "versions": right.get("versions") or [],
        "paths": len(right.get("allowed_urls") or []),
        "limits": words.limits_of(right),
    }


@access("session", "policies")
def policy_definition(request, org, id):
    policy = policy_or_404(id)
    context = about(request, policy, "definition") | {"text": pretty(policy.document)}
    return render(request, "policies/definition.html", context)


@access("session", "policies", methods="GET POST", form=True)
def policy_create(request, org):
    own, form_token = apis_of_one(request.org.id), form_tokens.of(request.POST)
    form = editing.form_of(request, own)
    if "show" in request.POST:
        form = editing.switched(form, request.POST["show"], own)
    elif form.is_bound and form.is_valid():
        try:
            with editing.said_in(form):
                return _created(request, form, form_token)
        except AlreadyMade as already:
            messages.info(request, f"{already.policy.name} is made already.")
            return redirect("policy-detail", org, already.policy.id)
    elif form.is_bound:
        editing.say_all(form, own, request.org.id)
    return edit_page(request, form, own, {"section": "policies", "form_token": form_token})


def _created(request, form, form_token):
    policy = lifecycle.create(
        request.org.id,
        form.definition,
        author=request.user,
        message=form.cleaned_data["message"],
        form_token=form_token,
    )
    messages.success(request, f"{policy.name} is made. Give it to keys.")
    return redirect("policy-detail", request.org.slug, policy.id)


@access("session", "policies", methods="GET POST", form=True)
def policy_edit(request, org, id):
    """A form that is sent leads to what it would change and for whom; sent from there with `save`, it is saved."""
    policy, own = policy_or_404(id), apis_of_one(request.org.id)
    form = editing.form_of(request, own, policy)
    if "show" in request.POST:
        form = editing.switched(form, request.POST["show"], own)
    elif form.is_bound and form.is_valid():
        with editing.said_in(form):
            return (
                _saved(request, policy, form)
                if "save" in request.POST
                else _review(request, policy, form, own)
            )
    elif form.is_bound:
        editing.say_all(form, own, policy.org_id, policy)
    return edit_page(request, form, own, about(request, policy, "edit"))


def edit_page(request, form, own, context):
    """The page of a form that is not sent yet, or has faults."""
    as_json = isinstance(form, JsonForm)
    context |= {"form": form, "as_json": as_json, "apis": own, "sees_traffic": dry_run.told(request.user)}
    return render(request, "policies/edit.html", context, status=status_of(form))


def _review(request, policy, form, own):
    """What a change would change, and for how many keys. Raises Invalid."""
    if found := editing.faults(form.definition, own, policy, policy.org_id):
        raise Invalid(found)
    if form.cleaned_data["started_from"] != policy.revision:
        return _stale(request, policy, form)
    after = editing.as_stored(policy, form.definition)
    if document.same(policy.document, after):
        messages.info(request, "Nothing was different, so nothing was saved.")
        return redirect("policy-detail", request.org.slug, policy.id)
    affected = holders.of(policy, named=request.user.may("keys"))
    context = about(request, policy, "edit") | {
        "difference": difference(policy.document, after),
        "holders": affected,
        "radius": holders.radius_of(request.org, request.user, policy),
        "consequences": words.consequences(policy.document, after, affected.losing),
        "form": _carrying(form, policy),
        "as_json": isinstance(form, JsonForm),
    }
    return render(request, "policies/review.html", context)


def _carrying(form, policy):
    """A form that holds what was typed, to be sent again from another page."""
    message = form.cleaned_data["message"]
    return JsonForm(base=form.definition, started_from=policy.revision, message=message)


def _saved(request, policy, form):
    """Store what a form says. Raises what lifecycle.change does, but for Stale."""
    said = form.cleaned_data
    try:
        changed = lifecycle.change(
            policy,
            form.definition,
            author=request.user,
            message=said["message"],
            expected=said["started_from"],
        )
    except Stale as error:
        return _stale(request, error.policy, form)
    if changed.revision == policy.revision:
        messages.info(request, "Nothing was different, so nothing was saved.")
    else:
        messages.success(request, f"Revision {changed.revision} of {changed.name} is saved.")
    return redirect("policy-detail", request.org.slug, policy.id)


def _stale(request, policy, form):
    """409: both changes side by side, and a form that puts this one on top of the other."""
    revisions = PolicyRevision.objects.filter(policy_row_id=policy.id)
    seen = revisions.filter(number=form.cleaned_data["started_from"]).first()
    context = about(request, policy, "edit") | {
        "newest": revisions.get(number=policy.revision),
        "theirs": difference(seen.document, policy.document) if seen else None,
        "mine": difference(policy.document, editing.as_stored(policy, form.definition)),
        "holders": holders.of(policy, named=False),
        "form": _carrying(form, policy),
    }
    return render(request, "policies/stale.html", context, status=409)


def difference(before, after):
    """What differs between two stored policies, without what follows from the rest."""
    return shown(fields.editable(before), fields.editable(after))


def policy_or_404(id):
    if not is_id(id):
        raise Http404
    return get_object_or_404(Policy, id=id)


def about(request, policy, tab):
    """What every page about one policy is given."""
    return {
        "section": "policies",
        "policy": policy,
        "tab": tab,
        "may_write": request.user.may("policies", "write"),
        "sees_keys": request.user.may("keys"),
    }
