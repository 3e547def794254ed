"""Two ways of doing the same, taken in turns, so that a busy moment of the machine meets both."""

import os
import platform
from collections.abc import Callable
from statistics import median

from django.db import connection


def machine() -> dict[str, object]:
    """Where the figures come from."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        [version] = cursor.fetchone()
        cursor.execute("SHOW fsync")
        [synced] = cursor.fetchone()
    return {
        "processors": os.cpu_count(),
        "processor": _processor(),
        "python": platform.python_version(),
        "postgresql": version,
        "synced_to_disk": synced == "on",
    }


def in_turns(
    anchor: Callable[[], float], ours: Callable[[], float], runs: int
) -> tuple[list[float], list[float]]:
    """The results of `runs` calls of each, one after the other."""
    pairs = [(anchor(), ours()) for _ in range(runs)]
    return [first for first, _ in pairs], [second for _, second in pairs]


def spread(values: list[float]) -> float:
    """The width of the results as a share of their median."""
    return round((max(values) - min(values)) / median(values), 2)


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next(
                (line.partition(": ")[2].strip() for line in lines if line.startswith("model name")), ""
            )
    except OSError:
        return platform.processor()
