"""How long what an organisation's traffic leaves behind is kept. Pure.

`Organisation.kept_days` holds an organisation's own periods, in days by kind, which are never longer than the
installation's; `Organisation.gone_before` the days before which all of a kind has been deleted for its age, so that a
longer period later does not let those days look like days without traffic.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple


class Kind(NamedTuple):
    """days: how long the installation keeps it, by its settings (install). least: what lists, warnings and
    confirmations look back; most: what can be asked for."""

    label: str
    days: int
    least: int
    most: int
    holds: str
    within: str = ""  # the kind that it is a part of, and not kept longer than


KINDS = {
    "records": Kind("Single requests", 30, 1, 180, "with path, key, address and user agent of each"),
    "bodies": Kind("Requests and answers as sent", 7, 1, 180, "where they are kept at all", "records"),
    "minutes": Kind(
        "Figures by the minute",
        3,
        1,
        31,
        "and by the hour of each key, endpoint, status and whatever else has many",
    ),
    "hours": Kind(
        "Figures by the hour", 92, 9, 730, "of all requests and of each API, and what upstreams answered"
    ),
    "days": Kind("Figures by the day", 400, 31, 3_650, "of everything that is counted"),
}
USUAL = {kind: each.days for kind, each in KINDS.items()}


def install(days: Mapping[str, int]) -> None:
    """Have this installation keep these kinds for so many days, others as long as usual; once, with its settings."""
    for kind, each in KINDS.items():
        KINDS[kind] = each._replace(days=days.get(kind, USUAL[kind]))
    for kind, each in KINDS.items():
        if each.within:
            KINDS[kind] = each._replace(days=min(each.days, KINDS[each.within].days))


@dataclass(frozen=True)
class Retention:
    """What an organisation keeps: its own periods, and what has gone by them."""

    own: Mapping[str, int] = field(default_factory=dict)
    gone_before: Mapping[str, str] = field(default_factory=dict)

    def days(self, kind: str) -> int:
        days = min(self.own.get(kind, KINDS[kind].days), KINDS[kind].days)
        return min(days, self.days(KINDS[kind].within)) if KINDS[kind].within else days

    def bound(self, kind: str, now: datetime) -> datetime:
        """The first moment that its period covers, a midnight in UTC."""
        return datetime.combine(now.astimezone(UTC).date() - timedelta(days=self.days(kind)), time(), UTC)

    def since(self, kind: str, now: datetime) -> datetime:
        """The first moment of which all is kept: what is older is shown to nobody."""
        gone = self.gone_before.get(kind)
        bound = self.bound(kind, now)
        return max(bound, datetime.combine(date.fromisoformat(gone), time(), UTC)) if gone else bound

    @property
    def special(self) -> frozenset[str]:
        """The kinds of which anything else holds than for the installation."""
        return frozenset(kind for kind in KINDS if kind in self.gone_before or kind in self.shorter)

    @property
    def shorter(self) -> list[str]:
        """The kinds that it keeps for less time than the installation."""
        return [kind for kind in KINDS if self.days(kind) < KINDS[kind].days]


def problems(own: object) -> dict[str, str]:
    """What is wrong with periods from outside, by kind; {} for good ones. "" stands for the whole."""
    if not isinstance(own, dict):
        return {"": "Must be an object of kinds and days."}
    found = {}
    for kind, days in own.items():
        if kind not in KINDS:
            found[""] = f"There are only the kinds {', '.join(KINDS)}."
        elif type(days) is not int or not KINDS[kind].least <= days <= KINDS[kind].days:
            found[kind] = f"Must be between {KINDS[kind].least} and {KINDS[kind].days} days."
    return found


def changed(before: Mapping[str, int], own: Mapping[str, int]) -> dict[str, int]:
    """Those of an organisation's periods that are not as they were."""
    return {kind: days for kind, days in own.items() if before.get(kind) != days}


def shorter(before: Retention, after: Retention, now: datetime) -> dict[str, tuple[datetime, datetime]]:
    """Of each kind that is kept since when and would be: those of which something would go."""
    spans = {kind: (before.since(kind, now), after.since(kind, now)) for kind in KINDS}
    return {kind: (was, will) for kind, (was, will) in spans.items() if will > was}
