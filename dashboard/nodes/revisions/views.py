"""The page of one node: what it was last served, and how that is another than what is desired."""

from django import forms
from django.http import Http404
from django.shortcuts import render
from django.utils import timezone

from dashboard.nodes.confirming import confirmed
from dashboard.nodes.models import wanted_version
from dashboard.nodes.revisions import differing
from dashboard.nodes.rows import rows_of
from orgs.access import access
from orgs.http.refusals import bad_form
from orgs.models import Organisation


class NodeForm(forms.Form):
    """Sessions are called what gateways like, so they stand in no path."""

    session = forms.CharField(max_length=128, strip=False)


@access("session", "system")
def node(request, org):
    """For people of an organisation: what is its own of that."""
    return _answer(request, {"section": "nodes"})


@access("super")
def fleet_node(request):
    """For super-users: of every organisation."""
    return _answer(request, {"section": "fleet", "addresses": True})


def _answer(request, context: dict):
    form = NodeForm(request.GET)
    if not form.is_valid():
        return bad_form(request, form)
    wanted = wanted_version()
    found = rows_of([form.cleaned_data["session"]], wanted, timezone.now())
    if not found:
        raise Http404
    served = found[0]["node"].served_version
    changes = differing.changes(served, request.user) if served not in {None, wanted} else []
    context |= {"row": found[0], "wanted": wanted, "now": timezone.now(), "is_known": changes is not None}
    context["count"] = len(changes or [])
    context["changes"] = differing.explained(changes or [])
    context |= confirmed.about(found[0]["control"], request.user)
    if "addresses" in context:
        _name_organisations(context["changes"])
    return render(request, "nodes/node.html", context)


def _name_organisations(changes: list[dict]) -> None:
    names = Organisation.everyone.in_bulk({each["change"].org_id for each in changes})
    for each in changes:
        each["organisation"] = names[each["change"].org_id]
