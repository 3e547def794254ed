"""The list of an organisation's keys, by filters, and its CSV."""

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.gzip import gzip_page

from keys.actions.forms import ActionForm
from keys.finding import tokens
from keys.finding.forms import NEWEST_FIRST, KeyFilterForm
from keys.finding.rows import rows
from keys.keys import picker
from keys.keys.delivery import delivered_of
from keys.keys.picker import offered
from keys.keys.reader import apis_of_one, policies_of, policies_of_one, rights_of
from keys.models import FoundSession, Key
from keys.rotation import generations
from orgs.access import access
from orgs.http import paging
from orgs.http.spreadsheet import csv_stream
from orgs.http.tables import Column, heads
from orgs.providers import callers, usage

COLUMNS = (
    Column("Name", "name", "name"),
    Column("State", "state"),
    Column("Opens", lesser=True),
    Column("Expires", "date", lesser=True),
    Column("Created", "date", "created", lesser=True),
    Column("Quota used", "badge"),
)
CSV_HEADER = ("id", "name", "owner", "hash", "state", "APIs", "policies", "expires", "created", "delivered")
# What the form of the list asks for.
ASKED = (*KeyFilterForm.base_fields, "api_query", "policy_query", "find")
MOST_OFFERED = 200  # policies that can be given to many keys at once
# Of what is asked by links and has no field of its own in the form of filters: its words.
CHIPS = {"owner": "Owner", "tag": "Tag", "ends": "Expires", "no_owner": "Owner"}


@access("session", "keys")
@gzip_page
def key_list(request, org):
    apis, policies = apis_of_one(request.org.id), policies_of_one(request.org.id)
    sees_traffic = callers.told(request.user)
    filters = KeyFilterForm(request.GET, apis=apis, policies=policies, sees_traffic=sees_traffic)
    if not filters.is_valid():
        return render(request, "keys/list.html", {"section": "keys", "filters": filters}, status=400)
    matching = filters.found(request.org, request.user, timezone.now())
    if matching is None:
        return render(request, "keys/list.html", {"section": "keys", "unknown": True}, status=503)
    if request.GET.get("format") == "csv":
        batches = paging.batches(matching.keys, filters.order, _csv_rows, org_id=request.org.id)
        return csv_stream(f"keys-{request.org.slug}.csv", CSV_HEADER, batches)
    asked = filters.asked()
    counted = paging.COUNTED if matching.countable else 0
    page = paging.page(
        request.GET, matching.keys, filters.order, asked, counted=counted, known=matching.total
    )
    used = _usage(request, page.items)
    context = {
        "section": "keys",
        "filters": filters,
        "asked": asked,
        "chips": _chips(filters, asked),
        "kept": {name: asked[name] for name in (*CHIPS, "sort") if name in asked},
        "rows": rows(page.items, used.of if used else {}, reverse("key-list", args=[org])),
        "heads": heads((*COLUMNS, used.column) if used else COLUMNS, asked, default=NEWEST_FIRST),
        "usage": used,
        "page": page,
        "apis": apis,
        "pickers": _pickers(request, asked, apis, policies),
        "csv": "?" + urlencode({**asked, "format": "csv"}),
        "elsewhere": FoundSession.objects.filter(org_id=request.org.id).count(),
        "may_write": request.user.may("keys", "write"),
        "actions": ActionForm(None, policies=()),
        "assignable": offered(policies)[:MOST_OFFERED],
    }
    return render(request, "keys/list.html", context)


@access("session", "keys", methods="POST", asking=True)
@sensitive_post_parameters("q")
def key_search(request, org):
    """The list's form is sent here, because a token may have been typed: what that opens is shown. Anything else is
    searched for by the list, whose address says it."""
    text = request.POST.get("q", "")
    place = reverse("key-list", args=[org])
    if 0 < len(text) <= tokens.LONGEST and (key := tokens.found(request.org.id, text)):
        return redirect("key-detail", org, key.id)
    if tokens.is_token(text) or len(text) > tokens.LONGEST:
        messages.info(request, "No key of this organisation has the token that you have searched for.")
        return redirect(place)
    asked = {name: request.POST[name] for name in ASKED if request.POST.get(name)}
    return redirect(f"{place}?{urlencode(asked)}" if asked else place)


def _usage(request, keys: list[Key]):
    hashes = [key.token_hash for key in keys]
    return usage.last_day(
        "key", hashes, request.org, request.user, timezone.now(), former=generations.former(keys)
    )


def _pickers(request, asked, apis, policies) -> list[dict]:
    """What the form needs to choose an API and a policy by."""
    kinds = (
        ("api", "API", "an", picker.of_apis(apis)),
        ("policy", "policy", "a", picker.of_policies(policies)),
    )
    found = []
    for name, noun, article, options in kinds:
        query = request.GET.get(f"{name}_query", "")[: picker.LONGEST_SEARCH]
        choice = picker.choice(options, {asked.get(name, "")}, query)
        found.append(
            {
                "name": name,
                "noun": noun,
                "article": article,
                "query": query,
                "choice": choice,
                "searchable": choice.searchable or bool(query),
                "options": options,
                "value": asked.get(name, ""),
            }
        )
    return found


def _chips(filters: KeyFilterForm, asked: dict[str, str]) -> list[tuple[str, str, str]]:
    """(what, its value, the address without it) of filters that were asked for by a link."""
    found = []
    for name, words in CHIPS.items():
        if name in asked:
            choices = dict(getattr(filters.fields[name], "choices", ()))
            rest = {other: value for other, value in asked.items() if other != name}
            found.append((words, choices.get(asked[name], asked[name]), "?" + urlencode(rest)))
    return found


def _csv_rows(keys: list[Key]):
    rights, policies, delivered = rights_of(keys), policies_of(keys), delivered_of(keys)
    for key in keys:
        opened = rights[key.id]
        yield (
            key.id,
            key.alias,
            key.owner,
            key.token_hash,
            key.state(policies[key.id]),
            "all" if opened is None else " ".join(right.api_id for right in opened),
            " ".join(policy.policy_id for policy in policies[key.id]),
            key.expires_at.isoformat() if key.expires_at else "",
            key.created_at.isoformat(),
            "yes" if key.id in delivered else "no",
        )
