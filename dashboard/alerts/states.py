"""What a look makes of an alert: what begins, goes on and ends, and what is told of it. Pure.

What is not known begins nothing and ends nothing. A repeat, the same thing bad again within the quiet period, is held:
if it is still bad when that is over it is told then, and else it stands in the history alone.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Bad:
    """value: of the thing that is bad, in the unit of the alert. label: what it is called, "" for what the alert itself
    is about."""

    value: float
    label: str = ""


@dataclass(frozen=True)
class Found:
    """What a look found. bad: by subject: a key, a certificate, or "" for what the alert itself is about. value: what
    there is to show, None for nothing; note: a sentence beside it; trouble: why nothing is known, "" if it is. more:
    how many are bad besides, which are not named. counted: what a later look counts anew
    (dashboard.alerts.looking.lateness), None for what is remembered already."""

    bad: Mapping[str, Bad] = field(default_factory=dict)
    value: float | None = None
    note: str = ""
    trouble: str = ""
    more: int = 0
    counted: list[list[int]] | None = None


@dataclass(frozen=True)
class Turns:
    """Subjects whose alert begins, goes on, ends."""

    begin: frozenset[str] = frozenset()
    go_on: frozenset[str] = frozenset()
    end: frozenset[str] = frozenset()


def turns(begun: Collection[str], found: Found) -> Turns:
    """begun: the subjects of alerts that have begun and not ended."""
    if found.trouble:
        return Turns()
    before, bad = frozenset(begun), frozenset(found.bad)
    return Turns(begin=bad - before, go_on=bad & before, end=before - bad)


def state(begun: Collection[str], found: Found) -> str:
    """The state after a look, one of models.STATES. begun: those that have begun and not ended after it."""
    if begun:
        return "firing"
    return "unknown" if found.trouble else "ok"


def is_begin_due(told_before: datetime | None, quiet: timedelta, now: datetime) -> bool:
    """Whether it is to be told that something is bad of which that was not told yet. told_before: when it was told last
    of the same thing, None for never."""
    return told_before is None or now - told_before >= quiet


def seconds_until_next(attempts: int) -> int:
    """How long to wait after so many attempts to send a message (at least one): 10 s, 20, 40 … up to an hour."""
    return int(min(10 * 2 ** min(attempts - 1, 20), 3_600))
