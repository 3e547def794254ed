"""What traffic says of whom it meets if something is ended or changed (orgs.providers.blast_radius)."""

# ruff: noqa: S608 - only names and conditions of these modules are put into SQL, every value is a parameter

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import DatabaseError, connection

from dashboard.analytics.clock import DAY, row_bound, said
from dashboard.analytics.dimensions import RECORDS, Dimension
from dashboard.analytics.reports import reader, traffic, zones
from dashboard.analytics.reports.charts import figures
from dashboard.analytics.reports.head import api_names
from dashboard.analytics.reports.periods import asking
from dashboard.analytics.reports.periods.period import NAMES, Period
from dashboard.analytics.reports.rows import dimension_of, rows
from dashboard.analytics.reports.traffic import NO_FILTERS, Filters, Freshness, Owners
from orgs.db.patience import at_most
from orgs.models import Organisation
from orgs.providers.blast_radius import DAYS, UNKNOWN, BlastRadius, Called, Counted, Line, Ranked

logger = logging.getLogger(__name__)

PATIENCE = "200ms"  # for one statement
SHOWN = 10
BUSIEST = 100  # keys, of which the APIs are added up that they called: of thousands that takes too long
NEWEST = 2_000  # requests of each token of a key that its endpoints are counted in
RANGES = ("24h", "7d", f"{DAYS}d")


@dataclass(frozen=True)
class _Asked:
    called: Called
    filters: Filters
    owners: Owners
    spans: Mapping[str, Period]

    @property
    def longest(self) -> Period:
        return self.spans[RANGES[-1]]

    @property
    def records_from(self) -> datetime:
        """Since when records are read: later than the longest span begins where an organisation keeps fewer."""
        return self.owners.from_when(self.longest.start, RECORDS)

    @property
    def counted(self) -> Dimension | None:
        """The dimension that counts it, None where the records alone tell."""
        kept = dimension_of("total", self.filters, self.owners.dimension_set)
        return kept if kept is not None and kept.grain(self.longest.tables.grain) != RECORDS else None

    def is_cut(self, requests: int) -> bool:
        """Whether there may be more requests than those found."""
        start = self.longest.start
        if self.counted is None:
            return requests >= traffic.MOST_RECORDS or self.records_from > start
        return self.counted.since > 1 and (self.owners.dimensions_from or start) > start


def radius(org: Organisation, called: Called, now: datetime) -> BlastRadius:
    """As orgs.providers.blast_radius.of. UNKNOWN if that takes too long: nobody is kept from ending a key."""
    try:
        with at_most(PATIENCE):
            return _radius(_asked(org, called, now), now)
    except DatabaseError as error:
        logger.warning("not said who would be met by a change: %s", type(error).__name__)
        return UNKNOWN


def _asked(org: Organisation, called: Called, now: datetime) -> _Asked:
    cut = zones.of(org, now)
    filters = Filters(
        apis=(called.api_id,) if called.api_id else called.apis,
        keys=called.hashes,
        endpoints=tuple(filter(None, (called.endpoint,))),
        clients=tuple(filter(None, (called.client_id,))),
    )
    spans = {name: asking.parse({"range": name}, cut.zone, now) for name in RANGES}
    return _Asked(called, filters, cut.owners(org.pk), spans)


def _radius(asked: _Asked, now: datetime) -> BlastRadius:
    if asked.called.several and not asked.called.hashes:  # a policy that no key has
        return BlastRadius(
            tuple(Counted(NAMES[name], 0, figures.NONE) for name in RANGES), now, asked.longest.zone.key
        )
    period, fresh = asked.longest, reader.freshness(now)
    own, all_of_them = _requests(asked, asked.filters), _requests(asked, NO_FILTERS)
    counts = tuple(
        Counted(
            NAMES[name],
            own[name][0],
            figures.per_cent(figures.share(own[name][0], all_of_them[name][0])),
        )
        for name in RANGES
    )
    found = BlastRadius(counts, period.seen_end, period.zone.key, complete=complete(fresh, period.zone))
    requests = found.requests
    if not requests:
        return found
    tables, callers, keyless = _tables(asked, requests)
    return replace(
        found,
        last=_last(asked, own),
        callers=callers,
        keyless=keyless,
        tables=tables,
        least=asked.is_cut(requests),
    )


def complete(fresh: Freshness, zone: ZoneInfo) -> str:
    """Until when traffic is known, in words; "" where that is just now."""
    if not fresh.stale:
        return ""
    return (
        said(fresh.up_to, zone, year=fresh.now - fresh.up_to > 300 * DAY) if fresh.up_to else "no moment yet"
    )


def _requests(asked: _Asked, filters: Filters) -> dict[str, tuple[int, datetime | None]]:
    """By the name of a period, the requests in it and the start of the newest row. One statement."""
    day, week, month = (asked.spans[name] for name in RANGES)
    if asked.counted is not None or filters == NO_FILTERS:
        pieces = [(day, (day,)), (month, (week, month))]
    else:
        pieces = [(month, (day, week, month))]
    statements, params = [], []
    for number, (widest, wanted) in enumerate(pieces):
        source, of_source = rows("total", asked.owners, widest.tables, filters, ["hits"])
        since = [row_bound(period.start, widest.tables.grain, period.zone) for period in wanted]
        of_each = ["bigint_sum(hits) FILTER (WHERE ts >= %s), max(ts) FILTER (WHERE ts >= %s)"] * len(wanted)
        statements.append(f"(SELECT {', '.join(of_each)} FROM ({source}) AS r) AS piece_{number}")
        params += [*(start for start in since for _ in range(2)), *of_source]
    [found] = _read(f"SELECT * FROM {', '.join(statements)}", params)
    names = [period.name for _, wanted in pieces for period in wanted]
    return {name: (hits or 0, last) for name, hits, last in zip(names, found[::2], found[1::2], strict=True)}


def _tables(asked: _Asked, requests: int) -> tuple[tuple[Ranked, ...], int, int | None]:
    """Who called and what, how many keys, and how many requests had none."""
    called = asked.called
    if called.hashes:
        if called.several:
            busiest = _busiest("key", asked)
            of_keys, keys, _ = _ranked("keys", asked, busiest)
            return (of_keys, _apis_of(asked, busiest, keys)), keys, None
        return (_of("api", "apis", asked)[0], _newest_endpoints(asked)), 1, None
    if called.client_id:
        return (_of("endpoint", "endpoints", asked)[0],), _keys(asked), None
    if called.endpoint:
        return (), 0, None
    of_keys, keys, keyed = _of("key", "keys", asked)
    if called.apis:
        return (of_keys, _of("api", "apis", asked)[0]), keys, max(0, requests - keyed)
    return (of_keys, _of("endpoint", "endpoints", asked)[0]), keys, max(0, requests - keyed)


def _keys(asked: _Asked) -> int:
    return reader.count("key", asked.owners, asked.longest.tables, asked.filters)


def _of(line: str, what: str, asked: _Asked) -> tuple[Ranked, int, int]:
    """As _ranked. line: one of reports.rows.LINES."""
    return _ranked(what, asked, _busiest(line, asked))


def _busiest(line: str, asked: _Asked) -> list[tuple]:
    """The busiest lines: API, value, requests; with each, how many there are, and the requests of all."""
    source, params = rows(line, asked.owners, asked.longest.tables, asked.filters, ["hits"])
    # An API that several keys called has a row of each.
    value = "''" if line == "api" else "value"
    return _read(
        f"""SELECT api_id, value, bigint_sum(hits) AS requests, count(*) OVER (), (sum(sum(hits)) OVER ())::bigint
            FROM (SELECT api_id, {value} AS value, hits FROM ({source}) AS r) AS r
            GROUP BY api_id, value ORDER BY requests DESC, api_id, value LIMIT {BUSIEST}""",
        params,
    )


def _ranked(what: str, asked: _Asked, busiest: Sequence[tuple]) -> tuple[Ranked, int, int]:
    """The lines that are shown, how many there are, and the requests of all."""
    if not busiest:
        return Ranked(what, ()), 0, 0
    count, total = busiest[0][3:]
    lines = _lines(asked, what, [each[:3] for each in busiest[:SHOWN]])
    return Ranked(what, lines, count - len(lines)), count, total


def _apis_of(asked: _Asked, busiest: Sequence[tuple], keys: int) -> Ranked:
    """The APIs that the busiest of some keys called."""
    if not busiest:
        return Ranked("apis", ())
    filters = replace(asked.filters, keys=tuple(key for _, key, *_ in busiest))
    ranked, _, _ = _of("api", "apis", replace(asked, filters=filters))
    return replace(ranked, of_keys=len(busiest) if len(busiest) < keys else 0)


def _lines(asked: _Asked, what: str, found: Sequence[tuple]) -> tuple[Line, ...]:
    if what == "keys":
        zone, years = asked.owners.zone, asked.longest.years
        newest = reader.newest_of_keys(asked.owners, (value for _, value, _ in found))
        told = {key: (alias, said(at, zone, year=years)) for key, (alias, at) in newest.items()}
        return tuple(
            Line(name, key, requests, last=last)
            for _, key, requests in found
            for name, last in [told.get(key, ("", ""))]
        )
    names = api_names({api_id for api_id, _, _ in found})
    return tuple(
        Line(value or name, api_id, requests, api=name if value else "")
        for api_id, value, requests in found
        for name in [names.get(api_id, api_id)]
    )


def _newest_endpoints(asked: _Asked) -> Ranked:
    """Of the tokens of one key, which no rollup counts by endpoint."""
    found = _read(
        """SELECT api_id, endpoint, count(*) AS requests, count(*) OVER (), (sum(count(*)) OVER ())::bigint,
                bool_or(full_up)
            FROM (SELECT newest.*, count(*) OVER (PARTITION BY token) >= %s AS full_up
                FROM unnest(%s::text[]) AS token CROSS JOIN LATERAL
                    (SELECT api_id, endpoint FROM record WHERE org_id = %s AND key = token AND key <> ''
                        AND ts >= %s AND ts < %s ORDER BY ts DESC LIMIT %s) AS newest) AS r
            GROUP BY api_id, endpoint ORDER BY requests DESC, api_id, endpoint""",
        [
            NEWEST,
            list(asked.called.hashes),
            *asked.owners.org_ids,
            asked.records_from,
            asked.longest.end,
            NEWEST,
        ],
        in_order=True,
    )
    if not found:
        return Ranked("endpoints", ())
    lines = _lines(asked, "endpoints", [each[:3] for each in found[:SHOWN]])
    is_cut = asked.records_from > asked.longest.start or any(each[5] for each in found)
    counted = found[0][4] if is_cut else 0
    return Ranked("endpoints", lines, found[0][3] - len(lines), counted)


def _last(asked: _Asked, newest: Mapping[str, tuple[int, datetime | None]]) -> str:
    """When it was called last: to the minute where that is known, else by the hour or the day. newest: as _requests."""
    called, owners, period = asked.called, asked.owners, asked.longest
    exact: datetime | None = None
    if called.hashes and not called.several:
        exact = max((at for _, at in reader.newest_of_keys(owners, called.hashes).values()), default=None)
    elif called == Called(api_id=called.api_id):
        exact = reader.last_hits(owners, [called.api_id], period.start, period.end).get(called.api_id)
    elif asked.counted is None:
        _, exact = newest[RANGES[-1]]
    if exact:
        return period.said(exact)
    _, hour = newest[RANGES[0]]
    _, day = newest[RANGES[-1]]
    if hour:
        return f"after {period.said(hour)}"
    return said(day, period.zone, year=period.years, pattern="").strip() if day else ""


def _read(statement: str, params: list, *, in_order: bool = False) -> list[tuple]:
    return reader.fetched(connection, statement, params, in_order=in_order)
