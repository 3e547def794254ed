"""The audit log on a page and as CSV: an organisation's own, and for super-users the platform's."""

import json
from datetime import date, datetime, time, timedelta

from django import forms
from django.apps import apps
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Q, QuerySet
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.gzip import gzip_page

from orgs import declarations
from orgs.access import access
from orgs.http import paging
from orgs.http.refusals import bad_form
from orgs.http.spreadsheet import csv_stream
from orgs.http.tables import Column, heads
from orgs.models import AuditEntry, PlatformAuditEntry

NEWEST_FIRST = "-at"
SORTS = {"at": ("at", "id"), NEWEST_FIRST: ("-at", "-id")}
MOST_CHARACTERS = 300  # of one value on the page; the CSV has it whole
COLUMNS = (
    Column("Time", "stamp", "at"),
    Column("Who"),
    Column("Action"),
    Column("Object"),
    Column("Changes", "name"),
)
CSV_HEADER = (
    "time",
    "person",
    "as super-user",
    "action",
    "kind",
    "id",
    "name",
    "changes",
    "address",
    "request",
)


# Of the platform's log, whose objects belong to no organisation.
PLATFORM_PAGES = {
    "user": declarations.Page("super-user-edit", "orgs.User", ""),
    "organisation": declarations.Page("org-edit", "orgs.Organisation", ""),
}
EARLIEST, LATEST = date(2000, 1, 1), date(2200, 1, 1)


class FilterForm(forms.Form):
    """q: part of who did it or of the object's name, or its id. since, until: days in the page's time zone."""

    q = forms.CharField(label="Person, name or ID", required=False, max_length=200)
    kind = forms.ChoiceField(required=False)
    sort = forms.ChoiceField(required=False, choices=[(name, name) for name in SORTS])
    since, until = (
        forms.DateField(
            label=label,
            required=False,
            validators=[MinValueValidator(EARLIEST), MaxValueValidator(LATEST)],
            widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        )
        for label in ("From", "To")
    )

    def __init__(self, data):
        super().__init__(data)
        self.fields["kind"].choices = [("", "All"), *((kind, kind) for kind in declarations.audit_kinds())]

    def found(self, entries: QuerySet) -> QuerySet:
        asked = self.cleaned_data
        if text := asked["q"]:
            entries = entries.filter(
                Q(actor_email__icontains=text) | Q(label__icontains=text) | Q(object_id=text)
            )
        if asked["kind"]:
            entries = entries.filter(kind=asked["kind"])
        if asked["since"]:
            entries = entries.filter(at__gte=_midnight(asked["since"]))
        if asked["until"]:
            entries = entries.filter(at__lt=_midnight(asked["until"] + timedelta(days=1)))
        return entries

    @property
    def order(self) -> tuple[str, ...]:
        """The columns that a valid form sorts by (orgs.http.paging)."""
        return SORTS[self.cleaned_data["sort"] or NEWEST_FIRST]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), timezone.get_current_timezone())


@access("session", "audit_logs")
@gzip_page
def audit(request, org):
    return answer(request, AuditEntry.objects.all(), "audit", f"audit-{request.org.slug}.csv")


@access("super")
@gzip_page
def platform_audit(request):
    return answer(request, PlatformAuditEntry.objects.all(), "platform-audit", "audit-platform.csv")


def answer(request, entries: QuerySet, section: str, filename: str):
    form = FilterForm(request.GET)
    if not form.is_valid():
        return bad_form(request, form)
    found = form.found(entries)
    if request.GET.get("format") == "csv":
        org_id = request.org.id if request.org else None
        batches = paging.batches(found, form.order, lambda rows: map(csv_row, rows), org_id=org_id)
        return csv_stream(filename, CSV_HEADER, batches)
    asked = {name: value for name, value in form.cleaned_data.items() if value}
    filters = asked.keys() - {"sort"}
    # Counting what a search finds would read the whole log.
    page = paging.page(request.GET, found, form.order, asked, counted=0 if filters else paging.COUNTED)
    context = {
        "section": section,
        "heads": heads(COLUMNS, asked, default=NEWEST_FIRST),
        "rows": rows(request, page.items),
        "page": page,
        "form": form,
        "asked": asked,
        "filters": filters,
        "csv": "?" + urlencode({**asked, "format": "csv"}),
    }
    return render(request, "orgs/audit.html", context)


def rows(request, entries: list) -> list[dict]:
    """Entries with their changes and the address of the object, where it is still there and the reader may see it."""
    pages = declarations.audit_pages() if request.org else PLATFORM_PAGES
    there = {
        kind: _there(page, {entry.object_id for entry in entries if entry.kind == kind})
        for kind, page in pages.items()
        if request.user.may(page.permission, page.level)
    }
    place = [request.org.slug] if request.org else []
    return [
        {
            "entry": entry,
            "changes": changes(entry),
            "address": reverse(pages[entry.kind].url_name, args=[*place, entry.object_id])
            if entry.object_id in there.get(entry.kind, ())
            else "",
        }
        for entry in entries
    ]


def _there(page: declarations.Page, ids: set[str]) -> set[str]:
    model = apps.get_model(page.model)
    return set(model.objects.filter(pk__in=ids).values_list("pk", flat=True)) if ids else set()


def changes(entry) -> list[tuple[str, str, str]]:
    """(member, before, after) of each change, as text short enough for a table."""
    return [(name, shown(before), shown(after)) for name, (before, after) in sorted(entry.changes.items())]


def shown(value: object) -> str:
    """A value as a reader sees it: nothing for what was not there, text bare, the rest as JSON."""
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"


def csv_row(entry) -> tuple:
    return (
        entry.at.isoformat(),
        entry.actor_email,
        "yes" if entry.as_super_user else "no",
        entry.action,
        entry.kind,
        entry.object_id,
        entry.label,
        json.dumps(entry.changes, ensure_ascii=False),
        entry.address or "",
        entry.request_id,
    )
