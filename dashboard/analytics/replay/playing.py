"""Requests of one key played once more, in the order of their time, under what may be in force. Pure.

Of which version a gateway is, and whether it is alone, nobody tells: so they are played for each, and what comes of it
is a span. Rights are judged as for a request that was refused (dashboard.analytics.explaining).
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from dashboard.analytics.explaining import of_key
from dashboard.analytics.explaining.facts import Request, World
from dashboard.analytics.replay.limits import LateQuota, Limit, Log, Quota, Window
from orgs.providers.spans import Span

MOST_REMEMBERED = 10_000  # paths that are judged once
Rate = type[Window] | type[Log]
Quotas = type[Quota] | type[LateQuota]
# How gateways of a generation may count rates, and quotas beside it.
COUNTING: Mapping[str, tuple[tuple[Rate, Quotas], ...]] = {
    "3.0": ((Window, LateQuota), (Log, Quota)),
    "5": ((Window, Quota), (Log, Quota)),
}


class Reason(StrEnum):
    STATE = "the key is refused"
    RIGHTS = "no right to the API or its version"
    PATHS = "no right to the path"
    RATE = "over the rate"
    QUOTA = "over the quota"
    UNTOLD = "cannot be told"


REFUSALS = (Reason.STATE, Reason.RIGHTS, Reason.PATHS, Reason.RATE, Reason.QUOTA)


@dataclass
class Tally:
    """How many requests met what, and when the first was refused."""

    met: Counter[Reason] = field(default_factory=Counter)
    first: datetime | None = None

    @property
    def refused(self) -> int:
        return sum(self.met[reason] for reason in REFUSALS)


@dataclass(frozen=True)
class Played:
    """What came of a key's requests. first: the earliest refusal by any of the gateways that there may be."""

    refused: Span
    reasons: Mapping[Reason, Span]
    first: datetime | None


@dataclass(frozen=True)
class _Limits:
    """Those of one API, None for none; APIs that are counted together have the same. untold: whether one of them cannot
    be told."""

    rate: Limit | None
    quota: Limit | None
    untold: bool


class Player:
    """One gateway or fleet of a generation, with what it has counted of a key. rate, quota: how it counts them."""

    def __init__(self, rate: Rate, quota: Quotas):
        self.rate, self.quota = rate, quota
        self.tally = Tally()
        self._rates: dict[tuple[str, ...], Limit] = {}
        self._quotas: dict[tuple[str, ...], Limit] = {}
        self._of_apis: dict[str, _Limits] = {}

    def play(self, request: Request, world: World, entered: Reason | None) -> None:
        """entered: what keeps it from the limits. world: the same for each request to an API."""
        reason = entered or self._limited(request, world)
        if reason is None:
            return
        self.tally.met[reason] += 1
        if reason != Reason.UNTOLD and self.tally.first is None:
            self.tally.first = request.ts

    def _limited(self, request: Request, world: World) -> Reason | None:
        limits = self._of_apis.get(request.api_id)
        if limits is None:
            limits = self._of_apis[request.api_id] = self._of(world)
        at = request.ts.timestamp()
        if limits.rate and limits.rate.refuses(at):
            return Reason.RATE
        if limits.quota and limits.quota.refuses(at):
            return Reason.QUOTA
        return Reason.UNTOLD if limits.untold else None

    def _of(self, world: World) -> _Limits:
        allowed = world.allowed
        if allowed is None:
            return _Limits(None, None, untold=True)
        rate, quota, untold = None, None, False
        if window := of_key.rate_window(world):
            untold = bool(allowed.rate_untold)
            rate = (
                None if untold else self._rates.setdefault(window.apis, self.rate(allowed.rate, allowed.per))
            )
        if window := of_key.quota_window(world):
            untold = untold or bool(allowed.quota_untold)
            if not allowed.quota_untold:
                quota = self._quotas.setdefault(window.apis, self.quota(allowed.quota, allowed.renewal))
        return _Limits(rate, quota, untold)


def entered(request: Request, world: World) -> Reason | None:
    """Why a request does not come as far as the limits; None for one that does."""
    allowed = world.allowed
    if allowed is None:
        return Reason.UNTOLD
    if allowed.refusal or allowed.inactive:
        return Reason.STATE
    for reason, check in ((Reason.RIGHTS, of_key.rights), (Reason.PATHS, of_key.right_paths)):
        refuses = check(world, request).refuses
        if refuses is not False:
            return reason if refuses else Reason.UNTOLD
    return None


class Replay:
    """The requests of one key, under one state of things. world: what is in force for a request to an API on a gateway
    of a generation."""

    def __init__(self, world: Callable[[Request, str], World]):
        self._world = world
        self._players = {
            generation: [Player(*how) for how in counting] for generation, counting in COUNTING.items()
        }
        self._entered: dict[tuple[str, ...], Reason | None] = {}

    def play(self, request: Request) -> None:
        for generation, players in self._players.items():
            world = self._world(request, generation)
            reason = self._judged(request, world)
            for player in players:
                player.play(request, world, reason)

    def _judged(self, request: Request, world: World) -> Reason | None:
        named: tuple[str, ...] = (world.generation, request.api_id, request.version)
        if world.allowed and world.allowed.paths:
            named = (*named, request.method, request.path)
        if named not in self._entered:
            if len(self._entered) >= MOST_REMEMBERED:
                self._entered.clear()
            self._entered[named] = entered(request, world)
        return self._entered[named]

    @property
    def tallies(self) -> Mapping[tuple[str, Rate], Tally]:
        """By the generation of gateways and how they count rates."""
        return {
            (generation, player.rate): player.tally
            for generation, players in self._players.items()
            for player in players
        }

    @property
    def outcome(self) -> Played:
        tallies = list(self.tallies.values())
        return Played(
            Span.of(tally.refused for tally in tallies),
            {reason: Span.of(tally.met[reason] for tally in tallies) for reason in Reason},
            min((tally.first for tally in tallies if tally.first), default=None),
        )
