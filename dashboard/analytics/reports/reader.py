"""Traffic out: every figure of a page, a CSV file or an answer is read here.

A screen names what it wants (totals, APIs, keys, endpoints), a span and filters; which rows hold it is decided in
rows.py. Organisation ids are always given: with them the planner reads one slice of the key, also for a super-user,
for whom row-level security adds none.
"""

# ruff: noqa: S608 - only names and conditions of these modules are put into SQL, every value is a parameter

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from zoneinfo import ZoneInfo

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from dashboard.analytics.clock import day_start, row_bound
from dashboard.analytics.dimensions import BASES, COUNTER_NAMES, RECORDS, Dimension, Grain, days_of
from dashboard.analytics.models import IngestState
from dashboard.analytics.reports.periods import comparing, cutting
from dashboard.analytics.reports.periods.period import LONG_AGO, Before, Cut, Period, Span
from dashboard.analytics.reports.rows import (
    COLUMNS,
    Piece,
    are_in_order,
    dimension_of,
    is_of_one,
    is_of_records,
    left_out,
    newest_once,
    once_a_bucket,
    rows,
    sampled,
    whose,
)
from dashboard.analytics.reports.traffic import (
    NO_FILTERS,
    Buckets,
    Compared,
    Figures,
    Filters,
    Freshness,
    Owners,
    Question,
    Ranking,
    Row,
    Traffic,
    looked_at,
    newest_of,
    together,
)
from orgs.db import reading

TIMEOUT = "2s"
MEMORY = "16MB"
LATELY = timedelta(days=7)
ORDERS = {
    "requests": "sum(hits)",
    "errors": "sum(status_5xx)",
    "mean": "sum(latency_sum)::float / nullif(sum(timed), 0)",
}
ORDERED_BY = {
    "requests": ["hits"],
    "errors": ["hits", "status_5xx"],
    "mean": ["hits", "latency_sum", "timed"],
}

SUMS = f"{', '.join(f'bigint_sum({name})' for name in COUNTER_NAMES)}, max(latency_max), max(ts)"
OF_ALL = "count(*) OVER (), (sum(sum(hits)) OVER ())::bigint"
HISTOGRAM = "string_agg(latency_histogram, ''::bytea)"


def limit_time() -> None:
    """No statement of this transaction may take longer than TIMEOUT; the page then answers 503. None is compiled:
    of records of many days PostgreSQL expects a high cost, of which LIMIT leaves little, and compiling takes longer.
    A month of the histograms of two hundred keys is sorted in memory."""
    for alias in {DEFAULT_DB_ALIAS, reading.source().alias}:
        with connections[alias].cursor() as cursor:
            cursor.execute(
                f"SET LOCAL statement_timeout = '{TIMEOUT}'; SET LOCAL jit = off; SET LOCAL work_mem = '{MEMORY}'"
            )


def totals(owners: Owners, span: Span, filters: Filters = NO_FILTERS, *, histograms: bool = True) -> Figures:
    """All requests of a span together."""
    source, params = rows("total", owners, span, filters, COLUMNS if histograms else COLUMNS[:-1])
    merged = HISTOGRAM if histograms else "NULL"
    [found] = _read(
        f"SELECT {SUMS}, {merged} FROM ({source}) AS r",
        params,
        in_order=are_in_order("total", owners, span, filters),
    )
    return _figures(found)


def timeline(
    owners: Owners, cut: Cut, filters: Filters = NO_FILTERS, *, histograms: bool = True
) -> list[Figures]:
    """The requests of each bucket, one Figures a bucket, empty ones included."""
    source, params = rows("total", owners, cut.span, filters, COLUMNS if histograms else COLUMNS[:-1])
    merged = HISTOGRAM if histograms else "NULL"
    found = _read(
        f"SELECT width_bucket(ts, %s::timestamptz[]) - 1, {SUMS}, {merged} FROM ({source}) AS r GROUP BY 1",
        [_bounds(cut, owners.zone), *params],
        in_order=are_in_order("total", owners, cut.span, filters),
    )
    buckets = {bucket: _figures(sums) for bucket, *sums in found}
    return [buckets.get(index, Figures()) for index in range(len(cut))]


def ranking(
    what: str,
    owners: Owners,
    span: Span,
    filters: Filters = NO_FILTERS,
    *,
    limit: int,
    offset: int = 0,
    order: str = "requests",
    histograms: bool = True,
) -> Ranking:
    """The first of what = one of rows.LINES in one of ORDERS; percentiles for those returned."""
    kept = dimension_of(what, filters, owners.dimension_set)
    of_records = is_of_records(what, owners, span, filters)
    apart = histograms and kept is not None and kept.has_histogram(owners.dimension_set) and not of_records
    source, params = rows(what, owners, span, filters, ORDERED_BY[order] if apart else COLUMNS)
    sums = f"{SUMS}, {HISTOGRAM if histograms and of_records else 'NULL'}"
    found = _read(
        f"""SELECT {OF_ALL}, api_id, value{"" if apart else f", {sums}"}
            FROM ({source}) AS r GROUP BY api_id, value {_order(order)} LIMIT %s OFFSET %s""",
        [*params, limit, offset],
        in_order=are_in_order(what, owners, span, filters),
    )
    if not found:
        return Ranking((), 0, 0)
    lines = {(api_id, value): sums for _, _, api_id, value, *sums in found}
    if apart:
        # Of the lines that are returned alone: a histogram is longer than all the rest of its row.
        lines = _summed(rows(what, owners, span, filters), lines)
    return Ranking(
        tuple(Row(*line, _figures(sums)) for line, sums in lines.items()), found[0][0], found[0][1]
    )


def _order(order: str) -> str:
    return f"ORDER BY {ORDERS[order]} DESC NULLS LAST, sum(hits) DESC, api_id, value"


def rankings_of_newest(
    whats: Sequence[str], owners: Owners, span: Span, filters: Filters, *, limit: int, order: str
) -> dict[str, Ranking]:
    """Those of whats that are made of the newest records, as ranking() has them: of several these are read once, of one
    alone nothing is gained."""
    whats = [what for what in whats if is_of_records(what, owners, span, filters)]
    if len(whats) < 2:
        return {}
    (source, params), of_each = newest_once(whats, owners, span, filters)
    parts = [
        f"""(SELECT '{what}', row_number() OVER ({_order(order)}) AS place, {OF_ALL}, api_id, value, {SUMS},
                {HISTOGRAM} FROM ({rows_of_it}) AS r GROUP BY api_id, value ORDER BY place LIMIT %s)"""
        for what, rows_of_it in of_each.items()
    ]
    found = _read(
        f"WITH newest AS MATERIALIZED ({source}) {' UNION ALL '.join(parts)}",
        [*params, *(limit for _ in parts)],
        in_order=is_of_one(filters),
    )
    lines: dict[str, list] = {what: [] for what in whats}
    for what, _, *line in sorted(found, key=itemgetter(0, 1)):
        lines[what].append(line)
    return {
        what: Ranking(
            tuple(Row(api_id, value, _figures(sums)) for _, _, api_id, value, *sums in of), *of[0][:2]
        )
        if of
        else Ranking((), 0, 0)
        for what, of in lines.items()
    }


def _summed(source: Piece, lines: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Sequence]:
    """Of each of the lines, (api_id, value), its sums and histogram, in the same order."""
    statement, params = source
    found = _read(
        f"""SELECT api_id, value, {SUMS}, {HISTOGRAM} FROM ({statement}) AS r
            WHERE api_id = ANY(%s) AND value = ANY(%s) GROUP BY api_id, value""",
        [*params, *(sorted(set(names)) for names in zip(*lines, strict=True))],
    )
    summed = {(api_id, value): sums for api_id, value, *sums in found}
    return {line: summed[line] for line in lines if line in summed}


def busiest(what: str, owners: Owners, span: Span, limit: int, filters: Filters = NO_FILTERS) -> list[str]:
    """The values of what = one of rows.LINES with most requests of a span, those first."""
    source, params = rows(what, owners, span, filters, ["hits"])
    found = _read(
        f"SELECT value FROM ({source}) AS r GROUP BY value ORDER BY bigint_sum(hits) DESC, value LIMIT %s",
        [*params, limit],
        in_order=are_in_order(what, owners, span, filters),
    )
    return [value for (value,) in found]


def active_keys(owners: Owners, cut: Cut, filters: Filters = NO_FILTERS) -> tuple[int, list[int]]:
    """How many different keys called: in the whole span, and in each bucket. Never a sum of buckets."""
    parts, params = [], []
    for span, distinct in _by_whether_once(owners, cut, filters):
        source, values = rows("key", owners, span, filters, [])
        parts.append(
            f"(SELECT {distinct} width_bucket(ts, %s::timestamptz[]) - 1 AS bucket, value FROM ({source}) AS r)"
        )
        params += [_bounds(cut, owners.zone), *values]
    # Both are counted in one pass, by hashing: to sort a month of keys takes twice as long.
    found = dict(
        _read(
            f"""SELECT bucket, sum(keys)::bigint FROM
                (SELECT bucket, CASE WHEN bucket IS NULL THEN 1 ELSE count(*) END AS keys FROM
                    ({" UNION ALL ".join(parts)}) AS called
                 GROUP BY GROUPING SETS ((bucket), (value))) AS counted
                GROUP BY bucket""",
            params,
            in_order=are_in_order("key", owners, cut.span, filters),
        )
    )
    return found.get(None, 0), [found.get(index, 0) for index in range(len(cut))]


def _by_whether_once(owners: Owners, cut: Cut, filters: Filters) -> list[tuple[Span, str]]:
    """The span of some buckets, in which a key has one row a bucket, and has not."""
    span, once = cut.span, cut.edges[0]
    if owners.days_until and once_a_bucket("key", owners, cut, filters):
        closed = day_start(owners.days_until.astimezone(owners.zone).date(), owners.zone)
        once = min(max(once, closed), span.end)
    parts = [(replace(span, end=once), ""), (replace(span, start=once), "DISTINCT")]
    return [(part, distinct) for part, distinct in parts if part.start < part.end] or parts


def count(what: str, owners: Owners, span: Span, filters: Filters = NO_FILTERS) -> int:
    """How many different values of what = one of rows.LINES there are."""
    source, params = rows(what, owners, span, filters, [])
    [[number]] = _read(
        f"SELECT count(*) FROM (SELECT 1 FROM ({source}) AS r GROUP BY value) AS called",
        params,
        in_order=are_in_order(what, owners, span, filters),
    )
    return number


def newest_of_keys(
    owners: Owners, keys: Iterable[str], end: datetime | None = None, *, apis: Sequence[str] | None = None
) -> dict[str, tuple[str, datetime]]:
    """Alias and time of the newest record of each key, before `end`, as far back as records are kept. apis: of those
    with one of these APIs alone, None for any."""
    wanted = sorted(set(keys) - {""})
    if not wanted:
        return {}
    if apis is not None:
        return _newest_with_apis(owners, wanted, apis)
    found = [line for org_id in owners.org_ids for line in _newest_of_one(owners, org_id, wanted, end)]
    return {key: (alias, ts) for key, alias, ts in sorted(found, key=itemgetter(2))}


def _newest_of_one(
    owners: Owners, org_id: str, keys: Sequence[str], end: datetime | None
) -> list[tuple[str, str, datetime]]:
    """Of one organisation: distributed tables are not asked for the newest of several. What is asked for has mostly
    called LATELY, and to plan for all days of records takes longer than to read those."""
    start = owners.from_when(LONG_AGO, RECORDS)
    lately = max(start, (end or datetime.now(UTC)) - LATELY)
    found = _newest_between(org_id, keys, lately, end)
    others = sorted(set(keys).difference(key for key, *_ in found))
    if others and start < lately:
        found += _newest_between(org_id, others, start, lately)
    return found


def _newest_between(
    org_id: str, keys: Sequence[str], start: datetime, end: datetime | None
) -> list[tuple[str, str, datetime]]:
    return _read(
        """SELECT k, newest.alias, newest.ts FROM unnest(%s::text[]) AS k CROSS JOIN LATERAL
            (SELECT alias, ts FROM record WHERE org_id = %s AND key = k AND key <> ''
                AND ts >= %s AND (%s::timestamptz IS NULL OR ts < %s)
             ORDER BY ts DESC LIMIT 1) AS newest""",
        [keys, org_id, start, end, end],
    )


def _newest_with_apis(
    owners: Owners, keys: Sequence[str], apis: Sequence[str]
) -> dict[str, tuple[str, datetime]]:
    """Of one organisation. The last day on which they met is counted: on days since, a key may have called others as
    often as it likes."""
    [org_id] = owners.org_ids
    days = days_of(Dimension.KEY_API, open_hours=owners.open_hours)
    found = _read(
        f"""SELECT k, newest.alias, newest.ts FROM unnest(%s::text[]) AS k CROSS JOIN LATERAL
            (SELECT max(ts) AS start FROM {days} AS rollup WHERE org_id = %s
                AND dimension = %s AND value = k AND api_id = ANY(%s)) AS day CROSS JOIN LATERAL
            (SELECT alias, ts FROM record WHERE org_id = %s AND key = k AND key <> '' AND api_id = ANY(%s)
                AND ts >= greatest(start, %s) AND ts < start + interval '26 hours'
             ORDER BY ts DESC LIMIT 1) AS newest""",
        [
            *(list(keys), org_id, owners.base + Dimension.KEY_API, list(apis)),
            *(org_id, list(apis), owners.from_when(LONG_AGO, RECORDS)),
        ],
    )
    return {key: (alias, ts) for key, alias, ts in found}


def last_hits(owners: Owners, api_ids: Iterable[str], start: datetime, end: datetime) -> dict[str, datetime]:
    """When each API was last called in a span: to the minute for three days, then to the hour."""
    owned, owner = whose(owners.org_ids)
    found = _read(
        f"""SELECT api_id, max(ts) FROM rollup WHERE {owned} AND dimension = %s AND api_id = ANY(%s)
            AND (grain = %s AND ts >= %s OR grain = %s AND ts >= %s) AND ts < %s GROUP BY api_id""",
        [
            owner,
            owners.base + Dimension.API,
            sorted(set(api_ids)),
            *(Grain.MINUTE, owners.from_when(start, Grain.MINUTE)),
            *(Grain.HOUR, owners.from_when(start, Grain.HOUR)),
            end,
        ],
    )
    return dict(found)


def by_clock(
    owners: Owners, span: Span, unit: str, filters: Filters = NO_FILTERS
) -> list[tuple[datetime, Figures]]:
    """The requests of each hour, day or month of the zone that had any, by its local start."""
    source, params = rows("total", owners, span, filters)
    found = _read(
        f"""SELECT date_trunc(%s, ts AT TIME ZONE %s) AS start, {SUMS}, {HISTOGRAM} FROM ({source}) AS r
            GROUP BY start ORDER BY start""",
        [unit, owners.zone.key, *params],
        in_order=are_in_order("total", owners, span, filters),
    )
    return [(start, _figures(sums)) for start, *sums in found]


def newest_begin(what: str, owners: Owners, span: Span, filters: Filters) -> datetime | None:
    """Since when the newest records of a span leave out nothing; None if they are all."""
    found = _read(*left_out(what, owners, span, filters), in_order=is_of_one(looked_at(filters)))
    return found[0][0] if found else None


def sample_begins(question: Question) -> datetime | None:
    """Since when all requests of a page are counted that are made from the newest records; None if nothing is left
    out."""
    counts = question.period.counts
    if counts.grain != RECORDS:
        return None
    return newest_begin("total", question.owners, counts.span, question.filters)


def any_traffic(org_ids: Sequence[str]) -> bool:
    owned, owner = whose(org_ids)
    [[found]] = _read(
        f"SELECT EXISTS (SELECT 1 FROM rollup WHERE {owned} AND grain = ANY(%s) AND dimension = ANY(%s))",
        [owner, [Grain.DAY.value, Grain.HOUR.value], [base + Dimension.TOTAL for base in BASES]],
    )
    return found


def freshness(now: datetime) -> Freshness:
    source = reading.source()
    state = IngestState.objects.using(source.alias).first()
    if state is None:
        return Freshness(None, 0, now)
    return Freshness(state.up_to, state.waiting, now, state.doubt, state.folded_since, source.behind)


def traffic(question: Question) -> Traffic:
    """Everything the tiles and the time charts show."""
    owners, period, filters = question.owners, question.period, question.filters
    fresh = freshness(period.now)
    same = period.latency is period.counts
    counts = timeline(owners, period.counts, filters, histograms=same)
    latency = counts if same else timeline(owners, period.latency, filters)
    before = _comparable(question)
    known = totals(owners, _by_hours(before.counts, period), filters) if before.counts else None
    known_latency = known
    if before.latency and before.latency != before.counts:
        known_latency = totals(owners, before.latency, filters)
    total = together(latency) if same else _with_histogram(counts, latency)
    key_cut = cutting.table_cut(period)
    keys_of = sampled("key", owners, key_cut.span, filters, total.hits)
    # Of two samples, and of their buckets, nothing is known that could be compared; the ranking of keys counts them.
    keys, by_bucket = active_keys(owners, key_cut, filters) if not keys_of else (None, [])
    compared = before.tables if not keys_of else None
    return Traffic(
        counts=begun(period.counts, counts, fresh),
        latency=begun(period.latency, latency, fresh),
        total=total,
        before=known,
        before_latency=known_latency,
        keys=keys,
        keys_by_bucket=tuple(by_bucket[: _over(key_cut, fresh.known_until)]),
        keys_before=count("key", owners, compared, filters) if compared else None,
        keys_of=keys_of,
        keys_among=newest_of(filters),
        freshness=fresh,
        compared=_compared(question, before, fresh) if period.compared.drawn else None,
        before_share=period.compared_share,
    )


def _by_hours(span: Span, period: Period) -> Span:
    """The span whose whole hours are read from one row each instead of sixty, where those are kept as well."""
    if span.grain == Grain.MINUTE and period.since(Grain.HOUR) <= span.start:
        return replace(span, grain=Grain.HOUR_DETAIL)
    return span


def _comparable(question: Question) -> Before:
    """What is read of what the period is compared with: nothing where one of both is not all counted."""
    period, owners, filters = question.period, question.owners, question.filters
    before = comparing.before(period)
    of_records = before.counts is not None and before.counts.grain == RECORDS
    if of_records and (sample_begins(question) or newest_begin("total", owners, before.counts, filters)):
        return Before(None, None, None)
    timed = before.latency
    if timed is None or timed.grain != RECORDS or timed == before.counts:
        return before
    # Requests that are counted, of which single records alone tell how long they took.
    if newest_begin("total", owners, period.latency.span, filters) or newest_begin(
        "total", owners, timed, filters
    ):
        return replace(before, latency=None, chart_latency=None)
    return before


def _compared(question: Question, before: Before, fresh: Freshness) -> Compared | None:
    if before.chart is None:
        return None
    same = before.chart == before.chart_latency
    counts = timeline(question.owners, before.chart, question.filters, histograms=same)
    timed = before.chart_latency
    latency = counts if same else timed and timeline(question.owners, timed, question.filters)
    return Compared(
        begun(before.chart, counts, fresh), begun(timed, latency, fresh) if timed and latency else None
    )


def begun(cut: Cut, figures: list[Figures], fresh: Freshness) -> Buckets:
    """The buckets that have begun, and how many of them are over and stored."""
    number = sum(1 for edge in cut.edges[:-1] if edge <= fresh.known_until)
    # What lies beyond, a clock ahead of ours, is shown rather than hidden.
    number = max([number, *(index + 1 for index, sums in enumerate(figures) if sums.hits)])
    return Buckets(cut, tuple(figures[:number]), min(number, _over(cut, fresh.known_until)))


def _over(cut: Cut, instant: datetime) -> int:
    return sum(1 for edge in cut.edges[1:] if edge <= instant)


def _with_histogram(counts: list[Figures], latency: list[Figures]) -> Figures:
    total, timed = together(counts), together(latency)
    return Figures(
        *(getattr(total, name) for name in COUNTER_NAMES),
        timed.latency_max,
        total.last,
        timed.latency_histogram,
    )


def _bounds(cut: Cut, zone: ZoneInfo) -> list[datetime]:
    return [row_bound(edge, cut.grain, zone) for edge in cut.edges[:-1]]


def _figures(sums: Sequence) -> Figures:
    *counts, latency_max, last, latency_histogram = sums
    return Figures(
        *(count or 0 for count in counts), latency_max, last, latency_histogram and bytes(latency_histogram)
    )


def _read(statement: str, params: list, *, in_order: bool = False) -> list[tuple]:
    return fetched(reading.connection(), statement, params, in_order=in_order)


def fetched(
    connection: BaseDatabaseWrapper, statement: str, params: list, *, in_order: bool = False
) -> list[tuple]:
    """in_order: of a busy key or client, a bitmap of all its records would be made before the newest are taken from
    it."""
    with connection.cursor() as cursor:
        if in_order:
            cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute(statement, params)
        found = cursor.fetchall()
        if in_order:
            cursor.execute("SET LOCAL enable_bitmapscan TO DEFAULT")
        return found
