"""What alerts have found, side by side for organisations. Whoever watches for them declares what reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orgs import declarations


@dataclass(frozen=True)
class Fullest:
    """Of one organisation that has its quotas watched: how much of the fullest is used, in per cent, None as long as
    nothing is known; how many keys are at or over the share that is watched for; and the worst of these, "" of none."""

    per_cent: float | None
    keys: int = 0
    worst: str = ""


@dataclass(frozen=True)
class GoingOn:
    """Of one organisation: how many alerts go on, but for those about quotas, and whether nobody has said of one of
    them that he looks into it."""

    alerts: int = 0
    unseen: bool = False


def fullest(ids: Sequence[str]) -> Mapping[str, Fullest]:
    """By the ids of those of these organisations that have it watched, as it was last looked at."""
    read = declarations.function("fullest")
    return read(ids) if read else {}


def going_on(ids: Sequence[str]) -> Mapping[str, GoingOn]:
    """By the ids of those of these organisations where any goes on."""
    read = declarations.function("going_on")
    return read(ids) if read else {}
