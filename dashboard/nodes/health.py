"""How a node is, from the times at which it was heard. Pure: times go in, a state comes out.

A gateway beats every 2 s and runs a liveness check every 10 s; both arrive as the same ping. A reload
that locked a gateway of 5.8.9 to 5.14 up leaves the beats going, so a beat alone proves nothing: only a
pull shows that the node still loads changes.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

BEAT = timedelta(seconds=2)
LIVENESS = timedelta(seconds=10)
# Three beats, and a little for a busy machine.
SILENT_AFTER = 3 * BEAT + timedelta(seconds=1)
# A node without beats may still send the liveness check.
LIVENESS_SILENT_AFTER = LIVENESS + timedelta(seconds=3)
GONE_AFTER = timedelta(minutes=10)
STUCK_AFTER = timedelta(seconds=10)
# A gateway whose reload fails is quiet while it tries again, for at most 60 s at a time.
NO_BEAT_AFTER = timedelta(seconds=90)


@dataclass(frozen=True)
class Heard:
    """What is known of one node; every time is aware, None is never."""

    last_ping_at: datetime
    last_beat_at: datetime
    last_pull_at: datetime | None
    asked_at: datetime | None  # the first reload signal it has not pulled after
    served_version: int | None


@dataclass(frozen=True)
class Health:
    """`state` is ok, pulling, stuck, silent or gone; `since` is when that began, None where nobody knows."""

    state: str
    since: datetime | None
    advice: str


def beats_after(now: datetime) -> datetime:
    """A ping at `now` is a heartbeat if the one before it came after this: too soon for the liveness check."""
    return now - LIVENESS / 2


def health(heard: Heard, wanted_version: int, now: datetime) -> Health:
    """The state of a node which should be serving `wanted_version`."""
    quiet = now - heard.last_ping_at
    last_ping_was_a_beat = heard.last_beat_at >= heard.last_ping_at
    if quiet > GONE_AFTER:
        return Health("gone", heard.last_ping_at, "It has not been heard of for a long time.")
    if quiet > (SILENT_AFTER if last_ping_was_a_beat else LIVENESS_SILENT_AFTER):
        return Health("silent", heard.last_ping_at, "It no longer answers: is the process running?")
    if heard.asked_at and now - heard.asked_at > STUCK_AFTER:
        return Health(
            "stuck",
            heard.asked_at,
            "It beats but loads no changes: restart this gateway. It goes on serving what it has.",
        )
    if now - heard.last_beat_at > NO_BEAT_AFTER:
        return Health(
            "stuck",
            heard.last_beat_at,
            "Its heartbeat has stopped and only its liveness check arrives: restart this gateway.",
        )
    if heard.asked_at or heard.served_version != wanted_version:
        told = "It has been told to load." if heard.asked_at else "It does not serve the wanted version yet."
        return Health("pulling", heard.asked_at, told)
    return Health("ok", heard.last_pull_at, "")
