"""The limits of a key, or of one API of it, each with who set it; and how a gateway raises them to what a
policy offers. Pure: a level is changed in place by what is named `copy`, `raise_to` and `speed_up` alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from keys.policies.effect.merging import exceeds, interval

Generation = Literal["3.0", "5"]

RATE = ("rate", "per", "smoothing")
THROTTLE = ("throttle_interval", "throttle_retry_limit")
DEPTH = ("max_query_depth",)
QUOTA = ("quota_max", "quota_renewal_rate")
OF_POLICY = (*RATE, *THROTTLE, *DEPTH, *QUOTA)
LIMITS = (*OF_POLICY, "quota_renews", "quota_remaining")

_UNLIMITED_AT_MINUS_ONE = frozenset({"rate", "quota_max", "max_query_depth"})


@dataclass(frozen=True)
class Setting:
    """The value of a limit, and by which name the key calls the policy that set it; None is the key itself."""

    value: Any
    policy: str | None


# Limits by name; one that is not there is zero, and nobody set it.
Level = dict[str, Setting]


def level(
    holder: Mapping[str, Any] | None, names: Iterable[str], policy: str | None, generation: Generation
) -> Level:
    """The limits `names` that `holder` has (a session, a policy, or `limit` of a right), as set by `policy`."""
    return {
        name: Setting(value, policy)
        for name in names
        if (value := (holder or {}).get(name)) and (generation == "5" or name != "smoothing")
    }


def values(limits: Level) -> dict[str, Any]:
    return {name: setting.value for name, setting in limits.items()}


def value(limits: Level, name: str) -> Any:
    return limits[name].value if name in limits else 0


def is_empty(limits: Level) -> bool:
    """Whether a gateway finds no limit here; smoothing does not count."""
    return limits.keys() <= {"smoothing"}


def copy(names: Iterable[str], source: Level, target: Level) -> None:
    """Makes the limits `names` of `target` those of `source`, also those that are not there."""
    for name in names:
        target.pop(name, None)
        if name in source:
            target[name] = source[name]


def raise_to(name: str, offered: Level, limits: Level, key: Level, *, always: bool = False) -> None:
    """Takes a limit that allows more than an API has, and for the key too if it allows more there (or always)."""
    if _is_more(name, offered, limits):
        copy((name,), offered, limits)
        if always or _is_more(name, offered, key):
            copy((name,), offered, key)


def _is_more(name: str, offered: Level, limits: Level) -> bool:
    ours, theirs = value(offered, name), value(limits, name)
    return exceeds(ours, theirs) if name in _UNLIMITED_AT_MINUS_ONE else bool(ours > theirs)


def speed_up(offered: Level, limits: Level) -> None:
    """Takes rate, period and smoothing together, where they let requests follow one another sooner."""
    if _has_rate(offered) and (not _has_rate(limits) or interval(values(limits)) > interval(values(offered))):
        copy(RATE, offered, limits)


def _has_rate(limits: Level) -> bool:
    return "rate" in limits and "per" in limits


def raise_api(limits: Level, before: Level) -> bool:
    """Raises the limits of an API to what policies before allowed; whether rate or quota were theirs."""
    better = interval(values(limits)) > interval(values(before))
    if better:
        copy(RATE, before, limits)
    ours, theirs = value(limits, "quota_max"), value(before, "quota_max")
    if ours != theirs and exceeds(theirs, ours):
        copy(("quota_max",), before, limits)
        better = True
    if exceeds(value(before, "quota_renewal_rate"), value(limits, "quota_renewal_rate")):
        copy(("quota_renewal_rate",), before, limits)
    if value(limits, "quota_max") == -1:
        copy(("quota_renewal_rate",), {}, limits)
    return better
