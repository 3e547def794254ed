"""The page on which figures are asked to be made again, and which says how far that is."""

from datetime import date, datetime

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from dashboard.analytics.ingest.upkeep import recounting
from dashboard.analytics.models import Recount
from dashboard.analytics.reports.charts import figures
from orgs.access import access
from orgs.http.refusals import said_in, status_of

MOST_SHOWN = 10
NO_DAY = "There is no day of which all requests are kept."


class RecountForm(forms.Form):
    """days: those that can be counted anew."""

    first = forms.DateField(label="First day", widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))
    last = forms.DateField(label="Last day", widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))

    def __init__(self, *arguments, days: list[date], **options):
        super().__init__(*arguments, **options)
        self.days = days

    def clean(self) -> dict:
        for name in ("first", "last"):
            day = self.cleaned_data.get(name)
            if day is not None and day not in self.days:
                span = f"Choose a day from {self.days[0]} to {self.days[-1]}." if self.days else NO_DAY
                self.add_error(name, span)
        first, last = self.cleaned_data.get("first"), self.cleaned_data.get("last")
        if first and last and last < first:
            self.add_error("last", "The last day is before the first.")
        return self.cleaned_data


@access("session", "analytics", methods="GET POST")
def recount(request: HttpRequest, org: str) -> HttpResponse:
    """Whoever sees figures sees which are made again; administrators ask for it."""
    now = timezone.now()
    if "stop" in request.POST:
        return _stop(request, now)
    days = recounting.days(request.org, now)
    initial = {"first": days[0], "last": days[-1]} if days else {}
    form = RecountForm(request.POST if request.method == "POST" else None, days=days, initial=initial)
    if request.method == "POST" and form.is_valid():
        with said_in(form):
            _ask(request, form, now)
            return redirect("recount", org)
    rows = list(Recount.objects.order_by("-asked_at", "-id")[:MOST_SHOWN])
    context = {
        "section": "retention",
        "form": form,
        "rows": [(row, figures.exact(row.hits)) for row in rows],
        "going_on": next((row for row in rows if not row.ended_at), None),
        "may_change": request.user.may("analytics", "write"),
        "zone": request.org.time_zone,
        "now": now,
        "days": days,
        "no_day": NO_DAY,
    }
    return render(request, "analytics/recount.html", context, status=status_of(form))


def _stop(request: HttpRequest, now: datetime) -> HttpResponse:
    if recounting.stop(request.org, request.POST["stop"], actor=request.user, now=now):
        messages.success(request, "No more days are counted anew. Those that are done stay so.")
    else:
        messages.info(request, "That has ended already.")
    return redirect("recount", request.org.slug)


def _ask(request: HttpRequest, form: RecountForm, now: datetime) -> None:
    asked = recounting.ask(request.org, **form.cleaned_data, actor=request.user, now=now)
    if asked:
        messages.success(request, "These days are counted anew.")
    else:
        messages.info(request, "Days are being counted anew already: ask for more when that is done.")
