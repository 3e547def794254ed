"""Errors by status, API and endpoint, read from the rollups, or by key as well, from the records themselves."""

# ruff: noqa: S608 - only names and conditions of these modules are put into SQL, every value is a parameter

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from operator import itemgetter

from django.db import OperationalError

from dashboard.analytics.clock import row_bound
from dashboard.analytics.dimensions import RECORDS
from dashboard.analytics.reports import traffic
from dashboard.analytics.reports.periods import cutting
from dashboard.analytics.reports.periods.period import Span
from dashboard.analytics.reports.rows import Piece, newest, rows
from dashboard.analytics.reports.search import Wanted, terms
from dashboard.analytics.reports.traffic import Filters, Question, codes
from orgs.db import reading
from orgs.db.patience import at_most

SORTS = {"count": "hits", "first": "first", "last": "last", "status": "status"}
# Telling keys apart may take so long; then they are not told apart, and the page has time left for that.
PATIENCE = 1.0  # seconds
OF_A_RECORD = "status, api_id, endpoint, key, ts, 1 AS hits, timed::int AS timed"


@dataclass(frozen=True)
class Line:
    """`key` is None where keys are not told apart, "" for requests without one. over_time: hits in each bucket.

    first, last: of records to the microsecond, of rollups the start of the hour or day.
    """

    status: int
    api_id: str
    endpoint: str
    key: str | None
    hits: int
    timed: int
    first: datetime
    last: datetime
    over_time: tuple[int, ...]


@dataclass(frozen=True)
class Errors:
    """Some of the lines, of which there are `count` with `hits` requests. cut: where the newest begin that
    were looked at, None if all were."""

    lines: tuple[Line, ...]
    count: int
    hits: int
    by_key: bool
    cut: datetime | None


@dataclass(frozen=True)
class Order:
    """sort: a name of SORTS, with "-" before it the other way round."""

    sort: str
    limit: int
    offset: int = 0


def errors(question: Question, statuses: Sequence[str], order: Order, *, by_key: bool) -> Errors:
    """The errors of a period. statuses: codes and classes, any of them, none for all. by_key: tell keys apart, unless
    that takes longer than PATIENCE."""
    filters = question.filters
    # Errors are counted by API and endpoint alone.
    uncounted = filters != Filters(apis=filters.apis, endpoints=filters.endpoints)
    if not (by_key or uncounted):
        return _from_rollups(question, statuses, order)
    try:
        with at_most(f"{PATIENCE * 1000:.0f}ms", reading.source().alias):
            return _from_records(question, statuses, order)
    except OperationalError:
        if uncounted:
            raise
        return _from_rollups(question, statuses, order)


def _from_records(question: Question, statuses: Sequence[str], order: Order) -> Errors:
    period, owners, filters = question.period, question.owners, question.filters
    wanted = Wanted(period.start, period.end, replace(filters, statuses=tuple(statuses)), errors=True)
    conditions, values = terms(wanted)
    span = Span(period.start, period.end, RECORDS)
    source, params = newest(
        f"{OF_A_RECORD}, (true{conditions}) AS counts", owners, span, filters, errors=True
    )
    edges = cutting.table_cut(period).edges[:-1]
    return _read((source, [*values, *params]), edges, order, most=traffic.MOST_RECORDS, by_key=True)


def _from_rollups(question: Question, statuses: Sequence[str], order: Order) -> Errors:
    owners, filters, cut = question.owners, question.filters, cutting.table_cut(question.period)
    rollups, params = rows(
        "error", owners, question.period.tables, Filters(apis=filters.apis), ["hits", "timed"]
    )
    conditions, values = "", []
    if statuses:
        conditions += " AND left(value, 3) = ANY(%s)"
        values.append(list(map(str, codes(statuses))))
    if filters.endpoints:
        conditions += " AND substr(value, 5) = ANY(%s)"
        values.append(list(filters.endpoints))
    source = f"""SELECT left(value, 3)::int AS status, api_id, substr(value, 5) AS endpoint, '' AS key, ts, hits, timed,
            true AS counts FROM ({rollups}) AS r WHERE true{conditions}"""
    edges = [row_bound(edge, cut.grain, owners.zone) for edge in cut.edges[:-1]]
    return _read((source, [*params, *values]), edges, order, most=None, by_key=False)


def _read(
    source: Piece, edges: Sequence[datetime], order: Order, *, most: int | None, by_key: bool
) -> Errors:
    """The lines of those rows of (status, api_id, endpoint, key, ts, hits, timed, counts) that count, over time by the
    buckets that begin at `edges`. most: of how many rows there may be more."""
    statement, params = source
    direction = "DESC" if order.sort.startswith("-") else "ASC"
    ordered = f"{SORTS[order.sort.removeprefix('-')]} {direction}, status, api_id, endpoint, key"
    with reading.connection().cursor() as cursor:
        # Few lines are shown: to number all would be to sort all, and grouped by all columns rows are slow to compare.
        cursor.execute(
            f"""WITH looked_at AS MATERIALIZED ({statement}), r AS NOT MATERIALIZED
                (SELECT * FROM looked_at WHERE counts),
            line AS (SELECT status, api_id, endpoint, key, sum(hits)::bigint AS hits, sum(timed)::bigint AS timed,
                    min(ts) AS first, max(ts) AS last FROM r GROUP BY status, api_id, endpoint, key),
            shown AS (SELECT *, row_number() OVER (ORDER BY {ordered}) AS place FROM
                (SELECT *, count(*) OVER () AS lines, (sum(hits) OVER ())::bigint AS everything
                 FROM line ORDER BY {ordered} LIMIT %s OFFSET %s) AS first_lines),
            over_time AS (SELECT place, width_bucket(ts, %s::timestamptz[]) - 1 AS bucket, sum(r.hits)::bigint AS hits
                FROM shown JOIN r USING (status, api_id, endpoint, key) GROUP BY place, bucket)
            SELECT place, status, api_id, endpoint, key, shown.hits, shown.timed, first, last, lines, everything,
                cut, bucket, over_time.hits
            FROM (SELECT CASE WHEN count(*) = %s THEN min(ts) END AS cut FROM looked_at) AS whole
                LEFT JOIN (shown JOIN over_time USING (place)) ON true
            ORDER BY place""",
            [*params, order.limit, order.offset, list(edges), most],
        )
        found = cursor.fetchall()
    count, hits, cut = found[0][9:12]
    told = [part for part in found if part[0] is not None]
    lines = [_line(list(parts), len(edges), by_key) for _, parts in groupby(told, key=itemgetter(0))]
    return Errors(tuple(lines), count or 0, hits or 0, by_key, cut)


def _line(parts: list[tuple], buckets: int, by_key: bool) -> Line:
    over_time = [0] * buckets
    for part in parts:
        over_time[max(0, part[12])] += part[13]
    _, status, api_id, endpoint, key, hits, timed, first, last, *_ = parts[0]
    return Line(status, api_id, endpoint, key if by_key else None, hits, timed, first, last, tuple(over_time))
