"""Whether requests come with times of before the window that is looked at. Pure.

Times are those of the gateways' clocks. Where one is behind, or records come late, there may be requests that no window
has seen: the last one was over before they came. How many did is told by counting again what was counted before: each
look remembers how many requests there were until then, and a later one counts them anew.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from dashboard.analytics.clock import DAY, EPOCH, HOUR, MINUTE

# Before a look, of which requests are counted, by whole hours: they may come as late as that. Hours are kept for longer
# by every organisation, so that none has gone when they are counted again.
COUNTED = 7 * DAY
BREAK = timedelta(minutes=5)  # without a look, after which nobody knows what came meanwhile
STEPS = 10  # into which a window is divided by what is remembered

# Minutes since 1970, how many requests there were in COUNTED before, and that in days: what another version counted is
# not compared. Oldest first.
Counts = Sequence[Sequence[int]]


def watched(window: int) -> timedelta:
    """How long is looked back for what comes late, of a window of so many minutes."""
    return min(window * MINUTE, HOUR)


def reference(counts: Counts, until: datetime, ago: timedelta) -> tuple[datetime, int] | None:
    """Of the newest look that was so long before, up to when it knew the traffic, and how many requests of COUNTED
    before; None if there was none."""
    before = [each for each in counts if _instant(each[0]) <= until - ago and each[2:] == [COUNTED.days]]
    return (_instant(before[-1][0]), before[-1][1]) if before else None


def has_gap(at: datetime, until: datetime, window: int) -> bool:
    """Whether it was not looked for some time after a reference."""
    return until - at > watched(window) + _step(window) + BREAK


def is_due(counts: Counts, until: datetime, window: int) -> bool:
    """Whether it is time to remember another look."""
    return not counts or until - _instant(counts[-1][0]) >= _step(window) or _instant(counts[-1][0]) > until


def remembered(counts: Counts, until: datetime, requests: int, window: int) -> list[list[int]]:
    """Those of before that are still of use, and this one. What a clock that was ahead has left is of none."""
    known = [list(each) for each in counts if _instant(each[0]) < until]
    last = reference(known, until, watched(window))
    kept = [each for each in known if last is None or _instant(each[0]) >= last[0]]
    return [*kept, [int((until - EPOCH) / MINUTE), requests, COUNTED.days]]


def _step(window: int) -> timedelta:
    return max(MINUTE, watched(window) // STEPS)


def _instant(minutes: int) -> datetime:
    return EPOCH + minutes * MINUTE
