"""The last day of every organisation, in as many statements however many there are."""

# ruff: noqa: S608 - only names of these modules are put into SQL, every value is a parameter

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from dashboard.analytics import histogram
from dashboard.analytics.dimensions import BASES, Dimension, Grain
from dashboard.analytics.reports.attention import FEW, REFUSED_SHARE, WEEK, Failing
from dashboard.analytics.reports.charts import figures
from dashboard.analytics.uptime.reader import Upstreams, upstreams
from orgs.audit.changes import NO_CHANGES
from orgs.db import reading
from orgs.models import AuditEntry
from orgs.providers import alerts
from orgs.providers.alerts import Fullest, GoingOn

MANY = 100  # requests a week before, after which silence is no chance

_HOURS = f"""FROM rollup JOIN rollup_cut AS cut ON cut.org_id = rollup.org_id AND cut.state = 'active'
    WHERE rollup.org_id = ANY(%(ids)s) AND grain = '{Grain.HOUR}' AND dimension = ANY(%(totals)s)
        AND dimension = cut.base + {Dimension.TOTAL.value} AND api_id = '' AND value = ''"""
_SUMS = f"""SELECT rollup.org_id, coalesce(sum(hits) FILTER (WHERE ts >= %(since)s), 0)::bigint,
        coalesce(sum(status_5xx) FILTER (WHERE ts >= %(since)s), 0)::bigint,
        coalesce(sum(limited) FILTER (WHERE ts >= %(since)s), 0)::bigint,
        coalesce(sum(hits) FILTER (WHERE ts < %(since)s), 0)::bigint,
        coalesce(sum(status_5xx) FILTER (WHERE ts < %(since)s), 0)::bigint
    {_HOURS} AND (ts >= %(since)s AND ts < %(until)s OR ts >= %(before)s AND ts < %(before_until)s)
    GROUP BY rollup.org_id"""
_LATENCY = f"""SELECT rollup.org_id, string_agg(latency_histogram, ''::bytea)
    {_HOURS} AND ts >= %(since)s AND ts < %(until)s GROUP BY rollup.org_id"""
_CHANGES = f"""SELECT owner, newest.at, newest.action, newest.label FROM unnest(%(ids)s::text[]) AS owner
    CROSS JOIN LATERAL (SELECT at, action, label FROM {AuditEntry._meta.db_table}
        WHERE org_id = owner AND action <> ALL(%(no_changes)s) ORDER BY at DESC, id DESC LIMIT 1) AS newest"""


@dataclass(frozen=True)
class Window:
    """The hours that began from `since` up to `until`, and the same of a week before, without the one that is running
    (aware)."""

    since: datetime
    until: datetime

    @property
    def bounds(self) -> dict[str, datetime]:
        return {
            "since": self.since,
            "until": self.until,
            "before": self.since - WEEK,
            "before_until": self.until.replace(minute=0, second=0, microsecond=0) - WEEK,
        }


@dataclass(frozen=True)
class Day:
    """What an organisation was called, and of that what failed and what was limited; and a week before."""

    hits: int = 0
    failed: int = 0
    limited: int = 0
    hits_before: int = 0
    failed_before: int = 0

    @property
    def share(self) -> float | None:
        return figures.share(self.failed, self.hits)

    @property
    def fails_more(self) -> bool:
        return Failing("", self.hits, self.failed, self.hits_before, self.failed_before, datetime.min).is_up

    @property
    def is_silent(self) -> bool:
        return not self.hits and self.hits_before >= MANY

    @property
    def is_limited(self) -> bool:
        return self.limited >= FEW and 100 * self.limited >= REFUSED_SHARE * self.hits


@dataclass(frozen=True)
class Standing:
    """quota: None where nobody watches quotas."""

    day: Day
    upstreams: Upstreams
    quota: Fullest | None
    going_on: GoingOn

    @property
    def fullest(self) -> float:
        """How full the fullest quota is, in per cent; less than nothing where that is not known."""
        return -1.0 if self.quota is None or self.quota.per_cent is None else self.quota.per_cent

    @property
    def bad(self) -> int:
        """How many of the troubles, which come first, are more than warnings."""
        return self.day.fails_more + (self.upstreams.down > 0) + self.going_on.unseen

    @property
    def troubles(self) -> list[str]:
        """What needs somebody's attention, the worst first, as words."""
        day, found = self.day, []
        if day.fails_more:
            before = figures.per_cent(figures.share(day.failed_before, day.hits_before))
            found.append(f"fails more than a week before ({before})")
        if self.upstreams.down:
            found.append(
                f"{self.upstreams.down:,} of {figures.counted(self.upstreams.watched, 'upstream')} down"
            )
        if count := self.going_on.alerts:
            found.append(f"{figures.counted(count, 'alert')} {'goes' if count == 1 else 'go'} on")
        if day.is_silent:
            found.append(f"silent, {figures.exact(day.hits_before)} requests a week before")
        if self.quota and self.quota.keys:
            found.append(f"{figures.counted(self.quota.keys, 'key')} at or near a quota")
        if day.is_limited:
            found.append(f"{figures.per_cent(figures.share(day.limited, day.hits))} over a rate limit")
        return found

    @property
    def urgency(self) -> tuple[int, float, int]:
        """Orders organisations by what needs attention: the kind of trouble, then how much fails, then how much comes.
        The highest is first."""
        kind = 2 if self.bad else 1 if self.troubles else 0
        return kind, self.day.share or 0.0, self.day.hits


@dataclass(frozen=True)
class Change:
    at: datetime
    action: str
    label: str


def standings(ids: Sequence[str], window: Window) -> dict[str, Standing]:
    """By these ids, each of them."""
    counted, looked = days(ids, window), upstreams(ids, window.since, window.until)
    quotas, going_on = alerts.fullest(ids), alerts.going_on(ids)
    return {
        id: Standing(
            counted.get(id, Day()), looked.get(id, Upstreams()), quotas.get(id), going_on.get(id, GoingOn())
        )
        for id in ids
    }


def days(ids: Sequence[str], window: Window) -> dict[str, Day]:
    """By the ids of those that had any traffic in the window or a week before."""
    return {org_id: Day(*sums) for org_id, *sums in _read(_SUMS, ids, window)}


def latencies(ids: Sequence[str], window: Window) -> dict[str, float | None]:
    """The p95 of each, in milliseconds, within 1/64."""
    return {
        org_id: histogram.quantile(histogram.running(bytes(merged or b"")), 0.95)
        for org_id, merged in _read(_LATENCY, ids, window)
    }


def changes(ids: Sequence[str]) -> dict[str, Change]:
    """The last change that the audit log of each has."""
    with connection.cursor() as cursor:
        cursor.execute(_CHANGES, {"ids": list(ids), "no_changes": list(NO_CHANGES)})
        return {org_id: Change(*facts) for org_id, *facts in cursor.fetchall()}


def window(now: datetime) -> Window:
    """The hour of UTC that is running and the 24 before it. In zones of half hours rows begin half an hour later."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    return Window(hour - timedelta(hours=24), now)


def _read(statement: str, ids: Sequence[str], window: Window) -> list[tuple]:
    params: Mapping[str, object] = {
        "ids": list(ids),
        "totals": [base + Dimension.TOTAL for base in BASES],
        **window.bounds,
    }
    with reading.connection().cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchall()
