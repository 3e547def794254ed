"""Parts of a form that is sent as multipart/form-data. Pure."""

import re

from dashboard.analytics.bodies.redaction.found import MARK
from dashboard.analytics.bodies.redaction.passes import Match, Pass

_PART = re.compile(
    r"^content-disposition:[^\r\n]{0,200}?\bname\*?=\"?(?:utf-8'[^']{0,20}')?([^\"\r\n;]{1,200})[^\r\n]{0,500}"
    r"(?:\r?\n[^\r\n]{1,500}){0,10}\r?\n\r?\n",
    re.IGNORECASE | re.MULTILINE,
)


def _part_value(text: str, match: Match) -> tuple[int, str | None]:
    end = text.find("\n--", match.end())
    if end < 0:
        return len(text), MARK
    return (end - 1 if text[end - 1] == "\r" else end), MARK


PASSES = (Pass("=", _PART, lambda names, match: names.parameter(match[1]), _part_value),)
