"""Attributes and elements of XML and HTML. Pure."""

import re

from dashboard.analytics.bodies.redaction.found import MARK
from dashboard.analytics.bodies.redaction.names import NAMING, WORTH
from dashboard.analytics.bodies.redaction.passes import Match, Pass, behind

FARTHEST = 1 << 13  # characters in which the end of an element is looked for

_NAMED = r"(?:name|key|id|field|param)\s{0,9}=\s{0,9}[\"']([^\"'<>]{1,120})[\"']"
_WORTH = r"(?:value|content)\s{0,9}=\s{0,9}"
_QUOTED = r"(?:\"[^\"<>]{0,4000}\"|'[^'<>]{0,4000}')"
_BETWEEN = rf"(?:\s{{1,9}}[\w:.\-]{{1,60}}(?:\s{{0,9}}=\s{{0,9}}{_QUOTED})?){{0,8}}"
_ATTRIBUTE = re.compile(rf"(?<=\s){_NAMED}{_BETWEEN}\s{{1,9}}{_WORTH}", re.IGNORECASE)
_ATTRIBUTE_AFTER = re.compile(rf"(?<=\s){_WORTH}(?={_QUOTED}{_BETWEEN}\s{{1,9}}{_NAMED})", re.IGNORECASE)
_NAMED_ELEMENT = re.compile(
    rf"<((?:[\w.\-]{{1,100}}:)?[\w.\-]{{1,100}})(?![^<>]{{0,2000}}\s{_WORTH})"
    rf"{_BETWEEN}\s{{1,9}}{_NAMED}{_BETWEEN}\s{{0,9}}>",
    re.IGNORECASE,
)
_ELEMENT = re.compile(r"<((?:[\w.\-]{1,100}:)?[\w.\-]{1,100})(?:\s[^<>]*)?(?<!/)>")
# An element with a name, and beside it the one with its value, as settings of Java and lists of properties have them.
_NAMED_BESIDE = re.compile(
    rf"<(?:[\w.\-]{{1,100}}:)?(?:{'|'.join(NAMING)})>\s{{0,99}}([^<>]{{1,120}})</[\w.:\-]{{1,200}}>\s{{0,99}}"
    rf"<((?:[\w.\-]{{1,100}}:)?(?:{'|'.join((*WORTH, 'string'))}))(?:\s[^<>]{{0,2000}})?>",
    re.IGNORECASE,
)


def _element_value(text: str, match: Match) -> tuple[int, str | None]:
    return _end_of_element(text, match.end(), match[1]), MARK


def _value_beside(text: str, match: Match) -> tuple[int, str | None]:
    return _end_of_element(text, match.end(), match[2]), MARK


def _end_of_element(text: str, at: int, name: str) -> int:
    """Up to the end of the element, or of the first one in it if that is far."""
    end = text.find(f"</{name}", at, at + FARTHEST)
    end = end if end >= 0 else text.find("</", at)
    return end if end >= 0 else len(text)


def _attribute_value(text: str, match: Match) -> tuple[int, str | None]:
    at = match.end()
    mark = text[at : at + 1]
    return (behind(text, mark, at + 1), f"{mark}{MARK}{mark}") if mark in ('"', "'") else (at, None)


PASSES = (
    Pass("<", _ATTRIBUTE, lambda names, match: names.parameter(match[1]), _attribute_value),
    Pass("<", _ATTRIBUTE_AFTER, lambda names, match: names.parameter(match[1]), _attribute_value),
    Pass("<", _NAMED_ELEMENT, lambda names, match: names.parameter(match[2]), _element_value),
    Pass("<", _NAMED_BESIDE, lambda names, match: names.parameter(match[1].strip()), _value_beside),
    Pass("<", _ELEMENT, lambda names, match: names.member(match[1].rpartition(":")[2]), _element_value),
)
