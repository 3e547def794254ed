"""What the analytics page reads of thirty days, from rollups and from the raw records themselves."""

# ruff: noqa: S608 - only names of this module are put into SQL

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import islice
from statistics import median

from django.db import connection, connections, transaction

from dashboard.analytics.ingest import store
from dashboard.analytics.reports import periods, reader
from dashboard.analytics.reports.traffic import Owners
from dashboard.benchmarks import measure
from dashboard.benchmarks.ingest import lines, make_organisations, stored_bytes
from dashboard.benchmarks.world import ORG_IDS, World
from orgs import scope
from orgs.models import Organisation

RUNS = 5
AT_ONCE = 100_000
SPAN = timedelta(days=29, hours=12)
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
    """One line of figures: milliseconds for all that the page reads, and for each part of it."""
    make_organisations()
    now = datetime.now(UTC)
    _fill(records, seed, now)
    with scope.every_org():
        org = Organisation.everyone.get(pk=ORG_IDS[0])
    period = periods.parse({"range": "30d"}, org.zone, now)
    owners = Owners((org.pk,), org.zone)
    parameters = {"org": org.pk, "zone": org.time_zone, "start": period.start, "end": period.end}
    ours = {
        "totals": lambda: reader.totals(owners, period.latency.span).percentiles(0.5, 0.95, 0.99),
        "per day": lambda: [
            day.percentiles(0.5, 0.95, 0.99) for day in reader.timeline(owners, period.latency)
        ],
        "top APIs": lambda: _ranked("api", owners, period),
        "top keys": lambda: _ranked("key", owners, period),
        "top endpoints": lambda: _ranked("endpoint", owners, period),
        "active keys": lambda: reader.active_keys(owners, periods.table_cut(period)),
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
    }


def _fill(records: int, seed: int, now: datetime) -> None:
    """Past Redis: what is measured is reading."""
    entries = World(seed).entries(records, now - SPAN, now)
    number = 0
    while part := list(islice(entries, AT_ONCE)):
        with scope.every_org(), transaction.atomic():
            store.store(list(lines(part, now, first=number)), now, most_bad=0)
        number += len(part)
    with scope.nobody(), transaction.atomic(using="owner"):
        connections["owner"].cursor().execute("ANALYZE record, rollup")


def _ranked(what: str, owners: Owners, period: periods.Period) -> list[list[float | None]]:
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
