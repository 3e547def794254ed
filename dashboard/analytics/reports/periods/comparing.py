"""Which span a period is compared with, and what is read of it. Pure."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from dashboard.analytics.clock import DAY, HOUR, MINUTE, floor, hour_start, hours, next_hour
from dashboard.analytics.dimensions import KEPT, RECORDS, Grain, kept_for
from dashboard.analytics.reports.periods.cutting import WEEK, day_edges
from dashboard.analytics.reports.periods.period import (
    DAYS_KEPT,
    LONG_AGO,
    Before,
    Compared,
    Cut,
    Period,
    Span,
    days_before,
)
from dashboard.analytics.reports.periods.written import PeriodError, instant


def compare(
    asked: str, tier: str, start: datetime, end: datetime, *, zone: ZoneInfo, now: datetime
) -> Compared:
    """With what the period of a tier from `start` to `end` is compared. asked: "before", "week", or when it begins.
    Raises PeriodError."""
    first, last = start.astimezone(zone).date(), (end - MINUTE).astimezone(zone).date()
    covered = (last - first).days + 1
    if asked in ("", "before"):
        how, days = "before", covered if tier == "days" else None
        begins = start - (end - start)
    elif asked == "week":
        length = covered * DAY if tier == "days" else end - start
        how, days = asked, 7 * -(-length // WEEK)
        begins = start
    else:
        begins = instant("compare", asked, zone)
        if not now - DAYS_KEPT <= begins < now:
            raise PeriodError(
                "compare", f"compare must begin within the last {DAYS_KEPT.days} days, which are kept."
            )
        how, days = "custom", (first - begins.astimezone(zone).date()).days if tier == "days" else None
        begins = floor(begins, MINUTE)
    if days is None:
        ends = begins + (end - start)
    else:
        begins, ends = (days_before(instant, days, zone) for instant in (start, end))
    if how == "custom" and ends > now:
        raise PeriodError(
            "compare", "compare must begin so early that as long a time as is shown has passed since."
        )
    return Compared(how, begins, ends, days, bool(asked))


def before(period: Period) -> Before:
    """The span that it is compared with, read only as far into it as the period itself has run:
    half a day is compared with half a day, to the nearest minute or hour that the grain can tell.
    Tables, and percentiles read by the day, cover its whole hours or days."""
    if period.compared.whole:
        return _by_mean(period, period.compared.whole)
    start, last, grain = period.compared.start, period.compared.end, period.counts.grain
    elapsed = period.seen_end - period.start
    if period.tier == "days":
        if grain in (Grain.HOUR, Grain.DAY):
            # Hours can tell how far this period has run, days cannot.
            grain = Grain.HOUR if start >= period.hours_from else Grain.DAY
    elif grain == Grain.MINUTE and not _kept(start, grain, period):
        start, grain = hour_start(start, period.zone), Grain.HOUR
    unit = MINUTE if grain in (RECORDS, Grain.MINUTE, Grain.HOUR_DETAIL) else HOUR
    end = min(last, start + max(unit, round(elapsed / unit) * unit))
    if KEPT[grain].unit == DAY:
        end = last

    def span(end: datetime, grain: str) -> Span | None:
        return Span(start, end, grain) if _kept(start, grain, period) else None

    return Before(
        counts=span(end, grain),
        latency={Grain.DAY: span(period.start, Grain.DAY), RECORDS: span(end, RECORDS)}.get(
            period.latency.grain, span(end, grain)
        ),
        tables=span(end if period.tier == "minutes" else last, period.tables.grain),
        chart=_compared_cut(period, _finest(period, grain)),
        chart_latency=_compared_cut(
            period, RECORDS if period.latency.grain == RECORDS else _finest(period, grain)
        ),
    )


def _by_mean(period: Period, whole: Span) -> Before:
    """A time that is not as long is one bucket, and its different keys are no sum that has a mean."""
    one = Cut((whole.start, whole.end), whole.end - whole.start, whole.grain)
    timed: Cut | None = one
    if period.latency.grain == RECORDS:
        timed = replace(one, grain=RECORDS) if _kept(whole.start, RECORDS, period) else None
    return Before(one.span, timed.span if timed else None, None, one, timed)


def _finest(period: Period, grain: str) -> str:
    """Days are enough for buckets of a day, however far the period has run."""
    return period.counts.grain if period.counts.step >= DAY else grain


def _compared_cut(period: Period, grain: str) -> Cut | None:
    """What a period is compared with in the same buckets, or in those that the grain can tell."""
    cut, start, end = period.counts, period.compared.start, period.compared.end
    if not _kept(start, grain, period):
        return None
    unit = KEPT[grain].unit
    if unit <= cut.step or grain == Grain.HOUR_DETAIL:
        return Cut(tuple(map(period.compared_at, cut.edges)), cut.step, grain)
    if unit == DAY:
        return Cut(day_edges(start, end, DAY, period.zone), DAY, grain)
    first, last = hour_start(start, period.zone), hour_start(end, period.zone)
    return Cut(hours(first, end if last == end else next_hour(last, period.zone), period.zone), HOUR, grain)


def _kept(start: datetime, grain: str, period: Period) -> bool:
    return start >= max(period.now - kept_for(grain), period.held.get(grain, LONG_AGO))
