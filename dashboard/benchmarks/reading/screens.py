"""The pages that show traffic: how long each takes, what of it is SQL, and which statements read much for little.

And what the analytics page reads of thirty days, from rollups and from the raw records themselves.
"""

# ruff: noqa: S608 - only names of this module are put into SQL

import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median

from django.db import connection, transaction

from dashboard.analytics.reports import reader, zones
from dashboard.analytics.reports.periods import asking, cutting
from dashboard.analytics.reports.periods.period import Period
from dashboard.analytics.reports.traffic import Owners
from dashboard.benchmarks import measure
from dashboard.benchmarks.ingest import stored_bytes
from dashboard.benchmarks.reading import month, pages
from dashboard.web.gunicorn_settings import settle
from orgs import scope

RUNS = 5
MUCH = 100
LIMIT = 10

_FIGURES = """
    count(*), count(*) FILTER (WHERE status BETWEEN 300 AND 399),
    count(*) FILTER (WHERE status BETWEEN 400 AND 499), count(*) FILTER (WHERE status >= 500),
    count(*) FILTER (WHERE status = 429), count(*) FILTER (WHERE timed),
    percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY latency) FILTER (WHERE timed)
"""
_OF_THE_SPAN = "FROM record WHERE org_id = %(org)s AND ts >= %(start)s AND ts < %(end)s"
_BUSIEST = f"ORDER BY count(*) DESC LIMIT {LIMIT}"
RAW = {
    "totals": f"SELECT {_FIGURES} {_OF_THE_SPAN}",
    "per day": f"SELECT date_trunc('day', ts, %(zone)s) AS day, {_FIGURES} {_OF_THE_SPAN} GROUP BY day",
    "top APIs": f"SELECT api_id, {_FIGURES} {_OF_THE_SPAN} GROUP BY api_id {_BUSIEST}",
    "top keys": f"SELECT key, {_FIGURES} {_OF_THE_SPAN} AND key <> '' GROUP BY key {_BUSIEST}",
    "top endpoints": f"SELECT endpoint, {_FIGURES} {_OF_THE_SPAN} GROUP BY api_id, endpoint {_BUSIEST}",
    "active keys": f"SELECT count(DISTINCT key) {_OF_THE_SPAN} AND key <> ''",
}


def run(records: int, seed: int) -> dict[str, object]:
    """One line of figures: milliseconds for all that the page reads, and for each part of it; then of each page."""
    now = datetime.now(UTC)
    org = month.make(records, seed, now)
    settle()  # as web processes do
    period = asking.parse({"range": "30d"}, org.zone, now)
    with scope.every_org():
        owners = zones.of(org, now).owners(org.pk)
    parameters = {"org": org.pk, "zone": org.time_zone, "start": period.start, "end": period.end}
    ours = {
        "totals": lambda: reader.totals(owners, period.latency.span).percentiles(0.5, 0.95, 0.99),
        "per day": lambda: [
            day.percentiles(0.5, 0.95, 0.99) for day in reader.timeline(owners, period.latency)
        ],
        "top APIs": lambda: _ranked("api", owners, period),
        "top keys": lambda: _ranked("key", owners, period),
        "top endpoints": lambda: _ranked("endpoint", owners, period),
        "active keys": lambda: reader.active_keys(owners, cutting.table_cut(period)),
    }
    parts = {}
    with scope.org(org.pk):
        for name, statement in RAW.items():
            parts[name] = measure.in_turns(
                lambda statement=statement: _timed(lambda: _read(statement, parameters)),
                lambda name=name: _timed(ours[name]),
                RUNS,
            )
    whole = [sum(times) for times in zip(*(mine for _, mine in parts.values()), strict=True)]
    anchor = sum(median(raw) for raw, _ in parts.values())
    return {
        "machine": measure.machine(),
        "what": "screens: ms for what the analytics page reads of 30 days, largest organisation",
        "records": records,
        "anchor": round(anchor, 1),
        "anchor_is": "GROUP BY over the raw records",
        "median": round(median(whole), 1),
        "ratio": round(anchor / median(whole), 1),
        "spread": measure.spread(whole),
        "rows_per_record": round(_count("rollup") / records, 2),
        "bytes_per_record": stored_bytes("record", records),
        "rollup_bytes_per_record": stored_bytes("rollup", records),
        "parts": {
            name: {
                "anchor": round(median(raw), 1),
                "median": round(median(mine), 1),
                "ratio": round(median(raw) / median(mine), 1),
            }
            for name, (raw, mine) in parts.items()
        },
        **_of_pages(pages.Reader(org, now)),
    }


def _of_pages(reads: pages.Reader) -> dict[str, object]:
    found, wasteful = {}, []
    for page in pages.PAGES:
        reads.ask(page)
        asked = [reads.ask(page) for _ in range(RUNS)]
        slowest = max((statement for each in asked for statement in each.statements), key=_longest(asked))
        found[page] = {
            "status": asked[0].status,
            "ms": round(median(each.ms for each in asked), 1),
            "processor_ms": round(median(each.processor_ms for each in asked), 1),
            "sql_ms": round(median(each.sql_ms for each in asked), 1),
            "statements": len(asked[0].statements),
            "slowest": {"ms": round(_longest(asked)(slowest), 1), "sql": slowest.short},
        }
        wasteful += [{"page": page, **each} for each in _wasteful(reads.ask(page, plans=True))]
    return {"pages": found, "wasteful": wasteful}


def _longest(asked: list[pages.Asked]) -> Callable[[pages.Statement], float]:
    """How long a statement takes, as the median of the times that a page asks it."""
    times: dict[str, list[float]] = defaultdict(list)
    for each in asked:
        for statement in each.statements:
            times[statement.sql].append(statement.ms)
    return lambda statement: median(times[statement.sql])


def _wasteful(asked: pages.Asked) -> list[dict[str, object]]:
    """The statements that look at more than MUCH rows for each that they return."""
    explained = [(each, each.plan, pages.rows_read(each.plan)) for each in asked.statements if each.plan]
    return [
        {"read": round(read), "returned": plan["Actual Rows"], "sql": statement.short}
        for statement, plan, read in explained
        if read > MUCH * max(1, plan["Actual Rows"])
    ]


def _ranked(what: str, owners: Owners, period: Period) -> list[list[float | None]]:
    ranking = reader.ranking(what, owners, period.tables, limit=LIMIT)
    return [row.figures.percentiles(0.5, 0.95, 0.99) for row in ranking.rows]


@transaction.atomic
def _timed(work: Callable[[], object]) -> float:
    """Milliseconds."""
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000


def _read(statement: str, parameters: dict) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def _count(table: str) -> int:
    with scope.every_org():
        return _read(f"SELECT count(*) FROM {table}", {})[0][0]
