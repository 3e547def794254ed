"""Pages of the sessions that are no keys here: what they are, taking them over, ending them."""

from django import forms
from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from redis import RedisError

from apis.gateways.redis_client import hasty_client
from apis.models import ApiDefinition
from keys.adoption import discovery, lifecycle
from keys.adoption.judging import PLAIN, WHOLE
from keys.keys.parameters import SessionError
from keys.keys.reader import policies_of_one
from keys.models import FoundSession
from keys.policies.effect import words
from orgs.access import access
from orgs.http import paging
from orgs.http.refusals import bad_form
from orgs.http.tables import Column, heads
from orgs.ids import is_id
from orgs.refusals import Refusal

COLUMNS = (
    Column("Name", "name"),
    Column("Kind", "state", lesser=True),
    Column("Can be taken over", "badge"),
    Column("Opens"),
    Column("Found", "date", lesser=True),
)
ORDER = ("-found_at", "-id")
AT_ONCE = 100
AWAY = "The Redis of the gateways does not answer at the moment. Try again."


class AdoptionForm(forms.Form):
    """seen: what the page showed of the session (lifecycle.digest). cut: that it is cut down was read and is meant."""

    seen = forms.RegexField(regex=r"\A[0-9a-f]{16}\Z")
    cut = forms.BooleanField(required=False)


@access("session", "keys")
def found_list(request, org):
    found = FoundSession.objects.filter(org_id=request.org.id)
    page = paging.page(request.GET, found, ORDER)
    context = {
        "section": "keys",
        "heads": heads(COLUMNS),
        "rows": page.items,
        "page": page,
        "whole": found.filter(verdict=WHOLE).count(),
        "at_once": AT_ONCE,
        "full": discovery.MOST if page.total is None and found.count() >= discovery.MOST else 0,
        "may_write": request.user.may("keys", "write"),
    }
    return render(request, "keys/found/list.html", context)


@access("session", "keys", methods="POST")
def found_adopt_all(request, org):
    """Those that need no cut, so many at once as a request may take."""
    rows = FoundSession.objects.filter(org_id=request.org.id, verdict=WHOLE).order_by("id")[:AT_ONCE]
    made, refused = 0, ""
    with hasty_client() as redis:
        for row in rows:
            try:
                lifecycle.adopt(row, redis, created_by=request.user.email)
                made += 1
            except RedisError:
                # Nor will it answer for the others, and the page waits.
                refused = AWAY
                break
            except Refusal as error:
                refused = str(error)
    if made:
        messages.success(request, f"{made} taken over." if made > 1 else "One taken over.")
    if refused:
        messages.error(request, f"Not all were: {refused}")
    return redirect("found-list", request.org.slug)


@access("session", "keys")
def found_detail(request, org, found_id):
    found = _found_or_404(found_id)
    context = {"section": "keys", "found": found, "may_write": request.user.may("keys", "write")}
    try:
        with hasty_client() as redis:
            session, judgement = lifecycle.seen_now(found, redis)
    except RedisError:
        context["away"] = AWAY
    except lifecycle.Gone:
        context["gone"] = True
    else:
        context |= _shown(found, session, judgement)
    return render(request, "keys/found/detail.html", context)


def _shown(found: FoundSession, session: dict, judgement) -> dict:
    own = ApiDefinition.objects.filter(org_id=found.org_id, api_id__in=judgement.own).order_by("name", "id")
    named = judgement.body.get("apply_policies", ())
    return {
        "judgement": judgement,
        "seen": lifecycle.digest(session, judgement),
        "apis": list(own.defer("definition_text")),
        "policies": policies_of_one(found.org_id, named=named) if named else [],
        **_limits(session),
    }


def _limits(session: dict) -> dict[str, str]:
    """Its rate and its quota, in words."""
    said = {name: _number(session.get(name)) for name in ("rate", "per", "quota_max", "quota_renewal_rate")}
    rate = words.rate(said) if said["rate"] > 0 and said["per"] > 0 else "unlimited"
    return {"rate": rate, "quota": words.quota(said) if said["quota_max"] > 0 else "unlimited"}


def _number(value: object) -> float:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0


@access("session", "keys", methods="POST")
def found_adopt(request, org, found_id):
    found, form = _found_or_404(found_id), AdoptionForm(request.POST)
    if not form.is_valid():
        return bad_form(request, form)
    try:
        with hasty_client() as redis:
            key = lifecycle.adopt(found, redis, created_by=request.user.email, **form.cleaned_data)
    except RedisError:
        messages.error(request, AWAY)
    except (lifecycle.Gone, lifecycle.Changed, lifecycle.NotAdoptable, SessionError) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Taken over: it is a key of yours now, and goes on as it was.")
        return redirect("key-detail", request.org.slug, key.id)
    return redirect("found-detail", request.org.slug, found.id)


@access("session", "keys", methods="GET POST", form=True)
def found_end(request, org, found_id):
    """GET asks, POST does."""
    found = _found_or_404(found_id)
    if found.kind == PLAIN:  # where it lies only its token says
        raise Http404
    if request.method == "GET":
        return render(request, "keys/found/end.html", {"section": "keys", "found": found})
    lifecycle.end(found)
    messages.success(request, "Ended. Gateways refuse it within ten seconds.")
    return redirect("found-list", request.org.slug)


def _found_or_404(found_id: str) -> FoundSession:
    found = FoundSession.objects.filter(id=found_id).first() if is_id(found_id) else None
    if found is None:
        raise Http404
    return found
