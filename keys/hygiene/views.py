"""Which keys somebody should look at, and taking from one what it never calls."""

from dataclasses import replace

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils import timezone

from apis.models import ApiDefinition
from keys.hygiene import findings
from keys.keys import lifecycle
from keys.keys.forms import SeenKeyForm
from keys.keys.reader import policies_of, rights_of
from keys.keys.views import living_or_404
from keys.models import Key
from keys.rotation.generations import hashes_of
from orgs.access import access
from orgs.http.refusals import bad_form
from orgs.providers import callers


@access("session", "keys")
def key_hygiene(request, org):
    now = timezone.now()
    found = findings.of(request.org, request.user, now)
    context = {
        "section": "keys",
        "findings": found,
        "told": callers.told(request.user),
        "kept": request.org.retention.days("days"),
        "since": next((each.since for each in found if each.since), None),
        "now": now,
        "may_write": request.user.may("keys", "write"),
    }
    return render(request, "keys/hygiene/hygiene.html", context)


@access("session", "keys", methods="GET POST", form=True)
def key_shrink(request, org, key_id):
    """GET says which APIs the key has never called, POST takes them out of its own rights."""
    key = living_or_404(key_id)
    spare = _spare(request, key)
    if request.method == "POST":
        return _shrink(request, key, spare)
    names = ApiDefinition.objects.filter(org_id=key.org_id).order_by("name", "id")
    opened = [right.api_id for right in rights_of([key])[key.id] or ()]
    context = {
        "section": "keys",
        "key": key,
        "opened": len(opened),
        "since": _counted_since(request) if spare else None,
        "spare": list(names.filter(api_id__in=spare).values_list("name", flat=True)),
        "kept": list(names.filter(api_id__in=set(opened) - spare).values_list("name", flat=True)),
    }
    return render(request, "keys/hygiene/shrink.html", context)


def _counted_since(request):
    """From when on requests are known, None where that cannot be said."""
    counted = callers.of(request.org, request.user, callers.EVER, timezone.now())
    return counted.since if counted else None


def _spare(request, key: Key) -> set[str]:
    """The APIs of its own rights that the key has never called; none where that cannot be told."""
    if policies_of([key])[key.id]:
        return set()
    called = callers.apis_of(request.org, request.user, hashes_of(key), callers.EVER, timezone.now()) or {}
    opened = {right.api_id for right in rights_of([key])[key.id] or ()}
    return findings.spare_of(opened, set().union(*called.values()))


def _shrink(request, key: Key, spare: set[str]):
    """An API that was called meanwhile stays."""
    seen = SeenKeyForm(request.POST)
    if not seen.is_valid():
        return bad_form(request, seen)
    if not spare:
        raise Http404
    spec = lifecycle.spec_of(key)
    rights = tuple(right for right in spec.rights if right.api_id not in spare)
    lifecycle.change(key, replace(spec, rights=rights), expected=seen.expected(key))
    messages.success(request, f"The key opens {len(rights)} API{'' if len(rights) == 1 else 's'} now.")
    return redirect("key-detail", request.org.slug, key.id)
