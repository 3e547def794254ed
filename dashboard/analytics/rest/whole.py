"""Since when the rows of an answer leave out nothing."""

from datetime import datetime
from zoneinfo import ZoneInfo

from dashboard.analytics.clock import DAY, HOUR, day_start, hour_start, next_hour
from dashboard.analytics.dimensions import KEPT, RECORDS
from dashboard.analytics.reports import reader
from dashboard.analytics.reports.periods.period import Span
from dashboard.analytics.reports.rows import dimension_of
from dashboard.analytics.reports.traffic import Filters, Owners


def since(what: str, owners: Owners, span: Span, filters: Filters, now: datetime) -> datetime | None:
    """From when on figures of a span are whole; None if that is its start.

    What is older may be kept no longer, or is not among the newest records, from which they are made.
    """
    kept = dimension_of(what, filters, owners.dimension_set)
    grain = RECORDS if kept is None else kept.grain(span.grain)
    begin = first_row(owners.since(grain, now), grain, owners.zone)
    if grain != RECORDS and kept.since > 1:
        begin = max(begin, owners.dimensions_from or begin)
    if grain == RECORDS:
        begin = max(begin, reader.newest_begin(what, owners, span, filters) or begin)
    return begin if begin > span.start else None


def first_row(instant: datetime, grain: str, zone: ZoneInfo) -> datetime:
    """Where the first row of a grain begins that has nothing from before an instant."""
    if KEPT[grain].unit == HOUR:
        start = hour_start(instant, zone)
        return start if start == instant else next_hour(start, zone)
    if KEPT[grain].unit == DAY:
        day = instant.astimezone(zone).date()
        start = day_start(day, zone)
        return start if start >= instant else day_start(day + DAY, zone)
    return instant
