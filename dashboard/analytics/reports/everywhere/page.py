"""For super-users: how all organisations fare, side by side, those first that need attention."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.gzip import gzip_page

from dashboard.analytics.reports import reader
from dashboard.analytics.reports.charts import figures
from dashboard.analytics.reports.everywhere import reader as standing
from dashboard.analytics.reports.everywhere.reader import Change, Standing, Window
from dashboard.analytics.reports.periods.period import LONG_AGO
from dashboard.analytics.uptime.reader import share
from orgs.access import access
from orgs.http import numbered, paging
from orgs.http.refusals import bad_form
from orgs.http.spreadsheet import csv_stream
from orgs.http.tables import Column, heads
from orgs.models import Organisation

DEFAULT_SORT = "attention"
COLUMNS = (
    Column("Organisation", "fifth"),
    Column("Needs attention", sort=DEFAULT_SORT, falling=True),
    Column("Requests", "count", "requests", falling=True),
    Column("5xx", "figure", "errors", falling=True),
    Column("p95", "figure"),
    Column("Uptime", "number", "uptime", falling=True),
    Column("Fullest quota", "figure", "quota", falling=True),
    Column("Last change", "date", "changed", falling=True, lesser=True),
)
FILE = (
    "id",
    "name",
    "slug",
    "needs attention",
    "requests",
    "5xx",
    "429",
    "requests a week before",
    "last change",
    *("upstreams", "upstreams down", "looks", "failed looks"),
    *("fullest quota (%)", "keys at or near a quota", "fullest key"),
)
SORTS = ("attention", "requests", "errors", "uptime", "quota", "changed")


class ListForm(forms.Form):
    sort = forms.ChoiceField(required=False, choices=[(name, name) for name in ("", *SORTS)])
    format = forms.ChoiceField(required=False, choices=[("", ""), ("csv", "csv")])

    def clean(self) -> dict:
        try:
            self.cleaned_data["place"] = numbered.asked(self.data)
        except paging.BadPlace as error:
            field, _, message = str(error).partition(": ")
            self.errors[field] = self.error_class([message])
        return self.cleaned_data


@dataclass(frozen=True)
class Line:
    organisation: Organisation
    standing: Standing
    change: Change | None


@access("super")
@gzip_page
def organisations(request: HttpRequest) -> HttpResponse:
    """The page; all lines as CSV with format=csv."""
    form = ListForm(request.GET)
    if not form.is_valid():
        return bad_form(request, form)
    asked, now = form.cleaned_data, timezone.now()
    reader.limit_time()
    window = standing.window(now)
    lines = _lines(window, asked["sort"] or DEFAULT_SORT)
    if asked["format"]:
        return csv_stream("traffic.csv", FILE, [map(_file_line, lines)])
    place = asked["place"]
    shown = lines[place.offset : place.offset + place.size]
    if place.number > 1 and not shown:
        raise Http404
    kept = {"sort": asked["sort"]} if asked["sort"] else {}
    timed = standing.latencies([line.organisation.pk for line in shown], window)
    context = {
        "section": "everywhere",
        "heads": heads(COLUMNS, kept, default=DEFAULT_SORT),
        "rows": [_row(line, timed) for line in shown],
        "page": numbered.page(place, shown, len(lines), kept),
        "fresh": reader.freshness(now),
        "window": window,
        "zone": "UTC",
        "troubled": sum(1 for line in lines if line.standing.troubles),
        "csv": "?" + urlencode({**kept, "format": "csv"}),
    }
    return render(request, "analytics/everywhere.html", context)


def _lines(window: Window, sort: str) -> list[Line]:
    everybody = list(Organisation.everyone.present().order_by("owner_name", "id"))
    ids = [each.pk for each in everybody]
    standings, changes = standing.standings(ids, window), standing.changes(ids)
    lines = [Line(each, standings[each.pk], changes.get(each.pk)) for each in everybody]
    order = {
        DEFAULT_SORT: lambda line: line.standing.urgency,
        "requests": lambda line: line.standing.day.hits,
        "errors": lambda line: (line.standing.day.share or 0, line.standing.day.failed),
        "uptime": lambda line: (line.standing.upstreams.down, line.standing.upstreams.failing),
        "quota": lambda line: line.standing.fullest,
        "changed": lambda line: line.change.at if line.change else LONG_AGO,
    }[sort]
    return sorted(lines, key=order, reverse=True)


def _row(line: Line, timed: Mapping[str, float | None]) -> dict:
    slug, standing = line.organisation.slug, line.standing
    day, upstreams, quota = standing.day, standing.upstreams, standing.quota
    return {
        "organisation": line.organisation,
        "troubles": standing.troubles,
        "bad": standing.bad,
        "hits": figures.exact(day.hits),
        "share": figures.per_cent(day.share),
        "failed": f"{figures.exact(day.failed)} of {figures.exact(day.hits)}",
        "took": figures.milliseconds(timed.get(line.organisation.pk)),
        "upstreams": upstreams,
        "up": share(upstreams.checks, upstreams.failures),
        "quota": quota,
        "fullest": figures.per_cent(quota.per_cent) if quota else "",
        "last": line.change,
        "url": reverse("analytics", args=[slug]),
        "errors_url": reverse("errors", args=[slug]) + "?status=5xx",
        "uptime_url": reverse("uptime", args=[slug]),
        "alerts_url": reverse("alert-list", args=[slug]),
        "audit_url": reverse("audit", args=[slug]),
    }


def _file_line(line: Line) -> Iterator[object]:
    each, day, upstreams = line.organisation, line.standing.day, line.standing.upstreams
    quota = line.standing.quota
    changed = line.change.at.isoformat(timespec="seconds") if line.change else ""
    return iter(
        (
            *(each.pk, each.owner_name, each.slug, "; ".join(line.standing.troubles)),
            *(day.hits, day.failed, day.limited, day.hits_before, changed),
            *(upstreams.watched, upstreams.down, upstreams.checks, upstreams.failures),
            *((quota.per_cent, quota.keys, quota.worst) if quota else ("", "", "")),
        )
    )
