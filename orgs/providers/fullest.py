"""How full the quotas of keys are, side by side for organisations. Whoever watches quotas declares what reads it."""

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


def of(ids: Sequence[str]) -> Mapping[str, Fullest]:
    """By the ids of those of these organisations that have it watched, as it was last looked at."""
    read = next(iter(declarations.functions("fullest")), None)
    return read(ids) if read else {}
