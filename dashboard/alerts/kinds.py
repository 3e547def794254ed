"""What an alert can watch: its numbers and its words. Pure."""

from dataclasses import dataclass

MOST_WINDOW = 1_440  # minutes
MOST_QUIET = 10_080  # minutes


@dataclass(frozen=True)
class Kind:
    """tells: when it begins. permission: what its figures are seen with. unit: of its threshold, "" where it has none.
    lowest, highest, proposed: of its threshold. of_traffic: it looks at the requests of the last minutes, of one API if
    wanted. of_share: a few requests say nothing to it. falling: the less, the worse. every: minutes between two looks.
    """

    name: str
    label: str
    tells: str
    permission: str
    unit: str = ""
    lowest: float = 0
    highest: float = 0
    proposed: float | None = None
    of_traffic: bool = False
    of_share: bool = False
    falling: bool = False
    every: int = 1


_KINDS = (
    Kind(
        "errors",
        "Share of 5xx",
        "Too much of the traffic of some minutes is answered with 500 or above, of all APIs or of one.",
        "analytics",
        "%",
        0.01,
        100,
        5,
        of_traffic=True,
        of_share=True,
    ),
    Kind(
        "p95",
        "95th percentile of latency",
        "The slowest twentieth of the requests of some minutes takes too long, of all APIs or of one.",
        "analytics",
        "ms",
        1,
        1e6,
        1_000,
        of_traffic=True,
        of_share=True,
    ),
    Kind("silence", "No requests", "Nothing comes in for some minutes.", "analytics", of_traffic=True),
    Kind("quota", "Quota of a key", "A key has used most of its quota.", "keys", "%", 1, 100, 90, every=5),
    Kind(
        "certificate",
        "End of a certificate",
        "One of the organisation's certificates ends soon.",
        "certs",
        "days",
        1,
        365,
        14,
        falling=True,
        every=10,
    ),
)
KINDS = {kind.name: kind for kind in _KINDS}


def is_reached(kind: Kind, threshold: float, value: float) -> bool:
    """Whether a value is as bad as the threshold, or worse."""
    return value <= threshold if kind.falling else value >= threshold


def worse(kind: Kind, one: float, other: float) -> float:
    return min(one, other) if kind.falling else max(one, other)


def condition(kind: Kind, threshold: float | None, window: int, least: int) -> str:
    """What begins an alert: "5 % or more of the requests of 10 minutes, if they are at least 20"."""
    if kind.name == "silence":
        return f"no request for {_minutes(window)}"
    limit = number(threshold or 0)
    if kind.name == "quota":
        return f"{limit} % or more of a quota used"
    if kind.name == "certificate":
        return f"{_days(threshold or 0)} or fewer until a certificate ends"
    what = (
        f"{limit} % or more with 5xx" if kind.name == "errors" else f"95th percentile of {limit} ms or more"
    )
    return f"{what} in {_minutes(window)}, of {least:,} requests or more"


def said(kind: Kind, value: float) -> str:
    """A value in words."""
    if kind.name == "silence":
        return f"no request for {_minutes(int(value))}"
    if kind.name == "certificate":
        return f"{_days(value)} left" if value > 0 else "ended"
    words = {"errors": "% with 5xx", "p95": "ms", "quota": "% used"}[kind.name]
    return f"{number(value)} {words}"


def number(value: float) -> str:
    """With at most two decimals, and thousands apart.

    >>> number(1200.0), number(0.254)
    ('1,200', '0.25')
    """
    return f"{value:,.2f}".rstrip("0").rstrip(".")


def _days(value: float) -> str:
    return "1 day" if value == 1 else f"{number(value)} days"


def _minutes(count: int) -> str:
    hours, minutes = divmod(count, 60)
    if not hours:
        return "1 minute" if minutes == 1 else f"{minutes} minutes"
    said = "1 hour" if hours == 1 else f"{hours:,} hours"
    return f"{said} {minutes} min" if minutes else said
