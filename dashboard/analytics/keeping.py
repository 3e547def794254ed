"""The page on which an organisation's administrators choose how long its traffic is kept."""

from datetime import datetime

from django import forms
from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils import timezone

from orgs.access import access
from orgs.audit.changes import Stale
from orgs.http.conflict import conflict
from orgs.http.forms import SeenForm
from orgs.http.refusals import said_in, status_of
from orgs.models import Organisation
from orgs.organisations import lifecycle
from orgs.organisations.retention import KINDS, Retention, shorter


class RetentionForm(SeenForm):
    """Days by kind; an empty field is as long as the installation keeps it. confirmed: it was read what goes."""

    confirmed = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        for kind, each in KINDS.items():
            self.fields[kind] = forms.IntegerField(
                label=f"{each.label}: days kept",
                required=False,
                min_value=each.least,
                max_value=max(each.days, self.initial.get(kind, 0)),
                help_text=f"{each.holds[:1].upper()}{each.holds[1:]}. "
                f"{each.least} to {each.days}; left empty {each.days}.",
            )

    def days(self) -> dict[str, int]:
        """The periods that a valid form asks for."""
        return {kind: self.cleaned_data[kind] for kind in KINDS if self.cleaned_data[kind] is not None}

    def kinds(self):
        return [self[kind] for kind in KINDS]


@access("session", "analytics", methods="GET POST")
def retention(request, org):
    """Whoever sees figures sees how long they are kept; administrators change it, once they know what goes."""
    organisation, now = Organisation.everyone.get(pk=request.org.pk), timezone.now()
    initial = {**organisation.kept_days, "seen": organisation.change_number}
    form = RetentionForm(request.POST if request.method == "POST" else None, initial=initial)
    going = {}
    if request.method == "POST" and form.is_valid():
        days = form.days()
        going = shorter(organisation.retention, Retention(days, organisation.gone_before), now)
        if not going or form.cleaned_data["confirmed"]:
            expected = form.expected(organisation)
            try:
                with said_in(form):
                    lifecycle.change(organisation, actor=request.user, expected=expected, kept_days=days)
                    messages.success(request, "The retention is saved.")
                    return redirect("retention", request.org.slug)
            except Stale as error:
                values = {"kept_days": days}
                return conflict(request, error, form, values, section="retention", again=request.path)
    context = {
        "section": "retention",
        "form": form,
        "going": [(KINDS[kind].label, will) for kind, (_, will) in going.items()],
        "kept": _kept(organisation, now),
        "may_change": request.user.may("analytics", "write"),
        "zone": organisation.time_zone,
    }
    return render(request, "analytics/retention.html", context, status=status_of(form))


def _kept(organisation: Organisation, now: datetime) -> list[tuple]:
    """(label, days, since when, whether the period is the organisation's own) of each kind."""
    kept = organisation.retention
    return [
        (each.label, kept.days(kind), kept.since(kind, now), kind in kept.own) for kind, each in KINDS.items()
    ]
