"""What traffic says needs attention: APIs that fail more than a week ago, and calls that gateways refused."""

# ruff: noqa: S608 - only conditions of these modules are put into SQL, every value is a parameter

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from math import sqrt

from django.urls import reverse

from dashboard.analytics.clock import DAY, HOUR, MINUTE, floor, hour_start, row_bound, said, written
from dashboard.analytics.dimensions import Dimension, Grain
from dashboard.analytics.reports import zones
from dashboard.analytics.reports.charts import figures
from dashboard.analytics.reports.errors.reasons import REFUSALS
from dashboard.analytics.reports.head import api_names
from dashboard.analytics.reports.parameters import link
from dashboard.analytics.reports.rows import whose
from dashboard.analytics.reports.traffic import Owners
from orgs.db import reading
from orgs.models import Organisation, User
from orgs.providers.attention import Item

WEEK = 7 * DAY
FEW = 10  # requests; fewer say nothing
REFUSED_SHARE = 1.0  # per cent
MOST_NAMED = 3
REFUSED_WORDS = {401: "without a valid key (401)", 403: "not allowed (403)", 429: "over a rate limit (429)"}


@dataclass(frozen=True)
class Failing:
    """The requests of an API since a while ago, the 5xx among them, and both in the same hours a week before. worst:
    where the hour with most 5xx begins."""

    api_id: str
    hits: int
    failed: int
    hits_before: int
    failed_before: int
    worst: datetime

    @property
    def is_up(self) -> bool:
        """Whether it fails far more often than a week before: at least twice as much, and more than chance does."""
        expected = self.hits * self.failed_before / self.hits_before if self.hits_before else 0
        more = self.failed - expected
        return self.failed >= FEW and self.failed >= 2 * expected and more >= 5 * sqrt(expected + 1)


def items(org: Organisation, user: User, now: datetime) -> Iterator[Item]:
    """For those who may see analytics."""
    if not user.may("analytics"):
        return
    cut = zones.of(org, now)
    owners = cut.owners(org.pk)
    since = hour_start(now - DAY, cut.zone)
    path = reverse("errors", args=[org.slug])
    end = floor(now, MINUTE) + MINUTE
    window = {"range": "custom", "from": written(since, cut.zone), "to": written(end, cut.zone)}
    failures = {**window, "status": "5xx", "by": "endpoint"}
    up = [api for api in failing(owners, since, now) if api.is_up]
    names = api_names({api.api_id for api in up[:MOST_NAMED]}) if up else {}
    for api in up[:MOST_NAMED]:
        yield Item(_said(api, names, since, cut.zone), link(path, failures, api=api.api_id), bad=True)
    if (rest := len(up) - MOST_NAMED) > 0:
        more = "1 more API fails" if rest == 1 else f"{rest} more APIs fail"
        yield Item(f"{more} more often than a week before.", link(path, failures), bad=True)
    yield from _refused(owners, since, now, link(path, window, status="4xx"))


def failing(owners: Owners, since: datetime, now: datetime) -> list[Failing]:
    """The APIs with 5xx in the hours since, most of them first."""
    zone = owners.zone
    spans = [(since, now), (_a_week_before(since, owners), hour_start(_a_week_before(now, owners), zone))]
    bounds = [row_bound(instant, Grain.HOUR, zone) for span in spans for instant in span]
    bounds[1] = now  # the running hour too
    owned, owner = whose(owners.org_ids)
    with reading.connection().cursor() as cursor:
        cursor.execute(
            f"""SELECT api_id, sum(hits) FILTER (WHERE ts >= %s), sum(status_5xx) FILTER (WHERE ts >= %s) AS failed,
                coalesce(sum(hits) FILTER (WHERE ts < %s), 0), coalesce(sum(status_5xx) FILTER (WHERE ts < %s), 0),
                (array_agg(ts ORDER BY status_5xx DESC, ts) FILTER (WHERE ts >= %s))[1]
            FROM rollup WHERE {owned} AND grain = %s AND dimension = %s
                AND (ts >= %s AND ts < %s OR ts >= %s AND ts < %s)
            GROUP BY api_id HAVING sum(status_5xx) FILTER (WHERE ts >= %s) > 0 ORDER BY failed DESC, api_id""",
            [
                *[bounds[0]] * 5,
                owner,
                Grain.HOUR,
                owners.base + Dimension.API,
                *bounds,
                bounds[0],
            ],
        )
        return [
            Failing(api_id, *(int(count) for count in counts), worst)
            for api_id, *counts, worst in cursor.fetchall()
        ]


def _a_week_before(instant: datetime, owners: Owners) -> datetime:
    """The same time on the clock."""
    return (instant.astimezone(owners.zone) - WEEK).astimezone(instant.tzinfo)


def _said(api: Failing, names: dict[str, str], since: datetime, zone) -> str:
    share = figures.per_cent(figures.share(api.failed, api.hits))
    before = figures.share(api.failed_before, api.hits_before)
    week = (
        f"in the same hours a week before {figures.exact(api.failed_before)} ({figures.per_cent(before)})"
        if before is not None
        else "a week before there was no traffic"
    )
    name = names.get(api.api_id) or api.api_id or "An unknown API"
    return (
        f"{name} answered {figures.counted(api.failed, 'request')} with 5xx "
        f"({share}) since {said(since, zone)}, most from {said(api.worst, zone)} to "
        f"{(api.worst + HOUR).astimezone(zone):%H:%M}; {week}."
    )


def _refused(owners: Owners, since: datetime, now: datetime, url: str) -> Iterator[Item]:
    """Calls that gateways turned away, where they are many."""
    owned, owner = whose(owners.org_ids)
    with reading.connection().cursor() as cursor:
        cursor.execute(
            f"""SELECT value, sum(hits)::bigint, sum(hits - timed)::bigint FROM rollup
            WHERE {owned} AND ts >= %s AND ts < %s
                AND (grain = %s AND dimension = %s OR grain = %s AND dimension = %s AND value = ANY(%s))
            GROUP BY value""",
            [
                owner,
                row_bound(since, Grain.HOUR, owners.zone),
                now,
                *(Grain.HOUR, owners.base + Dimension.TOTAL),
                *(Grain.HOUR_DETAIL, owners.base + Dimension.STATUS, [str(status) for status in REFUSALS]),
            ],
        )
        found = {value: (hits, untimed) for value, hits, untimed in cursor.fetchall()}
    hits, _ = found.pop("", (0, 0))
    refused = {int(status): untimed for status, (_, untimed) in found.items() if untimed}
    total = sum(refused.values())
    if total < FEW or 100 * total < REFUSED_SHARE * hits:
        return
    kinds = sorted(refused.items(), key=lambda pair: -pair[1])
    listed = ", ".join(f"{figures.exact(count)} {REFUSED_WORDS[status]}" for status, count in kinds)
    share = figures.per_cent(figures.share(total, hits))
    begins = said(since, owners.zone)
    yield Item(
        f"{figures.exact(total)} requests ({share}) were refused by gateways since {begins}: {listed}.", url
    )
