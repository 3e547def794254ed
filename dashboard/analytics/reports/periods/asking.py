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
    Compared,
    Period,
    Span,
    kept_since,
    minutes_since,
)
from dashboard.analytics.reports.periods.written import PeriodError, instant

ENDS = ("from", "to")


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
    other = _other(params, zone, now, counted=counted, hours_from=hours_from, held=held)
    if other is None or (other[0] == tier and _as_long(tier, other[1], start, end)):
        compared = compare(params.get("compare") or "", tier, start, end, zone=zone, now=now)
    else:
        whole = other[1]
        compared = Compared("custom", whole.start, whole.end, None, drawn=True, whole=whole)
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


def _other(
    params: Mapping[str, str],
    zone: ZoneInfo,
    now: datetime,
    *,
    counted: Dimension | None,
    hours_from: datetime,
    held: Mapping[str, datetime],
) -> tuple[str, Span] | None:
    """The tier of the time from `compare` to `compare_to`, which need not be as long, and what is read of it; None
    unless both are there. Raises PeriodError."""
    if not params.get("compare_to"):
        return None
    if params.get("compare") in (None, "", "before", "week"):
        raise PeriodError("compare_to", "compare_to needs compare to say when that time begins.")
    tier, start, end = _custom(params, zone, now, held, ("compare", "compare_to"))
    if end > now:
        raise PeriodError(
            "compare_to", "compare_to must lie in the past; of whole days, all of the last one."
        )
    try:
        begins = _kept_part(tier, (start, end), zone, now, counted=counted, held=held)
    except PeriodError as error:
        raise PeriodError("compare_to", str(error)) from None
    if begins > start:
        since = said(begins, zone, year=True)
        raise PeriodError(
            "compare", f"Of the time that begins then, it is known only what came since {since}."
        )
    _, grain = cut(tier, start, end, zone=zone, now=now, counted=counted, hours_from=hours_from)
    return tier, Span(start, end, grain)


def _as_long(tier: str, other: Span, start: datetime, end: datetime) -> bool:
    """Among whole days an hour more or less makes no difference."""
    lengths = end - start, other.end - other.start
    return (
        len({round(length / DAY) for length in lengths}) == 1 if tier == "days" else lengths[0] == lengths[1]
    )


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
    params: Mapping[str, str],
    zone: ZoneInfo,
    now: datetime,
    held: Mapping[str, datetime],
    names: tuple[str, str] = ENDS,
) -> tuple[str, datetime, datetime]:
    start, end = _asked(params, zone, now, names)
    end = min(end, floor(now, MINUTE) + MINUTE)
    recent = start >= minutes_since(now, held)
    if recent and end - start <= HOUR:
        return "minutes", floor(start, MINUTE), ceiling(end, MINUTE)
    if recent and end - start <= 48 * HOUR:
        return "hours", floor(start, MINUTE), ceiling(end, MINUTE)
    last_day = (end - timedelta(microseconds=1)).astimezone(zone).date()
    return "days", day_start(start.astimezone(zone).date(), zone), day_start(last_day + DAY, zone)


def _asked(
    params: Mapping[str, str], zone: ZoneInfo, now: datetime, names: tuple[str, str] = ENDS
) -> tuple[datetime, datetime]:
    """names: of the parameters that say when it begins and ends."""
    first, last = names
    start = instant(first, params.get(first) or "", zone)
    end = instant(last, params.get(last) or "", zone, last=True)
    if start >= now:
        raise PeriodError(first, f"{first} must lie in the past.")
    if start < now - DAYS_KEPT:
        raise PeriodError(first, f"{first} must lie within the last {DAYS_KEPT.days} days, which are kept.")
    # Records may be stamped up to a minute ahead of now; what is further ahead is stored as of now.
    end = min(end, floor(now, MINUTE) + 3 * MINUTE)
    if end <= start:
        raise PeriodError(last, f"{last} must be later than {first}.")
    return start, end
