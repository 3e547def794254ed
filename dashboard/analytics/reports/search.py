"""Single records: the log browser's search, backwards in windows of time, and one record.

Keyset paging on (ts, id). One query over a month would read all of it for a rare filter, and the planner
may flip to that for a common one; in narrow windows it cannot.
"""

# ruff: noqa: S608 - only conditions written in this module are put into SQL, every value is a parameter

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from zoneinfo import ZoneInfo

from dashboard.analytics.clock import DAY, EPOCH, day_start
from dashboard.analytics.dimensions import (
    BASES,
    NOT_VERSIONED,
    OTHER,
    RECORDS,
    Grain,
    days_of,
    dimension,
    oldest,
)
from dashboard.analytics.models import Record, RollupCut
from dashboard.analytics.reports.rows import among, of_records, whose
from dashboard.analytics.reports.traffic import NO_FILTERS, Filters, codes
from orgs.db import reading
from orgs.models import Organisation

HOUR, MOMENT = timedelta(hours=1), timedelta(microseconds=1)
FIRST, WIDEST = 6 * HOUR, 48 * HOUR  # windows of time
QUICK = 0.01  # seconds: after a window that took no longer comes one twice as wide
PAGE = 50
PATIENCE = 0.12  # seconds
LATE = timedelta(seconds=30)  # after others of their time, records are still looked for
# Of what came just now others with lower numbers may be being stored, in a transaction beside.
SETTLED = timedelta(seconds=5)


@dataclass(frozen=True)
class Place:
    """Between two records: all that are older than (ts, id) come after it."""

    ts: datetime
    id: int

    @classmethod
    def parse(cls, text: str) -> "Place":
        """From "microseconds.id". ValueError for an instant out of range."""
        micros, number = text.split(".")
        if int(number) >= 2**63:
            raise ValueError("no such record number")
        return cls(instant(int(micros)), int(number))

    def __str__(self) -> str:
        return f"{microseconds(self.ts)}.{self.id}"


@dataclass(frozen=True)
class Wanted:
    start: datetime
    end: datetime
    filters: Filters = NO_FILTERS
    user_agents: tuple[str, ...] = ()  # any of them
    addresses: tuple[str, ...] = ()  # any of them
    method: str = ""
    path: str = ""  # its beginning
    least_ms: int | None = None
    errors: bool = False  # 4xx and 5xx alone
    after: Place | None = None  # those alone that a list which ends there does not have yet
    # Organisations whose records before a moment are not kept.
    past: tuple[tuple[Sequence[str], datetime], ...] = ()
    days_from: datetime = EPOCH  # since when rollups of days are kept: maybe for less time than records


@dataclass(frozen=True)
class Found:
    """`searched_to`: how far back the search came; `after`: where to go on, None at the end of the span."""

    records: tuple[Record, ...]
    searched_to: datetime
    after: Place | None


def latest(records: Sequence[Record], now: datetime) -> Place | None:
    """Where a list ends that has these records, whichever of them was stored last; None without any. Of those that are
    younger than SETTLED it does not have the numbers: they are found again, beside what comes late."""
    if not records:
        return None
    settled = (record.id for record in records if record.ts <= now - SETTLED)
    return Place(max(record.ts for record in records), max(settled, default=0))


def instant(micros: int) -> datetime:
    """An instant from microseconds since 1970. ValueError when out of range."""
    try:
        return EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        raise ValueError("no such instant") from None


def microseconds(ts: datetime) -> int:
    return (ts - EPOCH) // timedelta(microseconds=1)


def search(
    org_ids: Sequence[str],
    wanted: Wanted,
    place: Place | None = None,
    *,
    limit: int = PAGE,
    patience: float | None = None,
) -> Found:
    """The newest `limit` records before `place`; fewer when the span is over, or `patience` (in seconds, without one
    PATIENCE)."""
    patience = PATIENCE if patience is None else patience
    began, found = monotonic(), []
    upper = min(wanted.end, place.ts + timedelta(microseconds=1)) if place else wanted.end
    days = _days_with_traffic(org_ids, wanted)
    # Of days that are not kept, and of one that had begun before, nothing tells.
    told = wanted.days_from + 26 * HOUR
    width, present = FIRST, datetime.now(UTC)
    while upper > wanted.start:
        # What is to come, to the end of a day, makes no window of its own: an empty one says nothing of the next.
        lower, looked = max(wanted.start, min(upper, present) - width), monotonic()
        if days is None or lower < told or any(lower - 26 * HOUR < day < upper for day in days):
            window = replace(wanted, start=lower, end=upper)
            found += newest(org_ids, window, place=place, limit=limit + 1 - len(found))
        if len(found) > limit:
            last = found[limit - 1]
            return Found(tuple(found[:limit]), last.ts, Place(last.ts, last.id))
        upper, now = lower, monotonic()
        if now - looked <= QUICK:
            width = min(2 * width, WIDEST)
        if now - began > patience and upper > wanted.start:
            return Found(tuple(found), upper, Place(upper, 0))
    return Found(tuple(found), wanted.start, None)


def one(org: Organisation, ts: datetime, number: int, now: datetime) -> Record | None:
    """A record that is kept; one that is past its period may not have been deleted yet."""
    if ts < org.retention.since("records", now):
        return None
    found = Record.objects.using(reading.source().alias)
    return found.filter(org_id=org.pk, ts=ts, id=number).first()


class Numbered:
    """The newest `most` matching records by their number, as Tyk's log route pages them."""

    def __init__(self, org_ids: Sequence[str], wanted: Wanted, most: int):
        self.org_ids, self.wanted, self.most = org_ids, wanted, most

    def count(self) -> int:
        return count(self.org_ids, self.wanted, most=self.most)

    def __getitem__(self, wanted: slice) -> list[Record]:
        return newest(self.org_ids, self.wanted, limit=wanted.stop - wanted.start, offset=wanted.start)

    def __iter__(self) -> Iterator[Record]:
        return iter(self[0 : self.most])


def newest(
    org_ids: Sequence[str], wanted: Wanted, *, limit: int, offset: int = 0, place: Place | None = None
) -> list[Record]:
    """The newest `limit` matching records, those before `place` alone if it is given, after leaving out `offset`."""
    conditions, params = terms(wanted)
    owned, owner = whose(org_ids)
    if place:
        conditions, params = f"{conditions} AND (ts, id) < (%s, %s)", [*params, place.ts, place.id]
    return list(
        Record.objects.using(reading.source().alias).raw(
            f"""SELECT * FROM record WHERE {owned} AND ts >= %s AND ts < %s{conditions}
                ORDER BY ts DESC, id DESC LIMIT %s OFFSET %s""",
            [owner, wanted.start, wanted.end, *params, limit, offset],
        )
    )


def count(org_ids: Sequence[str], wanted: Wanted, *, most: int) -> int:
    """How many records match, counted up to `most`: by rollups of whole days, where those tell."""
    counted = _of_whole_days(org_ids, wanted)
    if counted is None:
        return _count(org_ids, wanted, most)
    first, last, hits = counted
    for span in ((wanted.start, first), (last, wanted.end)):
        if hits < most and span[0] < span[1]:
            hits += _count(org_ids, replace(wanted, start=span[0], end=span[1]), most)
    return min(hits, most)


def _count(org_ids: Sequence[str], wanted: Wanted, most: int) -> int:
    conditions, params = terms(wanted)
    owned, owner = whose(org_ids)
    with reading.connection().cursor() as cursor:
        cursor.execute(
            f"""SELECT count(*) FROM (SELECT 1 FROM record WHERE {owned} AND ts >= %s AND ts < %s
                {conditions} LIMIT %s) AS r""",
            [owner, wanted.start, wanted.end, *params, most],
        )
        return cursor.fetchone()[0]


def _of_whole_days(org_ids: Sequence[str], wanted: Wanted) -> tuple[datetime, datetime, int] | None:
    """How often days were called that a span covers whole, and from when to when they are; None where it covers few, or
    other things are asked for than APIs and statuses, or several organisations, whose days are not the same."""
    filters = Filters(apis=wanted.filters.apis, statuses=wanted.filters.statuses)
    statuses = filters.statuses or (("4xx", "5xx") if wanted.errors else ())
    is_counted = wanted == Wanted(
        wanted.start,
        wanted.end,
        filters,
        errors=wanted.errors,
        past=wanted.past,
        days_from=wanted.days_from,
    )
    if not (statuses and is_counted) or len(org_ids) > 1 or wanted.end - wanted.start <= WIDEST:
        return None
    found = RollupCut.objects.using(reading.source().alias)
    cut = found.filter(org_id=org_ids[0], state=RollupCut.State.ACTIVE).first()
    if cut is None:
        return None
    zone, now = ZoneInfo(cut.zone), datetime.now(UTC)
    kept = [oldest(RECORDS, now), wanted.days_from, *(moment for _, moment in wanted.past)]
    since = max(wanted.start, *kept)
    first = day_start((since - MOMENT).astimezone(zone).date() + DAY, zone)
    last = day_start(min(wanted.end, now).astimezone(zone).date(), zone)
    if first >= last:
        return None
    of_api, apis = among("api_id", filters.apis) if filters.apis else ("true", None)
    counted = dimension("status", by_api=True)
    names = [str(code) for code in codes(statuses) if code >= 400 or not wanted.errors]
    days = days_of(counted, open_hours=cut.days_until is not None)
    with reading.connection().cursor() as cursor:
        cursor.execute(
            f"""SELECT coalesce(sum(hits), 0)::bigint FROM {days} AS rollup
                WHERE org_id = %s AND dimension = %s AND value = ANY(%s) AND ts >= %s AND ts < %s AND {of_api}""",
            [
                *(org_ids[0], cut.base + counted, names, first, last),
                *([apis] if apis else []),
            ],
        )
        return first, last, cursor.fetchone()[0]


def terms(wanted: Wanted) -> tuple[str, list]:
    """Conditions, with their parameters, that follow those on organisations and time."""
    conditions, values = of_records(wanted.filters)
    found: list[tuple[str, list]] = []
    if wanted.user_agents:
        condition, value = among("user_agent", wanted.user_agents)
        found.append((condition, [value]))
    if wanted.addresses:
        found.append(("ip = ANY(%s::inet[])", [list(wanted.addresses)]))
    if wanted.method:
        found.append(("method = %s", [wanted.method]))
    if wanted.errors:
        found.append(("status >= 400", []))
    if wanted.after:
        # Numbers grow as records are stored, which may be later than their time.
        late = "(ts > %s OR ts > %s AND id > %s)"
        found.append((late, [wanted.after.ts, wanted.after.ts - LATE, wanted.after.id]))
    if wanted.path:
        escaped = wanted.path.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        found.append(("path LIKE %s", [f"{escaped}%"]))
    if wanted.least_ms:
        found.append(("latency >= %s", [wanted.least_ms]))
    found += [("NOT (org_id = ANY(%s) AND ts < %s)", [list(ids), moment]) for ids, moment in wanted.past]
    return (
        "".join([conditions, *(f" AND {condition}" for condition, _ in found)]),
        [*values, *(value for _, values in found for value in values)],
    )


def _days_with_traffic(org_ids: Sequence[str], wanted: Wanted) -> list[datetime] | None:
    """The starts of the days, and of hours within the last ones, in which there was traffic that may match, by rollups;
    None if they do not tell or that is not asked.

    What is rare is then found without reading the days between, and of what is absent it is known at once.
    """
    column, condition, values = _told_by_day(wanted)
    filters = wanted.filters
    if not (filters.apis or column or wanted.least_ms) or wanted.end - wanted.start <= WIDEST:
        return None
    counted = dimension(column, by_api=bool(filters.apis))
    if counted.since > 1 and not _are_counted(org_ids, counted.since, wanted.start):
        return None
    owned, owner = whose(org_ids)
    # Rows of each API, where all are wanted, are rows of any.
    every = counted.by_api and not filters.apis
    hour, day = counted.grains[-2:]
    of_api, api = ("true", []) if every else among("api_id", filters.apis or ("",))
    with reading.connection().cursor() as cursor:
        cursor.execute(
            f"""SELECT DISTINCT ts FROM rollup WHERE {owned} AND grain = ANY(%s) AND dimension = ANY(%s)
                AND {condition} AND ts > %s AND ts < %s AND (grain = %s OR ts >= %s) AND {of_api}""",
            [
                owner,
                [str(hour), str(day)],
                [base + counted for base in BASES],
                *values,
                wanted.start - 26 * HOUR,
                wanted.end,
                # Hours from before have been closed, those from then on may not have been.
                str(day),
                oldest(Grain.HOUR_DETAIL, datetime.now(UTC)),
                *([] if every else [api]),
            ],
        )
        return [ts for (ts,) in cursor.fetchall()]


def _told_by_day(wanted: Wanted) -> tuple[str, str, list]:
    """The column whose rollups tell most of what is wanted, "" for none, and the condition on its rows, with its
    parameters. A row that stands for what was not counted alone may be any."""
    filters = wanted.filters
    named = {
        "key": () if "" in filters.keys else filters.keys,
        "endpoint": filters.endpoints,
        "oauth": filters.clients,
        "version": () if NOT_VERSIONED in filters.versions else filters.versions,
        "status": list(map(str, codes(filters.statuses))),
        "tag": filters.tags,
        "country": filters.countries,
        "mcp": filters.primitives,
    }
    for column, values in named.items():
        if values:
            return column, "value = ANY(%s)", [[*values, OTHER]]
    if wanted.least_ms:
        return "", "value = '' AND latency_max >= %s", [wanted.least_ms]
    if wanted.method:
        # Names of endpoints begin with their method, those of several together with a brace.
        return "endpoint", "(starts_with(value, %s) OR starts_with(value, '{'))", [f"{wanted.method} "]
    return "", "value = ''", []


def _are_counted(org_ids: Sequence[str], dimension_set: int, start: datetime) -> bool:
    """Whether all that the organisations had since `start` is counted by what a set of dimensions has."""
    cuts = RollupCut.objects.using(reading.source().alias).filter(
        org_id__in=org_ids, state=RollupCut.State.ACTIVE, dimension_set__gte=dimension_set
    )
    since = [cut.dimensions_from for cut in cuts]
    return len(since) == len(org_ids) and all(each is None or each <= start for each in since)
