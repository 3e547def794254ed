"""Traffic out: every figure of a page, a CSV file or an answer is read here.

A screen names what it wants (totals, APIs, keys, endpoints), a span and filters; which table, grain and
dimension hold it is decided in `_rows` alone. Organisation ids are always given: with them the planner
reads one slice of the key, also for a super-user, for whom row-level security adds none.
"""

# ruff: noqa: S608 - only names and conditions written in this module are put into SQL, every value is a parameter

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import connection

from dashboard.analytics import histogram
from dashboard.analytics.clock import next_hour, row_bound, whole_hours
from dashboard.analytics.reports.periods import Cut, Span

MOST_RECORDS = 50_000
TIMEOUT = "2s"

SUMS = """sum(hits)::bigint, sum(s3)::bigint, sum(s4)::bigint, sum(s5)::bigint, sum(limited)::bigint,
    sum(timed)::bigint, sum(lat_sum)::bigint, sum(up_hits)::bigint, sum(up_sum)::bigint, max(lat_max),
    max(ts)"""
HISTOGRAM = "string_agg(lat, ''::bytea)"

# A record as a rollup row of its own, so that both are added up by the same statement.
COLUMNS = (
    """org_id, ts, api_id, val, hits, s3, s4, s5, limited, timed, lat_sum, up_hits, up_sum, lat_max, lat"""
)
AS_ROLLUP = """SELECT org_id, ts, {api} AS api_id, {val} AS val, 1 AS hits,
    (status BETWEEN 300 AND 399)::int AS s3, (status BETWEEN 400 AND 499)::int AS s4,
    (status >= 500)::int AS s5, (status = 429)::int AS limited, timed::int AS timed,
    CASE WHEN timed THEN lat_total ELSE 0 END AS lat_sum,
    (lat_up > 0)::int AS up_hits, greatest(lat_up, 0) AS up_sum,
    CASE WHEN timed THEN lat_total ELSE 0 END AS lat_max,
    CASE WHEN timed THEN int2send(lat_bucket(lat_total)::int2) || int4send(1) END AS lat"""

# Totals and APIs are kept by minute, hour and day; what else there is, by hour (x) and day (k).
TOTALS_GRAIN = {"": "m", "x": "h", "k": "d"}
NOTHING_BEYOND = "NOT EXISTS (SELECT FROM record WHERE org_id = ANY(%s) AND ts >= %s AND ts < %s)"


@dataclass(frozen=True)
class Filters:
    api: str = ""
    key: str = ""


@dataclass(frozen=True)
class Owners:
    """Whose rows: the organisations, and the zone in which their hours and days are cut."""

    org_ids: tuple[str, ...]
    zone: ZoneInfo
    base: int = 0  # what the dimensions of their rollups are counted from


@dataclass(frozen=True)
class Figures:
    """Sums over some rows. Latencies are in milliseconds and cover the `timed` requests: those which were
    passed on, not the refused ones. `last` is the start of the newest row: of the minute, hour or day."""

    hits: int = 0
    s3: int = 0
    s4: int = 0
    s5: int = 0
    limited: int = 0
    timed: int = 0
    lat_sum: int = 0
    up_hits: int = 0
    up_sum: int = 0
    lat_max: int | None = None
    last: datetime | None = None
    lat: bytes | None = None

    @property
    def s2(self) -> int:
        """2xx, and the few 1xx."""
        return self.hits - self.s3 - self.s4 - self.s5

    @property
    def errors(self) -> int:
        return self.s4 + self.s5

    @property
    def mean(self) -> float | None:
        return self.lat_sum / self.timed if self.timed else None

    @property
    def upstream_mean(self) -> float | None:
        return self.up_sum / self.up_hits if self.up_hits else None

    def percentiles(self, *shares: float) -> list[float | None]:
        """Of the merged histogram, each within 1/64 of the exact one."""
        counts = histogram.decode(self.lat or b"")
        return [histogram.quantile(counts, share) for share in shares]


ADDITIVE = tuple(field.name for field in fields(Figures))[:-3]


@dataclass(frozen=True)
class Row:
    """One line of a ranking: `api_id` and `val` (a key, an endpoint or "") and its figures."""

    api_id: str
    val: str
    figures: Figures


@dataclass(frozen=True)
class Ranking:
    rows: tuple[Row, ...]
    count: int  # of all lines, shown or not
    hits: int  # of all lines


def together(parts: Iterable[Figures]) -> Figures:
    """Several Figures as one. Percentiles come out of the merged histogram: they are never averaged."""
    parts = list(parts)
    return Figures(
        *(sum(getattr(part, name) for part in parts) for name in ADDITIVE),
        max((part.lat_max for part in parts if part.lat_max is not None), default=None),
        max((part.last for part in parts if part.last), default=None),
        b"".join(part.lat or b"" for part in parts),
    )


def limit_time() -> None:
    """No statement of this transaction may take longer than TIMEOUT; the page then answers 503."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = '{TIMEOUT}'")


def totals(owners: Owners, span: Span, filters: Filters = Filters(), *, histograms: bool = True) -> Figures:
    """All requests of a span together."""
    rows, params = _rows("total", owners, span, filters)
    lat = HISTOGRAM if histograms else "NULL"
    [found] = _read(f"SELECT {SUMS}, {lat} FROM ({rows}) AS r", params)
    return _figures(found)


def timeline(
    owners: Owners, cut: Cut, filters: Filters = Filters(), *, histograms: bool = True
) -> list[Figures]:
    """The requests of each bucket, one Figures a bucket, empty ones included."""
    rows, params = _rows("total", owners, cut.span, filters)
    lat = HISTOGRAM if histograms else "NULL"
    found = _read(
        f"SELECT width_bucket(ts, %s::timestamptz[]) - 1, {SUMS}, {lat} FROM ({rows}) AS r GROUP BY 1",
        [_bounds(cut, owners.zone), *params],
    )
    buckets = {bucket: _figures(sums) for bucket, *sums in found}
    return [buckets.get(index, Figures()) for index in range(len(cut))]


def ranking(
    what: str, owners: Owners, span: Span, filters: Filters = Filters(), *, limit: int, offset: int = 0
) -> Ranking:
    """The busiest of what = "api", "key" or "endpoint", percentiles included for the lines returned only."""
    rows, params = _rows(what, owners, span, filters)
    # A rollup is read twice by its key sooner than its histograms are copied aside.
    hint = "NOT" if "FROM rollup" in rows else ""
    found = _read(
        f"""WITH r AS {hint} MATERIALIZED ({rows}),
        top AS (SELECT api_id, val, sum(hits) AS busy, count(*) OVER () AS lines,
                (sum(sum(hits)) OVER ())::bigint AS everything FROM r
            GROUP BY api_id, val ORDER BY busy DESC, api_id, val LIMIT %s OFFSET %s)
        SELECT lines, everything, api_id, val, {SUMS}, {HISTOGRAM} FROM r JOIN top USING (api_id, val)
            GROUP BY lines, everything, api_id, val, busy ORDER BY busy DESC, api_id, val""",
        [*params, limit, offset],
    )
    if not found:
        return Ranking((), 0, 0)
    rows_found = tuple(Row(api_id, val, _figures(sums)) for _, _, api_id, val, *sums in found)
    return Ranking(rows_found, found[0][0], found[0][1])


def active_keys(owners: Owners, cut: Cut, filters: Filters = Filters()) -> tuple[int, list[int]]:
    """How many different keys called: in the whole span, and in each bucket. Never a sum of buckets."""
    rows, params = _rows("key", owners, cut.span, filters)
    found = dict(
        _read(
            f"""SELECT bucket, count(DISTINCT val) FROM
                (SELECT width_bucket(ts, %s::timestamptz[]) - 1 AS bucket, val FROM ({rows}) AS r) AS b
                GROUP BY GROUPING SETS ((bucket), ())""",
            [_bounds(cut, owners.zone), *params],
        )
    )
    return found.get(None, 0), [found.get(index, 0) for index in range(len(cut))]


def count_keys(owners: Owners, span: Span, filters: Filters = Filters()) -> int:
    rows, params = _rows("key", owners, span, filters)
    [[count]] = _read(f"SELECT count(DISTINCT val) FROM ({rows}) AS r", params)
    return count


def newest_of_keys(
    org_ids: Sequence[str], keys: Iterable[str], end: datetime | None = None
) -> dict[str, tuple[str, datetime]]:
    """Alias and time of the newest record of each key, before `end`, as far back as records are kept."""
    wanted = sorted(set(keys) - {""})
    if not wanted:
        return {}
    found = _read(
        """SELECT k, newest.alias, newest.ts FROM unnest(%s::text[]) AS k CROSS JOIN LATERAL
            (SELECT alias, ts FROM record WHERE org_id = ANY(%s) AND key = k AND key <> ''
                AND (%s::timestamptz IS NULL OR ts < %s)
             ORDER BY ts DESC LIMIT 1) AS newest""",
        [wanted, list(org_ids), end, end],
    )
    return {key: (alias, ts) for key, alias, ts in found}


def last_hits(owners: Owners, api_ids: Iterable[str], start: datetime, end: datetime) -> dict[str, datetime]:
    """When each API was last called in a span: to the minute for three days, then to the hour."""
    found = _read(
        """SELECT api_id, max(ts) FROM rollup WHERE org_id = ANY(%s) AND grain IN ('m', 'h') AND dim = %s
            AND api_id = ANY(%s) AND ts >= %s AND ts < %s GROUP BY api_id""",
        [list(owners.org_ids), owners.base + 1, sorted(set(api_ids)), start, end],
    )
    return dict(found)


def by_clock(
    owners: Owners, span: Span, unit: str, filters: Filters = Filters()
) -> list[tuple[datetime, Figures]]:
    """The requests of each hour, day or month of the zone that had any, by its local start."""
    rows, params = _rows("total", owners, span, filters)
    found = _read(
        f"""SELECT date_trunc(%s, ts AT TIME ZONE %s) AS start, {SUMS}, {HISTOGRAM} FROM ({rows}) AS r
            GROUP BY start ORDER BY start""",
        [unit, owners.zone.key, *params],
    )
    return [(start, _figures(sums)) for start, *sums in found]


def any_traffic(org_ids: Sequence[str]) -> bool:
    [[found]] = _read(
        "SELECT EXISTS (SELECT FROM rollup WHERE org_id = ANY(%s) AND grain = 'd' AND dim IN (0, 100))",
        [list(org_ids)],
    )
    return found


def _rows(what: str, owners: Owners, span: Span, filters: Filters) -> tuple[str, list]:
    """SQL, with its parameters, of rollup-shaped rows: one dimension, one grain, one span."""
    if span.grain == "" and not (what in ("total", "api") and not filters.key):
        return _from_records(what, owners, span, filters)
    if what == "endpoint" and filters.key:
        # No rollup knows the endpoints of a key.
        return _from_records(what, owners, span, filters)
    conditions, values = [], []
    if what == "endpoint":
        dim = 3
    elif what == "key" or filters.key:
        dim = 7 if what == "api" or filters.api else 6
        if filters.key:
            conditions, values = ["val = %s"], [filters.key]
    else:
        dim = 1 if what == "api" or filters.api else 0
    grain = TOTALS_GRAIN.get(span.grain, span.grain) if dim in (0, 1) else span.grain
    if filters.api:
        conditions, values = [*conditions, "api_id = %s"], [*values, filters.api]
    where = "".join(f" AND {condition}" for condition in conditions)

    def rollup(start: datetime, end: datetime, grain: str) -> tuple[str, list]:
        bounds = (row_bound(instant, grain, owners.zone) for instant in (start, end))
        return (
            f"""SELECT {COLUMNS} FROM rollup WHERE org_id = ANY(%s) AND grain = %s AND dim = %s
                AND ts >= %s AND ts < %s{where}""",
            [list(owners.org_ids), grain, owners.base + dim, *bounds, *values],
        )

    if span.grain != "x":
        return rollup(span.start, span.end, grain)
    first, last = whole_hours(span.start, span.end, owners.zone)
    if dim in (0, 1):
        parts = _parts(span, first, last, lambda start, end: rollup(start, end, "m"))
        return _union([*parts, rollup(first, last, "h")] if first < last else parts)

    def records(start: datetime, end: datetime) -> tuple[str, list]:
        return _from_records(what, owners, Span(start, end, ""), filters, most=None)

    if first > last or last == span.end:
        parts = _parts(span, first, last, records)
    else:
        parts = _parts(replace(span, end=last), first, last, records)
        parts += _running_hour(owners, last, span.end, rollup, records)
    return _union([*parts, rollup(first, last, "x")] if first < last else parts)


Piece = tuple[str, list]


def _parts(
    span: Span, first: datetime, last: datetime, read: Callable[[datetime, datetime], Piece]
) -> list[Piece]:
    """What lies outside of the whole hours of a span, `first` to `last`."""
    if first > last:
        return [read(span.start, span.end)]
    return [read(start, end) for start, end in ((span.start, first), (last, span.end)) if start < end]


def _running_hour(
    owners: Owners,
    start: datetime,
    end: datetime,
    rollup: Callable[[datetime, datetime, str], Piece],
    records: Callable[[datetime, datetime], Piece],
) -> list[Piece]:
    """An hour up to `end`: its row where nothing of the hour lies beyond, as in the hour that is running, else its
    records."""
    beyond = [list(owners.org_ids), end, next_hour(start, owners.zone)]
    by_row, its = rollup(start, next_hour(start, owners.zone), "x")
    by_record, others = records(start, end)
    return [
        (f"{by_row} AND {NOTHING_BEYOND}", [*its, *beyond]),
        (f"{by_record} WHERE NOT {NOTHING_BEYOND}", [*others, *beyond]),
    ]


def _union(pieces: Iterable[Piece]) -> Piece:
    pieces = list(pieces)
    return (
        " UNION ALL ".join(f"({statement})" for statement, _ in pieces),
        [value for _, values in pieces for value in values],
    )


def _from_records(
    what: str, owners: Owners, span: Span, filters: Filters, most: int | None = MOST_RECORDS
) -> tuple[str, list]:
    """The newest records of a span, at most so many."""
    newest = "" if most is None else f"ORDER BY ts DESC, id DESC LIMIT {most}"
    columns = {
        "total": ("''::text", "''::text"),
        "api": ("api_id", "''::text"),
        "key": ("''::text", "key"),
        "endpoint": ("api_id", "endpoint"),
    }
    api, val = columns[what]
    conditions, values = [], []
    if what == "key" and not filters.key:
        conditions.append("key <> ''")
    if filters.key:
        conditions, values = [*conditions, "key = %s", "key <> ''"], [*values, filters.key]
    if filters.api:
        conditions, values = [*conditions, "api_id = %s"], [*values, filters.api]
    where = "".join(f" AND {condition}" for condition in conditions)
    return (
        f"""{AS_ROLLUP.format(api=api, val=val)} FROM
            (SELECT * FROM record WHERE org_id = ANY(%s) AND ts >= %s AND ts < %s{where}
             {newest}) AS record""",
        [list(owners.org_ids), span.start, span.end, *values],
    )


def _bounds(cut: Cut, zone: ZoneInfo) -> list[datetime]:
    return [row_bound(edge, cut.grain, zone) for edge in cut.edges[:-1]]


def _figures(sums: Sequence) -> Figures:
    *counts, lat_max, last, lat = sums
    return Figures(*(count or 0 for count in counts), lat_max, last, lat and bytes(lat))


def _read(statement: str, params: list) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchall()
