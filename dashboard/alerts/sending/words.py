"""What messages say: as JSON for webhooks, and as a mail. Pure.

The facts are what is so when a message is written: it is sent later, and says the same then.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from dashboard.analytics.clock import said

_BEGINNINGS = {"began": "Alert", "ended": "Over", "test": "Test"}


def facts(
    told: str,
    *,
    organisation: dict[str, str],
    alert: dict[str, Any],
    label: str = "",
    subject: str = "",
    value: float | None = None,
    value_said: str = "",
    worst_said: str = "",
    note: str = "",
    more: int = 0,
    began_at: datetime | None = None,
    ended_at: datetime | None = None,
    zone: ZoneInfo,
    url: str = "",
) -> dict[str, Any]:
    """What one message tells, as JSON. told: "began", "ended" or "test". organisation: id, name; alert: id, name, kind,
    about, condition. value: in the unit of the kind, value_said in words. subject, label: the key or certificate it is
    about, "" for what the alert itself is about; more: how many others are as bad, of which nothing is told. zone:
    of the times in the text; those of members are in UTC."""
    told_of = f" ({label})" if label else ""
    period = ""
    if began_at and ended_at:
        period = f", from {said(began_at, zone, year=True)} to {said(ended_at, zone, year=True)}, {zone.key}"
    elif began_at:
        period = f", since {said(began_at, zone, year=True)}, {zone.key}"
    what = {
        "began": f"{value_said}{period}",
        "ended": f"at worst {worst_said}{period}",
        "test": "this is a test, nothing has happened",
    }[told]
    text = f"{_BEGINNINGS[told]}: {alert['name']}{told_of}: {what}."
    return {
        "event": told,
        "text": " ".join(part for part in (text, note if told == "began" else "") if part),
        "organisation": organisation,
        "alert": alert,
        "subject": {"id": subject, "name": label} if subject else None,
        "value": value,
        "more": more,
        "began_at": began_at.isoformat() if began_at else None,
        "ended_at": ended_at.isoformat() if ended_at else None,
        "url": url,
    }


def subject_of(messages: Sequence[dict[str, Any]]) -> str:
    """The subject of a mail that holds these facts, one line."""
    name = messages[0]["organisation"]["name"]
    if len(messages) == 1:
        one = messages[0]
        return _one_line(f"[{name}] {_BEGINNINGS[one['event']]}: {one['alert']['name']}")
    counted = [
        f"{count} {event}"
        for event in ("began", "ended", "test")
        if (count := sum(each["event"] == event for each in messages))
    ]
    return _one_line(f"[{name}] {len(messages)} alerts: {', '.join(counted)}")


def body_of(messages: Sequence[dict[str, Any]]) -> str:
    """The text of a mail that holds these facts. How many others there are is said once of an alert."""
    parts, last = [], {each["alert"]["id"]: each for each in messages if each["event"] == "began"}
    for each in messages:
        lines = [
            _one_line(each["text"]),
            f"Watched: {_one_line(each['alert']['about'])}, {each['alert']['condition']}.",
        ]
        if each.get("more") and last.get(each["alert"]["id"]) is each:
            lines.append(f"And {each['more']:,} more, which are not named.")
        parts.append("\n".join([*lines, *([each["url"]] if each["url"] else [])]))
    return "\n\n".join(parts) + "\n"


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)
