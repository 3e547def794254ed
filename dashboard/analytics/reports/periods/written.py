"""Instants as addresses write them. Pure."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from dashboard.analytics.clock import day_start, meant

# datetime.fromisoformat takes more, a trailing NUL included.
WRITTEN = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII)


class PeriodError(ValueError):
    """A range that cannot be shown. `field` is the parameter to blame."""

    def __init__(self, field: str, message: str):
        super().__init__(message)
        self.field = field


def instant(field: str, text: str, zone: ZoneInfo, *, last: bool = False) -> datetime:
    """The instant that a parameter says, ISO 8601, on the zone's clock unless it has an offset. last: whether a date
    alone includes its day, and of a time that comes twice the second is meant. Raises PeriodError."""
    if not text:
        raise PeriodError(field, f"{field} is missing: a custom range needs from and to.")
    try:
        if not WRITTEN.fullmatch(text):
            raise ValueError
        if len(text) == 10:
            day = date.fromisoformat(text) + timedelta(days=last)
            return day_start(day, zone)
        value = datetime.fromisoformat(text)
        return value.astimezone(UTC) if value.tzinfo else meant(value, zone, last=last)
    except (ValueError, OverflowError):
        raise PeriodError(field, f"{field} is no date and time like 2026-11-25T14:30.") from None
