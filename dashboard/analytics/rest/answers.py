"""Rows of Tyk's aggregates, their order, and the answer they stand in."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse

from dashboard.analytics.reports.traffic import Figures
from orgs.http.rest import json_response, page, stamp

ORDERS: dict[str, Callable[[dict], object]] = {
    "hits": lambda row: row["hits"],
    "success": lambda row: row["success"],
    "error": lambda row: row["error"],
    "requesttime": lambda row: row["request_time"],
    "latency": lambda row: row["latency"],
    "lasthit": lambda row: row["last_hit"],
}


@dataclass(frozen=True)
class Missing:
    """What rows leave out. since: their figures are whole from then on only; rows: how many there are of which the
    busiest came back. None for nothing."""

    since: datetime | None = None
    rows: int | None = None

    def __or__(self, other: "Missing") -> "Missing":
        since = [each.since for each in (self, other) if each.since is not None]
        rows = [each.rows for each in (self, other) if each.rows is not None]
        return Missing(max(since, default=None), sum(rows) or None)

    @property
    def members(self) -> dict[str, object]:
        """The member of an answer that tells of it, of ours: an answer that leaves out nothing has none."""
        found: dict[str, object] = {}
        if self.since is not None:
            found["since"] = stamp(self.since, "auto")
        if self.rows is not None:
            found["rows"] = self.rows
        return {"cut": found} if found else {}


def row(sums: Figures, last_hit: datetime | None = None, **group: object) -> dict:
    """One row; members of `id` that are not grouped by are empty."""
    numbers = dict.fromkeys(("day", "month", "year", "hour", "code"), 0)
    texts = dict.fromkeys(("path", "key", "alias", "url", "iso_country", "api_id", "api_name"), "")
    mean, upstream = round(sums.mean or 0, 3), round(sums.upstream_mean or 0, 3)
    return {
        "id": {**numbers, **texts, **group},
        "hits": sums.hits,
        "success": sums.hits - sums.errors,
        "error": sums.errors,
        "last_hit": stamp(last_hit or sums.last, "auto"),
        "request_time": mean,
        "latency": mean,
        "upstream_latency": upstream,
        "max_latency": sums.latency_max or 0,
        "min_latency": 0,
        "max_upstream_latency": 0,
        "min_upstream_latency": 0,
    }


def parts(primitive: str, names: tuple[str, str, str]) -> dict[str, str]:
    """A primitive as it is counted (ingest/entries/clean.py): its method, type and name, under these names."""
    return dict(zip(names, [*primitive.split(" ", 2), "", ""], strict=False))


def clock(start: datetime, unit: str) -> dict[str, int]:
    """The members of `id` of a time row, which begins at `start` on the zone's clock."""
    members = {"day": start.day, "month": start.month, "year": start.year, "hour": start.hour}
    dropped = {"hour": (), "day": ("hour",), "month": ("hour", "day")}[unit]
    return {name: value for name, value in members.items() if name not in dropped}


def ordered(rows: list[dict], order: str, sort: str) -> list[dict]:
    """order: a name of ORDERS. sort: "1" for the least first."""
    return sorted(rows, key=ORDERS[order], reverse=sort != "1")


def answer(
    request: HttpRequest, rows: list[dict], missing: Missing, *, is_timeline: bool = False
) -> HttpResponse:
    """A page of the rows; a timeline comes whole unless a page is asked for."""
    shown, pages = (rows, 1) if is_timeline and "p" not in request.GET else page(request, rows)
    return json_response({"data": shown or None, "pages": pages, **missing.members})
