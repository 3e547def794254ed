"""Which period the parameters of an address ask for. Pure: no Django."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from dashboard.analytics.clock import (
    DAY,
    HOUR,
    MINUTE,
    ceiling,
    day_start,
    floor,
    said,
)
from dashboard.analytics.dimensions import RECORDS, Dimension, Grain
from dashboard.analytics.reports.periods.comparing import compare
from dashboard.analytics.reports.periods.cutting import cut
from dashboard.analytics.reports.periods.period import (
    DAYS_KEPT,
    HOURS_KEPT,
    LONG_AGO,
    NOTHING,
    RANGES,
    Period,
    Span,
    kept_since,
    minutes_since,
)
from dashboard.analytics.reports.periods.written import PeriodError, instant


def parse(
    params: Mapping[str, str],
    zone: ZoneInfo,
    now: datetime,
    *,
    counted: Dimension | None = Dimension.TOTAL,
    histograms: bool = True,
    exact_from: datetime | None = None,
    held: Mapping[str, datetime] = NOTHING,
) -> Period:
    """The period that `range`, `from` and `to` ask for; the last 24 hours when they are absent.

    `from` and `to` are ISO 8601, local to the zone unless they carry an offset; a `to` that is a date
    alone includes that day. counted: the dimension that the page reads, None for the records themselves; histograms:
    whether its rows have any.
    exact_from: days before were cut in another zone, so that their hours do not add up to them.
    held: the first moment kept of each grain of which less is kept than usual. What is not kept is no part of the
    period: its time is a gap, and no time without requests. Raises PeriodError.
    """
    now = now.astimezone(UTC)
    name = _name(params)
    if name == "custom":
        tier, start, end = _custom(params, zone, now, held)
    else:
        tier, start, end = _named(name, zone, now)
    wanted, start = start, _kept_part(tier, (start, end), zone, now, counted=counted, held=held)
    hours_from = max(now - HOURS_KEPT, exact_from or LONG_AGO, held.get(Grain.HOUR, LONG_AGO))
    counts, tables = cut(tier, start, end, zone=zone, now=now, counted=counted, hours_from=hours_from)
    latency = counts if histograms else replace(counts, grain=RECORDS)
    compared = compare(params.get("compare") or "", tier, start, end, zone=zone, now=now)
    tables_of = Span(start, end, tables)
    gap = wanted if wanted < start else None
    return Period(name, tier, zone, now, counts, latency, tables_of, compared, hours_from, held, gap)


def instants(params: Mapping[str, str], zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime]:
    """The same parameters as two instants, a custom range not widened: for single records. Raises PeriodError."""
    now = now.astimezone(UTC)
    name = _name(params)
    if name == "custom":
        return _asked(params, zone, now)
    _, start, end = _named(name, zone, now)
    return start, end


def _kept_part(
    tier: str,
    span: tuple[datetime, datetime],
    zone: ZoneInfo,
    now: datetime,
    *,
    counted: Dimension | None,
    held: Mapping[str, datetime],
) -> datetime:
    """Where the part of a period begins of which everything is kept that a page of it reads. Raises PeriodError if
    there is none."""
    start, end = span
    if tier == "days":
        grain = RECORDS if counted is None else Grain.DAY
        since = kept_since(grain, now, held) if grain in (RECORDS, *held) else start
        day = since.astimezone(zone).date()
        first = day_start(day, zone)
        first = first if first >= since else day_start(day + DAY, zone)
    else:
        of_records = counted is None or Grain.MINUTE not in counted.grains
        first = ceiling(held.get(RECORDS, start), MINUTE) if of_records else start
    if start < first and end <= first:
        raise PeriodError(
            "to", f"Of this time nothing is kept any more: that begins {said(first, zone, year=True)}."
        )
    return max(start, first)


def _name(params: Mapping[str, str]) -> str:
    asked = params.get("range") or ""
    if asked not in ("", "custom", *RANGES):
        raise PeriodError("range", f"range must be one of {', '.join(RANGES)} or custom.")
    return asked or ("custom" if params.get("from") or params.get("to") else "24h")


def _named(name: str, zone: ZoneInfo, now: datetime) -> tuple[str, datetime, datetime]:
    if name in ("1h", "24h"):
        end = floor(now, MINUTE) + MINUTE
        return "minutes" if name == "1h" else "hours", end - RANGES[name], end
    today = now.astimezone(zone).date()
    first = today - RANGES[name] + timedelta(days=1)
    return "days", day_start(first, zone), day_start(today + timedelta(days=1), zone)


def _custom(
    params: Mapping[str, str], zone: ZoneInfo, now: datetime, held: Mapping[str, datetime]
) -> tuple[str, datetime, datetime]:
    start, end = _asked(params, zone, now)
    end = min(end, floor(now, MINUTE) + MINUTE)
    recent = start >= minutes_since(now, held)
    if recent and end - start <= HOUR:
        return "minutes", floor(start, MINUTE), ceiling(end, MINUTE)
    if recent and end - start <= 48 * HOUR:
        return "hours", floor(start, MINUTE), ceiling(end, MINUTE)
    last_day = (end - timedelta(microseconds=1)).astimezone(zone).date()
    return "days", day_start(start.astimezone(zone).date(), zone), day_start(last_day + DAY, zone)


def _asked(params: Mapping[str, str], zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime]:
    start = instant("from", params.get("from") or "", zone)
    end = instant("to", params.get("to") or "", zone)
    if start >= now:
        raise PeriodError("from", "from must lie in the past.")
    if start < now - DAYS_KEPT:
        raise PeriodError("from", f"from must lie within the last {DAYS_KEPT.days} days, which are kept.")
    # Records may be stamped up to a minute ahead of now; what is further ahead is stored as of now.
    end = min(end, floor(now, MINUTE) + 3 * MINUTE)
    if end <= start:
        raise PeriodError("to", "to must be later than from.")
    return start, end
