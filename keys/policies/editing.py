"""The two ways to write a policy, fields and JSON, the way from one to the other with what was typed, and what is
wrong with it, in one round."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.http import HttpRequest

from apis.definitions.document import object_in
from apis.definitions.pointer import Problem, child
from keys.credentials import exposure
from keys.keys.parameters import no_such_api
from keys.keys.session import Api
from keys.models import Policy
from keys.policies import document, fields
from keys.policies.forms import JsonForm, PolicyForm
from keys.policies.refusals import Invalid, Taken
from keys.policies.storing import SAME_NAME
from orgs.http import refusals

Form = PolicyForm | JsonForm


def form_of(request: HttpRequest, own: Iterable[Api], policy: Policy | None = None) -> Form:
    """The form of a request, filled in if it was sent to be saved. own: the organisation's APIs. policy: the one that
    is changed."""
    base = fields.editable(policy.document) if policy else None
    started_from = policy.revision if policy else None
    sent = request.POST if request.method == "POST" else None
    if request.GET.get("as") == "json":
        return JsonForm(sent, base=base, started_from=started_from)
    carried = object_in(request.POST.get("base_text", ""))
    if "find" in request.POST:
        return PolicyForm(own=own, base=carried or base, started_from=started_from, typed=request.POST)
    return PolicyForm(sent, own=own, base=carried or base, started_from=started_from)


def switched(form: Form, wanted: str, own: Iterable[Api]) -> Form:
    """The form that is wanted, "json" or "form", with what was typed in this one; this one where its text is no object,
    and says so."""
    form.is_valid()
    kept = {"started_from": form["started_from"].value(), "message": form["message"].value()}
    if isinstance(form.draft, dict):
        if wanted == "json":
            return JsonForm(base=form.draft, **kept)
        return PolicyForm(own=own, base=form.draft, carried=True, **kept)
    if "text" not in form.errors:
        form.add_error("text", "Line 1: must be an object")
    return form


@contextmanager
def said_in(form: Form) -> Iterator[None]:
    """As orgs.http.refusals.said_in, with each fault of a policy beside what it is about."""
    with refusals.said_in(form):
        try:
            yield
        except Invalid as error:
            form.refuse(error.problems)
        except Taken as error:
            form.refuse([Problem("/id", str(error))])


def say_all(form: Form, own: Iterable[Api], org_id: str, policy: Policy | None = None) -> None:
    """Add to the errors of a form what storing would refuse, so that nobody meets them one after the other."""
    if form.definition is not None:
        form.refuse_further(faults(form.definition, own, policy, org_id))


def faults(wanted: object, own: Iterable[Api], policy: Policy | None, org_id: str) -> list[Problem]:
    """What keeps a document from being stored, as far as can be said before."""
    found = document.problems(wanted)
    if not isinstance(wanted, dict):
        return found
    ids = {api.api_id for api in own}
    for api_id in fields.fields(wanted)["access_rights"]:
        if api_id not in ids:
            found.append(Problem(child("/access_rights", api_id), no_such_api(api_id)))
    named = Policy.objects.filter(org_id=org_id, name=fields.fields(wanted)["name"])
    if (named.exclude(id=policy.id) if policy else named).exists():
        found.append(SAME_NAME)
    return found or (_exposed(policy, as_stored(policy, wanted), own) if policy else [])


def _exposed(policy: Policy, wanted: dict[str, Any], own: Iterable[Api]) -> list[Problem]:
    opened = {policy.id: document.granted_apis(wanted) - document.granted_apis(policy.document)}
    exposed = exposure.by_policies(policy.org_id, opened, {api.api_id: api.auth for api in own})
    return [Problem(child("/access_rights", api_id), why) for api_id, why in exposed.get(policy.id, ())]


def as_stored(policy: Policy, wanted: dict[str, Any]) -> dict[str, Any]:
    """The document that a policy would have after a change to `wanted`, which has no faults."""
    return document.normal_form(
        wanted, id=policy.id, org_id=policy.org_id, updated=0, present=policy.document
    )
