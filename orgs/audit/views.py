"""The audit log on a page and as CSV: an organisation's own, and for super-users the platform's."""

import json

from django.db.models import Q, QuerySet
from django.shortcuts import render
from django.utils.http import urlencode

from orgs.access import access
from orgs.declarations import audit_kinds
from orgs.http import paging
from orgs.http.spreadsheet import csv_stream
from orgs.http.tables import Column, heads
from orgs.models import AuditEntry, PlatformAuditEntry

ORDER = ("-at", "-id")
MOST_CHARACTERS = 300  # of one value on the page; the CSV has it whole
COLUMNS = (
    Column("Time", "time"),
    Column("Who"),
    Column("Action"),
    Column("Object"),
    Column("Changes", "third"),
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


@access("session", "audit_logs")
def audit(request, org):
    return answer(request, AuditEntry.objects.all(), "audit", f"audit-{request.org.slug}.csv")


@access("super")
def platform_audit(request):
    return answer(request, PlatformAuditEntry.objects.all(), "platform-audit", "audit-platform.csv")


def answer(request, entries: QuerySet, section: str, filename: str):
    kinds = audit_kinds()
    query, kind = request.GET.get("q", "").strip(), request.GET.get("kind", "")
    if kind and kind not in kinds:
        return render(request, "400.html", {"problem": "kind: not a kind of object"}, status=400)
    found = searched(entries, query, kind)
    if request.GET.get("format") == "csv":
        org_id = request.org.id if request.org else None
        batches = paging.batches(found, ORDER, lambda rows: map(csv_row, rows), org_id=org_id)
        return csv_stream(filename, CSV_HEADER, batches)
    filters = {name: value for name, value in (("q", query), ("kind", kind)) if value}
    # Counting what a search finds would read the whole log.
    page = paging.page(request.GET, found, ORDER, filters, counted=0 if filters else paging.COUNTED)
    context = {
        "section": section,
        "heads": heads(COLUMNS),
        "rows": [{"entry": entry, "changes": changes(entry)} for entry in page.items],
        "page": page,
        "newer": page.newer,
        "older": page.older,
        "query": query,
        "kind": kind,
        "kinds": kinds,
        "csv": "?" + urlencode({**filters, "format": "csv"}),
    }
    return render(request, "orgs/audit.html", context)


def searched(entries: QuerySet, query: str, kind: str) -> QuerySet:
    if query:
        entries = entries.filter(
            Q(actor_email__icontains=query) | Q(label__icontains=query) | Q(object_id=query)
        )
    return entries.filter(kind=kind) if kind else entries


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
