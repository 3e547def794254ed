"""The partitions of `record`, `record_body` and `rollup`: made before they are needed, dropped when their time is over.

DDL, so it runs as the owner of the tables. New ones are built beside the table and then attached: CREATE …
PARTITION OF would lock readers out of the whole table. Nothing is granted on a partition, so it cannot be
read around the policies. Only names of this module, and dates that it has reckoned, are put into SQL.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from django.db import OperationalError, connections, transaction

from dashboard.analytics import locks
from dashboard.analytics.dimensions import BODIES, KEPT, RECORDS, Grain, oldest
from orgs import scope

OWNER = "owner"
DAY = timedelta(days=1)


# A rollup row is updated until its time is over: the free fifth of each page lets that happen in place.
HOT = "WITH (fillfactor = 80)"
TABLES = {RECORDS: "record", BODIES: "record_body", **{grain: f"rollup_{grain}" for grain in Grain}}
OF_DAYS = [grain for grain in Grain if not KEPT[grain].monthly]
OF_MONTHS = [grain for grain in Grain if KEPT[grain].monthly]


class Partition(NamedTuple):
    """A partition of records, of bodies or of a grain, from its first day (UTC) to before the day `end`."""

    grain: str
    first: date
    end: date

    @property
    def table(self) -> str:
        return TABLES[self.grain]

    @property
    def name(self) -> str:
        return f"{self.table}_{self.first:{'%Y%m' if KEPT[self.grain].monthly else '%Y%m%d'}}"


def partition(grain: str, day: date) -> Partition:
    """The partition of a grain in which a day lies."""
    if not KEPT[grain].monthly:
        return Partition(grain, day, day + DAY)
    first = day.replace(day=1)
    return Partition(grain, first, (first + 31 * DAY).replace(day=1))


def needed(days: Iterable[date], now: datetime) -> set[Partition]:
    """The partitions that records of these UTC days are stored in.

    An organisation's hour may begin on the UTC day before, its day up to 26 hours before or an hour after the
    record.
    """
    made = set()
    for day in days:
        made.add(partition(RECORDS, day))
        fine = [(grain, near) for grain in OF_DAYS for near in (day - DAY, day)]
        made |= {partition(grain, near) for grain, near in fine if near >= oldest(grain, now).date()}
        made |= {partition(grain, near) for grain in OF_MONTHS for near in (day - 2 * DAY, day + DAY)}
    return made


def ensure(days: Iterable[date], now: datetime | None = None) -> None:
    """Make what is missing of the partitions for records of these UTC days.

    One catalogue query if nothing is.
    """
    _ensure(needed(days, now or datetime.now(UTC)))


def ensure_bodies(days: Iterable[date]) -> None:
    """The same for what is kept beside records: only where anything is."""
    _ensure({partition(BODIES, day) for day in days})


def _ensure(partitions: Iterable[Partition]) -> None:
    wanted = {made.name: made for made in partitions}
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relispartition AND relname = ANY(%s)",
            [list(wanted)],
        )
        missing = wanted.keys() - {name for (name,) in cursor.fetchall()}
    if missing:
        _make([wanted[name] for name in sorted(missing)])


def ensure_coarse(first: date, last: date, now: datetime) -> None:
    """Make what is missing of the monthly partitions for rollups of days still kept, both ends included."""
    days = [first + number * DAY for number in range((last - first).days + 1)]
    wanted = {
        partition(grain, day) for grain in OF_MONTHS for day in days if day >= oldest(grain, now).date() - DAY
    }
    _make(sorted(wanted))


def prepare(now: datetime) -> None:
    """Make today's and tomorrow's partitions."""
    today = now.astimezone(UTC).date()
    ensure([today, today + DAY], now)


def drop_old(now: datetime, kept: Mapping[str, int]) -> None:
    """Drop the partitions which ended at least a day before the first moment kept: a store may still be under way.

    kept: days by kind. Whoever calls has made sure of the clock.
    """
    today = now.astimezone(UTC).date()
    over = [name for name, made in existing() if made.end < today - kept[KEPT[made.grain].kind] * DAY]
    for name in over:
        with suppress(OperationalError), as_owner() as cursor:
            # Rather an hour later than to queue every reader behind this one.
            cursor.execute("SET LOCAL lock_timeout = '2s'")
            cursor.execute(f'DROP TABLE IF EXISTS "{name}"')


@contextmanager
def as_owner() -> Iterator:
    """A transaction of the owner.

    In a scope the connection would take the role which may not change tables.
    """
    with scope.nobody(), transaction.atomic(using=OWNER), connections[OWNER].cursor() as cursor:
        yield cursor


def _make(partitions: list[Partition]) -> None:
    with as_owner() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s), to_regclass(%s) IS NOT NULL",
            [locks.PARTITIONS, TABLES[Grain.DAY]],
        )
        [_, nested] = cursor.fetchone()  # whether grains have tables of their own (analytics/distribution.py)
        for made in partitions:
            cursor.execute("SELECT to_regclass(%s)", [made.name])
            if cursor.fetchone()[0] is None:
                is_rollup = made.grain in {*OF_DAYS, *OF_MONTHS}
                options = HOT if is_rollup else ""
                parent, grain = made.table, ""
                if is_rollup and not nested:
                    parent, grain = "rollup", f"'{made.grain}', "
                cursor.execute(f'CREATE TABLE "{made.name}" (LIKE "{parent}" INCLUDING DEFAULTS) {options}')
                cursor.execute(
                    f'ALTER TABLE "{parent}" ATTACH PARTITION "{made.name}" '
                    f"FOR VALUES FROM ({grain}'{made.first} 00:00+00') TO ({grain}'{made.end} 00:00+00')"
                )


def begins() -> dict[str, date]:
    """The first day of the oldest partition of each kind that has one."""
    found: dict[str, date] = {}
    for _, made in existing():
        kind = KEPT[made.grain].kind
        found[kind] = min(made.first, found.get(kind, made.first))
    return found


def existing() -> list[tuple[str, Partition]]:
    """All partitions, with their names."""
    with as_owner() as cursor:
        cursor.execute(
            "SELECT c.relname::text FROM pg_inherits i "
            "JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent "
            "WHERE p.relname = ANY(%s) AND c.relkind = 'r' ORDER BY c.relname",
            [[*TABLES.values(), "rollup"]],
        )
        found = [name for (name,) in cursor.fetchall()]
    grains = {table: grain for grain, table in TABLES.items()}
    existing = []
    for name in found:
        table, _, stamp = name.rpartition("_")
        first = date(int(stamp[:4]), int(stamp[4:6]), int(stamp[6:] or 1))
        existing.append((name, partition(grains[table], first)))
    return existing
