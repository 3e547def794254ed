"""The page on which super-users say where a gateway's control API is."""

from django.contrib import messages
from django.db import transaction
from django.shortcuts import redirect, render

from dashboard.nodes.confirming.forms import ControlForm, NameForm
from dashboard.nodes.models import GatewayControl, RunOtherwise
from orgs import scope
from orgs.access import access
from orgs.audit import log
from orgs.http.refusals import bad_form
from orgs.sealing import seal


@access("super", methods="GET POST", form=True)
def control(request):
    """Of the gateways that say one host name. POST keeps it; with action=forget it is forgotten."""
    name = NameForm(request.GET if request.method == "GET" else request.POST)
    if not name.is_valid():
        return bad_form(request, name)
    hostname = name.cleaned_data["hostname"]
    present = GatewayControl.objects.filter(hostname=hostname).first()
    if request.method == "POST" and request.POST.get("action") == "forget":
        return _forget(request, hostname)
    given = {"hostname": hostname, "url": present.url if present else ""}
    form = ControlForm(request.POST if request.method == "POST" else None, present=present, initial=given)
    if form.is_valid():
        _keep(form, request.user)
        messages.success(request, "The control API is kept. The worker reads it within a minute.")
        return redirect("fleet")
    context = {"section": "fleet", "form": form, "present": present, "hostname": hostname}
    return render(request, "nodes/control.html", context, status=400 if form.errors else 200)


def _keep(form: ControlForm, actor) -> None:
    said = form.cleaned_data
    with transaction.atomic():
        GatewayControl.objects.bulk_create([GatewayControl(hostname=said["hostname"])], ignore_conflicts=True)
        row = GatewayControl.objects.select_for_update().get(hostname=said["hostname"])
        before, row.url = row.url, said["url"]
        if said["secret"]:
            seal(row, "sealed_secret", said["secret"].encode())
        elif before != said["url"]:
            # Somebody else has changed the address meanwhile, and the secret was meant for another.
            seal(row, "sealed_secret", None)
        # What was read before was perhaps another gateway.
        row.asked_at = row.compared_at = row.compared_version = row.confirmed_at = row.confirmed_version = (
            None
        )
        row.trouble, row.gateway_version, row.runs, row.strangers, row.others = "", "", 0, 0, 0
        row.policies, row.strange_policies, row.other_policies = None, 0, 0
        row.save()
        RunOtherwise.objects.filter(control_id=row.id).delete()
        facts = {"address": row.url, "secret": "given" if said["secret"] else "kept"}
        with scope.nobody():  # the platform's own log
            log.record(
                "gateways.control_kept",
                "gateways",
                row.id,
                row.hostname,
                actor=actor,
                before={"address": before},
                after=facts,
            )


def _forget(request, hostname: str):
    with transaction.atomic():
        row = GatewayControl.objects.filter(hostname=hostname).first()
        if row is not None:
            RunOtherwise.objects.filter(control_id=row.id).delete()
            row_id = row.id
            row.delete()
            with scope.nobody():
                log.record("gateways.control_forgotten", "gateways", row_id, hostname, actor=request.user)
    messages.success(request, "The control API is forgotten, with its secret.")
    return redirect("fleet")
