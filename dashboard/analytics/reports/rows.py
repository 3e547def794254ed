"""Which rows hold what a screen wants: SQL of one shape, whether they are rollups or the records themselves."""

# ruff: noqa: S608 - only names and conditions of these modules are put into SQL, every value is a parameter

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from dashboard.analytics.clock import DAY, next_hour, row_bound, whole_hours
from dashboard.analytics.dimensions import (
    COUNTER_NAMES,
    COUNTERS,
    DIMENSION_SET,
    KEPT,
    NOT_VERSIONED,
    RECORDS,
    Counter,
    Dimension,
    Grain,
    days_of,
    dimension,
)
from dashboard.analytics.reports import traffic
from dashboard.analytics.reports.periods.period import Cut, Span
from dashboard.analytics.reports.traffic import (
    LEAST_ERROR,
    NO_FILTERS,
    Filters,
    Owners,
    codes,
    looked_at,
    of_errors_alone,
)

Piece = tuple[str, list]

# What is wanted, by the columns that tell its lines apart.
LINES = {
    "total": ("", ""),
    "api": ("api_id", ""),
    "key": ("", "key"),
    "client": ("", "oauth"),
    "endpoint": ("api_id", "endpoint"),
    "error": ("api_id", "error"),
    "code": ("", "status"),  # of errors alone
    "country": ("", "country"),
    "version": ("api_id", "version"),
    "tag": ("", "tag"),
    "agent": ("", "user_agent"),
    "address": ("", "ip"),
    "primitive": ("api_id", "mcp"),
}
OF_ERRORS = ("error", "code")
# The columns that filters are about, besides that of APIs.
FILTERED = {
    "keys": "key",
    "endpoints": "endpoint",
    "clients": "oauth",
    "versions": "version",
    "countries": "country",
    "tags": "tag",
    "statuses": "status",
    "primitives": "mcp",
}
# What a record has no column for, or not as text.
OF_A_RECORD = {
    "": "''::text",
    "error": "status || ' ' || endpoint",
    "ip": "host(ip)",
    "status": "status::text",
}
# The columns that it has instead.
IN_A_RECORD = {"error": "endpoint", "tag": "tags"}
# Lines which a record without a value is in none of.
VALUES = {
    "key": "key <> ''",
    "country": "country <> ''",
    "oauth": "oauth <> ''",
    "version": f"version NOT IN ('', '{NOT_VERSIONED}')",
    "user_agent": "user_agent <> ''",
    "ip": "ip IS NOT NULL",
    "mcp": "mcp <> ''",
}
COLUMNS = (*COUNTER_NAMES, "latency_max", "latency_histogram")
# What counters are made of.
OF_EACH_RECORD = ("org_id", "ts", "api_id", "status", "latency", "upstream_latency", "timed")
# A record counts once for a tag that it has twice.
OF_EACH_TAG = "SELECT DISTINCT tag FROM unnest(tags) AS tag WHERE tag <> ''"
NEWEST_FIRST = "ORDER BY ts DESC, id DESC"
OF_AN_ERROR = f" AND status >= {LEAST_ERROR}"
# What partial indexes ask for besides.
PRESENT = {"key": " AND key <> ''", "oauth": " AND oauth <> ''"}


def _of_one(counter: Counter) -> str:
    """What a single record adds to a counter."""
    if counter.column:
        return f"CASE WHEN {counter.when} THEN {counter.column} ELSE 0 END"
    return f"({counter.when})::int" if counter.when else "1"


# What a single record adds to each column.
OF_ONE = {
    **{counter.name: _of_one(counter) for counter in COUNTERS},
    "latency_max": "CASE WHEN timed THEN latency ELSE 0 END",
    "latency_histogram": "CASE WHEN timed THEN int2send(latency_bucket(latency)::int2) || int4send(1) END",
}


def whose(org_ids: Sequence[str]) -> tuple[str, str | list[str]]:
    """The condition on organisations, and its parameter.

    On one it is an equality, like that of its policy of row-level security: PostgreSQL then compares the two constants
    once a partition, which takes some 7 µs, and reads as without a policy. Beside ANY it compares each row with both,
    takes rows that fulfil both for much rarer than they are, and reads what comes next in another way: two to four
    times as long.
    """
    if len(org_ids) == 1:
        return "org_id = %s", org_ids[0]
    return "org_id = ANY(%s)", list(org_ids)


def among(column: str, values: Sequence[str]) -> tuple[str, str | list[str]]:
    """The condition that a column has one of some values, and its parameter: of one an equality, whose rows an index
    has in the order of their time."""
    if len(values) == 1:
        return f"{column} = %s", values[0]
    return f"{column} = ANY(%s)", list(values)


def rows(what: str, owners: Owners, span: Span, filters: Filters, columns: Sequence[str] = COLUMNS) -> Piece:
    """SQL, with its parameters, of rollup-shaped rows: one dimension, one grain, one span. what: one of LINES; columns:
    those of COLUMNS that are read, for of several spans together PostgreSQL makes all that are named."""
    kept = dimension_of(what, filters, owners.dimension_set)
    if kept is None or (grain := kept.grain(span.grain)) == RECORDS:
        read = newest(_columns([what], filters), owners, span, filters, errors=what in OF_ERRORS)
        return _each_of(what, read, filters, columns)
    conditions, values = _of_rollups(filters)
    if what == "code":
        conditions += " AND value >= '400'"
    # Of several values that are filtered by a line has rows of each.
    api, value = LINES[what][0] or "''::text", "value" if LINES[what][1] else "''::text"
    owned, owner = whose(owners.org_ids)
    selected = ", ".join(("org_id", "ts", f"{api} AS api_id", f"{value} AS value", *columns))

    def rollup(start: datetime, end: datetime, grain: str) -> Piece:
        first, last = (row_bound(instant, grain, owners.zone) for instant in (start, end))
        within = [owners.base + kept, owners.from_when(first, grain), last, *values]
        of_span = f"dimension = %s AND ts >= %s AND ts < %s{conditions}"
        of_grain = f"SELECT {selected} FROM rollup WHERE {owned} AND grain = %s AND {of_span}"
        closed = owners.days_until
        if KEPT[grain].unit != DAY or not owners.open_hours or (closed is not None and last <= closed):
            return of_grain, [owner, str(grain), *within]
        if closed is None:
            days = days_of(kept, columns, open_hours=True)
            return f"SELECT {selected} FROM {days} AS rollup WHERE {owned} AND {of_span}", [owner, *within]
        # As in days_of(): of a single cut it is planned in half the time.
        open_hours = f"""SELECT org_id, dimension, api_id, value, date_trunc('day', ts, %s) AS ts
                {"".join(f", {name}" for name in columns)}
            FROM rollup WHERE {owned} AND grain = %s AND ts >= %s
                AND ts >= (SELECT days_until FROM rollup_cut WHERE org_id = %s AND base = %s)"""
        of_hours = [owners.zone.key, owner, str(kept.grains[-2]), closed, owner, owners.base]
        return _union(
            [
                (of_grain, [owner, str(grain), *within]),
                (f"SELECT {selected} FROM ({open_hours}) AS open WHERE {of_span}", [*of_hours, *within]),
            ]
        )

    if span.grain != Grain.HOUR_DETAIL:
        return rollup(span.start, span.end, grain)
    first, last = whole_hours(span.start, span.end, owners.zone)
    if Grain.MINUTE in kept.grains:
        parts = _parts(span, first, last, lambda start, end: rollup(start, end, Grain.MINUTE))
        return _union([*parts, rollup(first, last, grain)] if first < last else parts)

    def records(start: datetime, end: datetime) -> Piece:
        return _from_records(what, owners, Span(start, end, RECORDS), filters, columns)

    if first > last or last == span.end:
        parts = _parts(span, first, last, records)
    else:
        parts = _parts(replace(span, end=last), first, last, records)
        parts += _running_hour(owners, replace(span, start=last), filters, rollup, records)
    return _union([*parts, rollup(first, last, grain)] if first < last else parts)


def dimension_of(what: str, filters: Filters, dimension_set: int = DIMENSION_SET) -> Dimension | None:
    """The dimension of a set that tells apart what is wanted and what is filtered by; None if no rollup does."""
    api, column = LINES[what]
    columns = {column, *(counted for name, counted in FILTERED.items() if getattr(filters, name))} - {""}
    # A request has several tags, and would be counted once for each. Of versions, those that have a name are counted.
    if len(columns) > 1 or len(filters.tags) > 1 or NOT_VERSIONED in filters.versions:
        return None
    by_api = bool(api or filters.apis)
    return dimension("".join(columns), by_api=by_api, dimension_set=dimension_set)


def is_of_records(what: str, owners: Owners, span: Span, filters: Filters) -> bool:
    """Whether no rollup tells the lines of a span, but the newest records alone."""
    kept = dimension_of(what, filters, owners.dimension_set)
    return kept is None or kept.grain(span.grain) == RECORDS


def are_in_order(what: str, owners: Owners, span: Span, filters: Filters) -> bool:
    """Whether rows() are made of the newest records of one key or client."""
    return is_of_one(filters) and is_of_records(what, owners, span, filters)


def is_of_one(filters: Filters) -> bool:
    """Whether filters leave one key or client, whose records an index has in their order."""
    return any(len(values) == 1 and values[0] for values in (filters.keys, filters.clients))


def once_a_bucket(what: str, owners: Owners, cut: Cut, filters: Filters) -> bool:
    """Whether each value has one row a bucket at most, of the days that are closed."""
    kept = dimension_of(what, filters, owners.dimension_set)
    if kept is None or cut.grain != Grain.DAY_DETAIL or kept.grain(cut.grain) == RECORDS:
        return False
    return cut.step == DAY and len(owners.org_ids) == 1 and (not kept.by_api or len(filters.apis) == 1)


def _parts(
    span: Span, first: datetime, last: datetime, read: Callable[[datetime, datetime], Piece]
) -> list[Piece]:
    """What lies outside of the whole hours of a span, `first` to `last`."""
    if first > last:
        return [read(span.start, span.end)]
    return [read(start, end) for start, end in ((span.start, first), (last, span.end)) if start < end]


def _running_hour(
    owners: Owners,
    span: Span,
    filters: Filters,
    rollup: Callable[[datetime, datetime, str], Piece],
    records: Callable[[datetime, datetime], Piece],
) -> list[Piece]:
    """An hour up to the end of a span: its row where nothing of the hour lies beyond, as in the hour that is running,
    else its records."""
    owned, owner = whose(owners.org_ids)
    over = next_hour(span.start, owners.zone)
    of_apis, apis = of_records(Filters(apis=filters.apis))
    nothing = f"NOT EXISTS (SELECT 1 FROM record WHERE {owned} AND ts >= %s AND ts < %s{of_apis})"
    beyond = [owner, span.end, over, *apis]
    by_row, its = rollup(span.start, over, Grain.HOUR_DETAIL)
    by_record, others = records(span.start, span.end)
    return [
        (f"{by_row} AND {nothing}", [*its, *beyond]),
        (f"{by_record} WHERE NOT {nothing}", [*others, *beyond]),
    ]


def _union(pieces: Iterable[Piece]) -> Piece:
    pieces = list(pieces)
    return (
        " UNION ALL ".join(f"({statement})" for statement, _ in pieces),
        [value for _, values in pieces for value in values],
    )


def left_out(what: str, owners: Owners, span: Span, filters: Filters) -> Piece:
    """SQL, with its parameters, of since when the newest records leave out nothing; no row if they are all."""
    source, values = _in_order(owners, span, filters, errors=what in OF_ERRORS)
    return f"SELECT ts + interval '1 microsecond' {source} OFFSET {traffic.MOST_RECORDS} LIMIT 1", values


def newest(columns: str, owners: Owners, span: Span, filters: Filters, *, errors: bool = False) -> Piece:
    """SQL, with its parameters, of the newest records of a span, of which a part may be what is filtered by."""
    source, values = _in_order(owners, span, filters, errors)
    return f"SELECT {columns} {source} LIMIT {traffic.MOST_RECORDS}", values


def newest_once(
    whats: Sequence[str], owners: Owners, span: Span, filters: Filters
) -> tuple[Piece, dict[str, str]]:
    """What the filters leave of the newest records, which is read once; and, as SQL without parameters over that under
    the name `newest`, the rows of each of several of LINES that are columns of a record."""
    records, params = newest(_columns(whats, filters), owners, span, filters)
    conditions, values = of_records(filters)
    source = f"SELECT {_columns(whats)} FROM ({records}) AS record WHERE true{conditions}"
    of_each = {
        what: _added_up(what, f"newest WHERE true{_of_line(what, filters)}", COLUMNS) for what in whats
    }
    return (source, [*params, *values]), of_each


def _columns(whats: Sequence[str], filters: Filters = NO_FILTERS) -> str:
    """What of a record lines are made of and filters look at: a record has many columns, and all that are named are
    carried along."""
    told = [column for what in whats for column in LINES[what]]
    told += [column for name, column in FILTERED.items() if getattr(filters, name)]
    columns = [*OF_EACH_RECORD, *(IN_A_RECORD.get(column, column) for column in told if column)]
    return ", ".join(dict.fromkeys(columns))


def of_statuses(statuses: Sequence[str]) -> Piece:
    """The condition that a record has one of some statuses, codes and classes, and its parameters."""
    wanted = codes(statuses)
    # What the partial index on errors asks for.
    errors = OF_AN_ERROR if wanted[0] >= LEAST_ERROR else ""
    if len(wanted) == wanted[-1] - wanted[0] + 1:
        return f"status BETWEEN %s AND %s{errors}", [wanted[0], wanted[-1]]
    return f"status = ANY(%s){errors}", [wanted]


def sampled(what: str, owners: Owners, span: Span, filters: Filters, hits: int) -> int:
    """Of how many of the newest records what is wanted may be made alone; 0 if nothing is left out. hits: all requests
    of the span that the filters leave."""
    if not is_of_records(what, owners, span, filters):
        return 0
    most = traffic.MOST_RECORDS
    return 0 if looks_at_no_others(filters) and hits <= most else most


def looks_at_no_others(filters: Filters) -> bool:
    """Whether all of the newest records that are looked at are what is filtered by."""
    return filters == looked_at(filters)


def _in_order(owners: Owners, span: Span, filters: Filters, errors: bool) -> Piece:
    owned, owner = whose(owners.org_ids)
    found = looked_at(filters)
    condition, values = of_records(found)
    if of_errors_alone(filters) or (errors and not (found.keys or found.clients)):
        condition += OF_AN_ERROR
    return (
        f"FROM record WHERE {owned} AND ts >= %s AND ts < %s{condition} {NEWEST_FIRST}",
        [owner, owners.from_when(span.start, RECORDS), span.end, *values],
    )


def _from_records(what: str, owners: Owners, span: Span, filters: Filters, columns: Sequence[str]) -> Piece:
    owned, owner = whose(owners.org_ids)
    of_span = [owner, owners.from_when(span.start, RECORDS), span.end]
    records = f"SELECT {_columns([what], filters)} FROM record WHERE {owned} AND ts >= %s AND ts < %s"
    return _each_of(what, (records, of_span), filters, columns)


def _each_of(what: str, source: Piece, filters: Filters, columns: Sequence[str]) -> Piece:
    """Records, each as a rollup row of its own, so that both are added up by the same statement."""
    records, params = source
    conditions, values = of_records(filters)
    of_each_tag = ""
    if LINES[what][1] == "tag":
        # As in rollups, whose row of a tag does not know which others its requests had.
        named = " AND tag = ANY(%s)" if filters.tags else ""
        values = [*values, list(filters.tags)] if filters.tags else values
        of_each_tag = f", LATERAL ({OF_EACH_TAG}{named}) AS tagged"
    conditions += _of_line(what, filters)
    found = f"(SELECT * FROM ({records}) AS record WHERE true{conditions}) AS record{of_each_tag}"
    return _added_up(what, found, columns), [*params, *values]


def _added_up(what: str, source: str, columns: Sequence[str]) -> str:
    api, value = (OF_A_RECORD.get(column, column) for column in LINES[what])
    sums = (f"{OF_ONE[column]} AS {column}" for column in columns)
    return (
        f"SELECT {', '.join(('org_id', 'ts', f'{api} AS api_id', f'{value} AS value', *sums))} FROM {source}"
    )


def _of_line(what: str, filters: Filters) -> str:
    """Which records are in a line: conditions that follow those of the filters."""
    conditions, column = "", LINES[what][1]
    if column in VALUES and not any(getattr(filters, name) for name, of in FILTERED.items() if of == column):
        conditions += f" AND {VALUES[column]}"
    if what in OF_ERRORS:
        conditions += " AND status >= 400"
    return conditions


def _of_rollups(filters: Filters) -> Piece:
    """The filters in force as conditions, with their parameters, on rows of the dimension that tells them apart."""
    found = [among("api_id", filters.apis)] if filters.apis else []
    found += [among("value", values) for name in FILTERED if (values := _counted_as(name, filters))]
    return "".join(f" AND {condition}" for condition, _ in found), [value for _, value in found]


def _counted_as(name: str, filters: Filters) -> Sequence[str]:
    """The values of a filter as rollups have them."""
    return list(map(str, codes(filters.statuses))) if name == "statuses" else getattr(filters, name)


def of_records(filters: Filters) -> Piece:
    """The filters in force as conditions, with their parameters, on single records."""
    found: list[Piece] = []
    if filters.apis:
        condition, value = among("api_id", filters.apis)
        found.append((condition, [value]))
    for name, column in FILTERED.items():
        values = getattr(filters, name)
        if values and column == "tag":
            found.append(("tags && %s::text[]", [list(values)]))
        elif values and column == "status":
            found.append(of_statuses(values))
        elif values:
            condition, value = among(column, values)
            found.append((condition + ("" if "" in values else PRESENT.get(column, "")), [value]))
    return "".join(f" AND {condition}" for condition, _ in found), [
        value for _, each in found for value in each
    ]
