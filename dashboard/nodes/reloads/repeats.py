"""When the next reload signal is due. Pure.

A signal can be lost: gateways of 3.0 are deaf for 10 s after their start and drop what comes during a
reload, a reload that fails is not tried again, and Redis keeps nothing for who is not listening. So a signal
begins a series.
"""

from datetime import datetime, timedelta

# Gateways reload once a second at most, so more signals cost them nothing, and us a look at our feed. A whole second
# apart they would cost callers one: 5.14 looks each second whether it was told, and a change that waits for ours until
# it has looked waits for its next one, too.
APART = timedelta(seconds=0.25)
# Soon once more, because a gateway of 3.0 may just have been loading what was there before; not before 5.14 has looked.
OFFSETS = tuple(timedelta(seconds=seconds) for seconds in (0, 1.5, 5, 10, 20, 40, 60, 120, 180, 240, 300))
SLOWLY = timedelta(minutes=10)
# A gateway that registers again is still in the reload that failed.
AFTER_REFUSAL = timedelta(seconds=1)


def due_at(started_at: datetime, sent_at: datetime | None) -> datetime:
    """When the next signal of the series that began at `started_at` is due; `sent_at` is the last of any."""
    if sent_at is None:
        return started_at
    later = (started_at + offset for offset in OFFSETS if started_at + offset > sent_at)
    return max(next(later, sent_at + SLOWLY), sent_at + APART)
