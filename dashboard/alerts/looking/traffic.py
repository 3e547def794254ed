"""What alerts about traffic find: the requests of the last minutes, from rollups.

They are judged up to the last whole minute that is stored. Where the ingest is behind, or its clock is not believed,
nothing is known of them. Nor is a gateway's clock believed blindly: requests that came with times of before the window
(lateness.py) keep a silence from being told, end it if they keep coming, and keep anything else from being told unless
it is bad however good they were.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import connection

from dashboard.alerts import kinds
from dashboard.alerts.looking import lateness
from dashboard.alerts.models import Rule
from dashboard.alerts.states import Bad, Found
from dashboard.analytics.clock import DAY, MINUTE, floor, hour_start, said
from dashboard.analytics.dimensions import Dimension, Grain
from dashboard.analytics.reports import reader, zones
from dashboard.analytics.reports.periods.period import Span
from dashboard.analytics.reports.traffic import Figures, Filters, Owners
from orgs.models import Organisation

LATE = timedelta(minutes=2)  # behind which the traffic of the last minutes is not known
REMEMBERED = 92 * DAY  # in which a request shows that there was traffic at all
_UNKNOWN = "It is not known how many of them were bad."
SLOWEST = 0.05  # of the requests, which are slower than the 95th percentile


@dataclass(frozen=True)
class Traffic:
    """Whose, and up to when it is known; trouble: why it is not, "" if it is."""

    owners: Owners
    until: datetime
    trouble: str = ""


def traffic_of(org: Organisation, now: datetime) -> Traffic:
    cut, fresh = zones.of(org, now), reader.freshness(now)
    owners, until = cut.owners(org.pk), floor(fresh.known_until, MINUTE)
    if fresh.doubt:
        return Traffic(owners, until, "This server's clock is not believed, so no traffic is stored.")
    if fresh.up_to is None:
        return Traffic(owners, until, "The gateways' traffic was never looked at.")
    if now - fresh.up_to > LATE:
        return Traffic(owners, until, f"Traffic is stored up to {said(fresh.up_to, cut.zone)} only.")
    return Traffic(owners, until)


def requests(rule: Rule, traffic: Traffic, known: dict) -> Found:
    """What a rule about traffic finds. known: sums that were read for others of this look, which it adds to."""
    if traffic.trouble:
        return Found(trouble=traffic.trouble)
    look = _Look(rule, traffic, known)
    late = look.late()
    found = look.silence(late) if rule.kind == "silence" else look.share(late)
    return replace(found, counted=look.remembered())


@dataclass(frozen=True)
class _Late:
    """How many requests came meanwhile with times of before the window; newest: of those, how many in its second half.
    why: why that is not known, "" if it is."""

    count: int = 0
    newest: int = 0
    why: str = ""

    @property
    def keep_coming(self) -> bool:
        return self.count > self.newest > 0


@dataclass(frozen=True)
class _Look:
    rule: Rule
    traffic: Traffic
    known: dict

    def late(self) -> _Late:
        window, until, watched = self.rule.window, self.traffic.until, lateness.watched(self.rule.window)
        before = lateness.reference(self.rule.counted, until, watched)
        if before is None or (self.rule.kind == "silence" and lateness.has_gap(before[0], until, window)):
            return _Late(
                why=f"It was not watched for {watched // MINUTE} minutes yet: only then it can be told "
                "whether requests come late, or a gateway's clock is behind."
            )
        half = lateness.reference(self.rule.counted, until, watched / 2) or before
        return _Late(*(max(0, self._until(at).hits - requests) for at, requests in (before, half)))

    def remembered(self) -> list[list[int]] | None:
        """What a later look counts anew; None for what it knows already."""
        counted, until, window = self.rule.counted, self.traffic.until, self.rule.window
        if not lateness.is_due(counted, until, window):
            return None
        return lateness.remembered(counted, until, self._until(until).hits, window)

    def silence(self, late: _Late) -> Found:
        window, until = self.rule.window, self.traffic.until
        # Also what has come since, and whatever a clock that is ahead has stamped.
        figures = self._figures(until - window * MINUTE, until + LATE)
        if figures.hits:
            return Found(note=f"{_requests(figures.hits)} in the last {window} minutes.")
        last = _last_hit(self._api, self.traffic)
        if last is None:
            return Found(trouble="No request was ever seen.")
        if late.keep_coming:
            return Found(note=f"{_said(late, window)} They keep coming, so there is no silence.")
        if late.why or late.count:
            return Found(trouble=late.why or f"{_said(late, window)} So there may be no silence.")
        minutes = max(window, int((until - last) / MINUTE))
        note = f"The last request was at {said(last, self.traffic.owners.zone)}."
        return Found({"": Bad(minutes)}, minutes, note)

    def share(self, late: _Late) -> Found:
        rule, until = self.rule, self.traffic.until
        histograms = rule.kind == "p95"
        figures = self._figures(until - rule.window * MINUTE, until, histograms=histograms)
        hits = figures.timed if histograms else figures.hits
        value, least = _value(rule.kind, figures, 0), _value(rule.kind, figures, late.count)
        if value is None or hits < rule.least:
            few = f"{_requests(hits)}, which is too few to say anything."
            if hits + late.count < rule.least:
                return Found(value=value, note=few)
            return Found(value=value, trouble=f"{few} {_said(late, rule.window)} {_UNKNOWN}")
        note = f"{_requests(hits)}." + (f" {_said(late, rule.window)}" if late.count else "")
        if not kinds.is_reached(rule.of, rule.threshold, value):
            return Found(value=value, note=note)
        if late.why or least is None or not kinds.is_reached(rule.of, rule.threshold, least):
            return Found(value=value, trouble=late.why or f"{note} {_UNKNOWN}")
        return Found({"": Bad(value)}, value, note)

    def _until(self, at: datetime) -> Figures:
        return self._figures(hour_start(at - lateness.COUNTED, self.traffic.owners.zone), at)

    def _figures(self, start: datetime, end: datetime, *, histograms: bool = False) -> Figures:
        asked = (self._api, start, end, histograms)
        if asked not in self.known:
            span, filters = (
                Span(start, end, Grain.HOUR_DETAIL),
                Filters(apis=(self._api,) if self._api else ()),
            )
            self.known[asked] = reader.totals(self.traffic.owners, span, filters, histograms=histograms)
        return self.known[asked]

    @property
    def _api(self) -> str:
        return self.rule.api.api_id if self.rule.api else ""


def _value(kind: str, figures: Figures, good: int) -> float | None:
    """The share of 5xx, or the 95th percentile, if so many good requests are added. None for none, or where it is only
    known to be less than any of them."""
    if kind == "errors":
        return 100 * figures.status_5xx / (figures.hits + good) if figures.hits else None
    slow = SLOWEST * (figures.timed + good) / figures.timed if figures.timed else 1
    return figures.percentiles(1 - slow)[0] if slow < 1 else None


def _requests(count: int) -> str:
    return "1 request" if count == 1 else f"{count:,} requests"


def _said(late: _Late, window: int) -> str:
    came = "1 more request came" if late.count == 1 else f"{late.count:,} more requests came"
    return (
        f"{came} with times of before these {window} minutes: late, or from a gateway whose clock is behind."
    )


def _last_hit(api: str, traffic: Traffic) -> datetime | None:
    """To the minute for three days, then to the hour."""
    owners = traffic.owners
    dimension = owners.base + (Dimension.API if api else Dimension.TOTAL)
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT max(newest) FROM unnest(%s::"char"[]) AS grain CROSS JOIN LATERAL (
                SELECT ts FROM rollup AS r WHERE r.org_id = %s AND r.grain = grain AND dimension = %s AND api_id = %s
                    AND ts >= %s AND ts < %s ORDER BY ts DESC LIMIT 1) AS last (newest)""",
            [
                [Grain.MINUTE.value, Grain.HOUR.value],
                owners.org_ids[0],
                dimension,
                api,
                owners.from_when(traffic.until - REMEMBERED, Grain.HOUR),
                traffic.until,
            ],
        )
        return cursor.fetchone()[0]
