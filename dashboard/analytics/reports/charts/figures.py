"""Numbers as people read them: shares, changes against the period before, short and exact forms.

Pure: no Django. A missing number is None and is written as a dash, never as zero.
"""

from dataclasses import dataclass

NONE = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
THOUSANDS = ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k"))


@dataclass(frozen=True)
class Change:
    """`text` like "+8.4 %"; `mood` "good", "bad" or "" (neither); `sentence` the same in words."""

    text: str
    mood: str
    sentence: str


def share(part: int, whole: int) -> float | None:
    """part / whole in per cent; None of nothing."""
    return 100 * part / whole if whole else None


def exact(value: int | None) -> str:
    """402123 -> "402,123"."""
    return NONE if value is None else f"{value:,}"


def counted(number: int, what: str) -> str:
    """1, "request" -> "1 request"; 2000 -> "2,000 requests"."""
    return f"{exact(number)} {what}" if number == 1 else f"{exact(number)} {what}s"


def short(value: float | None) -> str:
    """Three significant figures: 402123 -> "402k", 1284 -> "1,284", 12345 -> "12.3k"."""
    if value is None:
        return NONE
    if abs(value) < 10_000:
        # From a thousand on, three figures would be written with an exponent.
        return f"{value:,.0f}" if value == int(value) or abs(value) >= 999.5 else f"{value:,.3g}"
    for index, (size, letter) in enumerate(THOUSANDS):
        scaled = value / size
        if abs(scaled) >= 0.9995 or index == len(THOUSANDS) - 1:
            return f"{_three(scaled)}{letter}"
    raise AssertionError("unreachable: the last size takes every value")


def per_cent(value: float | None) -> str:
    """1.7654 -> "1.77 %". What is not zero never reads as zero, nor what is not all as 100 %."""
    if value is None:
        return NONE
    if 0 < value < 0.01:
        return "< 0.01 %"
    if 99.9 < value < 100:
        return "> 99.9 %"
    return f"{_three(value)} %"


def milliseconds(value: float | None) -> str:
    """95 -> "95 ms", 1500 -> "1.5 s", 90000 -> "90 s"."""
    if value is None:
        return NONE
    if value < 999.5:
        return f"{value:.0f} ms" if value >= 10 or value == int(value) else f"{value:.1f} ms"
    return f"{_three(value / 1000)} s"


def change_in_per_cent(now: float | None, before: float | None, *, more_is: str = "") -> Change | None:
    """How far a count or a latency has moved. None when there is nothing to compare with."""
    if now is None or before is None or not before:
        return None
    difference = 100 * (now - before) / before
    return _change(difference, f"{_three(abs(difference))} %", more_is)


def change_in_points(now: float | None, before: float | None, *, more_is: str = "") -> Change | None:
    """How far a share has moved, in percentage points."""
    if now is None or before is None:
        return None
    difference = now - before
    return _change(difference, f"{_three(abs(difference))} points", more_is)


def change_in_number(now: int | None, before: int | None, *, more_is: str = "") -> Change | None:
    if now is None or before is None:
        return None
    return _change(now - before, exact(abs(now - before)), more_is)


def _change(difference: float, size: str, more_is: str) -> Change:
    if size.split(maxsplit=1)[0] == "0":
        return Change("unchanged", "", "unchanged")
    up = difference > 0
    mood = more_is if up else {"good": "bad", "bad": "good"}.get(more_is, "")
    return Change(f"{'+' if up else MINUS}{size}", mood, f"{size} {'more' if up else 'less'}")


def _three(value: float) -> str:
    """Three significant figures without an exponent and without trailing zeros: 0.004 -> "0"."""
    size = abs(value)
    decimals = 2 if size < 9.995 else 1 if size < 99.95 else 0
    text = f"{value:,.{decimals}f}"
    return (text.rstrip("0").rstrip(".") if decimals else text) or "0"
