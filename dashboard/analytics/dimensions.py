"""What traffic is counted by, said once: grains, dimensions, counters, and how long each is kept. Pure.

Rollups, partitions, bounds, cuts and the reader are built from these tables and repeat none of it. Conditions and
values are SQL over the columns of `record`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from enum import IntEnum, StrEnum
from typing import NamedTuple

from orgs.organisations.retention import KINDS, Retention


class Grain(StrEnum):
    """How long the time of a rollup row lasts, which decides how long the row is kept.

    Millions of rows and the names of their partitions hold these letters; only here do they mean something.
    """

    MINUTE = "m"
    HOUR = "h"
    HOUR_DETAIL = "x"
    DAY = "d"
    DAY_DETAIL = "k"


RECORDS = ""  # in the place of a grain: the records themselves
BODIES = "bodies"  # and what went over the wire, of those recorded in detail


class Kept(NamedTuple):
    """`unit`: minutes are those of UTC, hours and days the organisation's. A partition is a month, or else a day.
    kind: what organisations call it who choose a period (orgs.organisations.retention)."""

    label: str
    unit: timedelta
    kind: str
    monthly: bool = False

    @property
    def days(self) -> int:
        """How long the installation keeps it: partitions are dropped after that."""
        return KINDS[self.kind].days


_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
KEPT = {
    RECORDS: Kept("the records themselves", timedelta(0), "records"),
    BODIES: Kept("requests and answers as they were sent", timedelta(0), "bodies"),
    Grain.MINUTE: Kept("minute (UTC)", _MINUTE, "minutes"),
    Grain.HOUR: Kept("hour in the organisation's zone", _HOUR, "hours", monthly=True),
    Grain.HOUR_DETAIL: Kept("hour in the organisation's zone, kept for days", _HOUR, "minutes"),
    Grain.DAY: Kept("the organisation's day", _DAY, "days", monthly=True),
    Grain.DAY_DETAIL: Kept(
        "the organisation's day, of dimensions with many values", _DAY, "days", monthly=True
    ),
}


class Dimension(IntEnum):
    """What a rollup row counts: the requests of an organisation, of an API if `by_api`, of each value of a `column`.

    A row holds the number, counted from the base of its cut. `since` is the set of dimensions which it was added with,
    and `histogram` that since which its rows have a histogram of latencies, 0 for never.
    """

    label: str
    by_api: bool
    column: str
    grains: tuple[Grain, ...]
    since: int
    histogram: int

    def __new__(  # noqa: PLR0917  the columns of the table below
        cls, number: int, label: str, by_api: bool, column: str, grains: str, since: int, histogram: int
    ) -> "Dimension":
        member = int.__new__(cls, number)
        member._value_ = number
        member.label, member.by_api, member.column = label, by_api, column
        member.grains, member.since, member.histogram = tuple(map(Grain, grains)), since, histogram
        return member

    # number, label, by API, column, grains (minute, hour, day), since which set, histogram since which set
    TOTAL = 0, "all requests", False, "", "mhd", 1, 1
    API = 1, "API", True, "", "mhd", 1, 1
    STATUS = 2, "status", True, "status", "xd", 1, 0
    ENDPOINT = 3, "endpoint", True, "endpoint", "xk", 1, 1
    ERROR = 4, "status and endpoint of an error", True, "error", "xk", 1, 0
    VERSION = 5, "version of an API", True, "version", "xd", 2, 2
    KEY = 6, "key", False, "key", "xk", 1, 2
    KEY_API = 7, "key of an API", True, "key", "xk", 1, 2
    COUNTRY = 8, "country", False, "country", "xd", 2, 2
    COUNTRY_API = 9, "country, by API", True, "country", "xk", 2, 2
    TAG = 10, "tag", False, "tag", "xd", 2, 2
    CLIENT = 11, "OAuth client, by API", True, "oauth", "xk", 2, 2
    TAG_API = 12, "tag, by API", True, "tag", "xk", 2, 2
    # Of a later version than set 2, whose cuts need not be counted anew for it: no record from before has any.
    PRIMITIVE = 13, "primitive of an MCP proxy", True, "mcp", "xk", 2, 2

    def has_histogram(self, dimension_set: int) -> bool:
        """Whether rows of a cut that was made with a set of dimensions have histograms."""
        return 0 < self.histogram <= dimension_set

    def grain(self, like: str) -> str:
        """The grain of this dimension with the unit of another, RECORDS where it has none."""
        units = {KEPT[grain].unit: grain for grain in self.grains}
        # What others read from records, the dimensions that have minutes read from those.
        unit = KEPT[Grain.MINUTE if like == RECORDS else like].unit
        return units.get(unit, RECORDS)


# The set of dimensions that is counted now. With each that is added, and each histogram, it is raised by one: cuts made
# with an earlier one are then counted anew (ingest/cuts.py).
DIMENSION_SET = 2
# Columns that few records have a value in: only where there is one, it is counted.
RARE = ("version", "country", "tag", "oauth", "mcp")


def dimension(column: str, *, by_api: bool, dimension_set: int = DIMENSION_SET) -> Dimension | None:
    """The dimension of a set with rows for each value of a column ("" for none), and of each API if wanted."""
    fitting = [
        each
        for each in Dimension
        if each.column == column and each.by_api >= by_api and each.since <= dimension_set
    ]
    return min(fitting, key=lambda each: each.by_api, default=None)


# Stands for all values above the number kept for an API: of endpoints, or of keys, clients, versions, tags and
# primitives a day.
OTHER = "{other}"

# The gateways' word for the version of an API without any, and for that of a request which named none.
NOT_VERSIONED = "Non Versioned"

# A cut of an organisation's rollups numbers its dimensions from one of these (ingest/cuts.py).
BASES = (0, 100)
CUT_SIZE = 100


class Counter(NamedTuple):
    """A sum that rows carry: the records that fulfil a condition, or a column of those. "" for all records."""

    name: str
    when: str
    column: str = ""


COUNTERS = (
    Counter("hits", ""),
    Counter("status_3xx", "status BETWEEN 300 AND 399"),
    Counter("status_4xx", "status BETWEEN 400 AND 499"),
    Counter("status_5xx", "status >= 500"),
    Counter("limited", "status = 429"),
    Counter("timed", "timed"),
    Counter("latency_sum", "timed", "latency"),
    Counter("upstream_hits", "upstream_latency > 0"),
    Counter("upstream_sum", "upstream_latency > 0", "upstream_latency"),
)
COUNTER_NAMES = tuple(counter.name for counter in COUNTERS)
KEY_COLUMNS = ("org_id", "grain", "dimension", "api_id", "ts", "value")
ROLLUP_COLUMNS = (*KEY_COLUMNS, *COUNTER_NAMES, "latency_max", "latency_histogram")


def kept_for(grain: str) -> timedelta:
    return timedelta(days=KEPT[grain].days)


def oldest(grain: str, now: datetime) -> datetime:
    """The first moment that is kept of a grain: a midnight in UTC. What is older is neither written nor read."""
    return datetime.combine(now.astimezone(UTC).date() - kept_for(grain), time(), UTC)


def held(retention: Retention, now: datetime) -> dict[str, datetime]:
    """The first moment kept of each grain of which an organisation keeps anything else than the installation."""
    return {
        grain: retention.since(kept.kind, now)
        for grain, kept in KEPT.items()
        if kept.kind in retention.special
    }


def days_of(counted: Dimension, columns: Sequence[str] = ("hits",), *, open_hours: bool) -> str:
    """SQL without parameters that stands for `rollup` where rows of a dimension's days are read: those of days, and as
    rows of their day those of hours since `rollup_cut.days_until`, which it does not count yet (ingest/closing.py).
    open_hours: whether there are such, as whoever asks has seen in the cuts of all that he asks for. It has no grain,
    and the given columns besides the others of the key; conditions on organisation, dimension and time are the
    reader's.

    The statement that reads hours asks which those are: for another they may have become days meanwhile.
    """
    hour, day = counted.grains[-2:]
    others = ("org_id", "dimension", "api_id", "value", *columns)
    days = f"SELECT {', '.join(others)}, ts FROM rollup WHERE grain = '{day}'"  # noqa: S608
    if not open_hours:
        return f"({days})"
    of_hours = ", ".join(f"hours.{name}" for name in others)
    return f"""({days}
        UNION ALL SELECT {of_hours}, date_trunc('day', hours.ts, cut.zone) FROM rollup AS hours
            JOIN rollup_cut AS cut ON cut.org_id = hours.org_id AND cut.state = 'active'
                AND hours.dimension >= cut.base AND hours.dimension < cut.base + {CUT_SIZE}
        WHERE hours.grain = '{hour}' AND hours.ts >= cut.days_until)"""  # noqa: S608
