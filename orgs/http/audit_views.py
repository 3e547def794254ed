"""The audit log on a page and as CSV: an organisation's own, and for super-users the platform's."""

import json
from datetime import UTC, datetime

from django.db.models import Q, QuerySet
from django.shortcuts import render
from django.utils.http import urlencode

from orgs.access import access
from orgs.declarations import audit_kinds
from orgs.http.spreadsheet import csv_response
from orgs.http.tables import Column, heads
from orgs.ids import is_id
from orgs.models import AuditEntry, PlatformAuditEntry

A_PAGE = 50
MOST_CSV_ROWS = 10_000
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
    position = position_of(request.GET.get("before", ""))
    if position is None or (kind and kind not in kinds):
        problem = "before: not a place in the log" if position is None else "kind: not a kind of object"
        return render(request, "400.html", {"problem": problem}, status=400)
    found = newest_first(entries, query, kind, position)
    if request.GET.get("format") == "csv":
        return csv_response(filename, CSV_HEADER, map(csv_row, found[:MOST_CSV_ROWS]))
    rows = list(found[: A_PAGE + 1])
    filters = {name: value for name, value in (("q", query), ("kind", kind)) if value}
    context = {
        "section": section,
        "heads": heads(COLUMNS),
        "rows": [{"entry": entry, "changes": changes(entry)} for entry in rows[:A_PAGE]],
        "query": query,
        "kind": kind,
        "kinds": kinds,
        "csv": "?" + urlencode({**filters, "format": "csv"}),
        "newer": "?" + urlencode(filters) if position else "",
        "older": older(rows[A_PAGE - 1], filters) if len(rows) > A_PAGE else "",
        "most_csv_rows": MOST_CSV_ROWS,
    }
    return render(request, "orgs/audit.html", context)


def position_of(text: str) -> tuple | tuple[datetime, str] | None:
    """`time,id` of the last entry of the page before; () for the beginning, None for what is no position."""
    if not text:
        return ()
    moment, _, last = text.partition(",")
    try:
        at = datetime.fromisoformat(moment)
        # PostgreSQL takes no offset of 16 hours and more, Python does.
        return (at.astimezone(UTC), last) if at.tzinfo is not None and is_id(last) else None
    except (ValueError, OverflowError):
        return None


def newest_first(entries: QuerySet, query: str, kind: str, position: tuple) -> QuerySet:
    if query:
        entries = entries.filter(
            Q(actor_email__icontains=query) | Q(label__icontains=query) | Q(object_id=query)
        )
    if kind:
        entries = entries.filter(kind=kind)
    if position:
        at, last = position
        entries = entries.filter(Q(at__lt=at) | Q(at=at, id__lt=last))
    return entries.order_by("-at", "-id")


def older(last, filters: dict[str, str]) -> str:
    return "?" + urlencode({**filters, "before": f"{last.at.isoformat()},{last.id}"})


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
