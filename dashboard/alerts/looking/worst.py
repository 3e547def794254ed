"""Which of many bad things are named: each begins an alert of its own, so not all are. Pure."""

from collections.abc import Collection, Sequence

MOST_NAMED = 200  # things of one alert that begin at once


def named(worst_first: Sequence[str], begun: Collection[str]) -> tuple[list[str], int]:
    """Those that are named, and how many more there are. begun: those of which an alert goes on, which is not over
    because others are worse."""
    before = [id for id in worst_first if id in begun]
    others = [id for id in worst_first if id not in begun][: max(0, MOST_NAMED - len(before))]
    shown = before + others
    return shown, len(worst_first) - len(shown)
