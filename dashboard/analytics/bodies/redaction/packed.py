"""Parameters and JSON that are percent-encoded, once or more. Pure."""

import re
from urllib.parse import unquote_plus

from dashboard.analytics.bodies.redaction.found import MARK
from dashboard.analytics.bodies.redaction.passes import PLAIN, Match, Pass

# Percent signs are escaped once more in an address that is in an address.
_PERCENT = r"%(?:25){0,3}"
_PACKED_PAIR = re.compile(rf"(?<![\w.\-])([\w.\-]{{1,120}}){_PERCENT}3[dD]")
_PACKED_QUOTE = re.compile(rf"(?:{_PERCENT}5[cC]){{0,8}}{_PERCENT}22")
_PACKED_QUOTE_OR_END = re.compile(rf"({_PACKED_QUOTE.pattern})|[\s&\"'<>]")
_PACKED_MEMBER = re.compile(
    rf"{_PERCENT}22((?:(?!{_PERCENT}22)[^\s&\"'<>]){{1,120}}){_PERCENT}22(?:{_PERCENT}20|\+){{0,9}}"
    rf"(?:{_PERCENT}3[aA]|:)(?:{_PERCENT}20|\+){{0,9}}"
)
_PACKED_SCALAR = re.compile(rf"(?:(?!{_PERCENT}(?:2[cC]|7[dD]))[^\s&,}}\"'<>])*")
_PACKED_REST = re.compile(r"[^\s&\"'<>]*")
_PACKED_VALUE = re.compile(rf"(?:(?!{_PERCENT}26)[^\s&;\"'<>])*")
_PACKED_GROUP = re.compile(rf"{_PERCENT}(?:7[bB]|5[bB])|[{{\[]")
_DIGITS = re.compile(r"^(?:25){0,3}[0-9A-Fa-f]{2}")


def _packed_name(match: Match) -> str:
    """Without the digits of a character before it."""
    packed = match.string[match.start() - 1 : match.start()] == "%"
    return _DIGITS.sub("", match[1]) if packed else match[1]


def _packed_pair_value(text: str, match: Match) -> tuple[int, str | None]:
    value = _PACKED_VALUE.match(text, match.end())
    return (value.end() if value else match.end()), MARK


def _packed_json_value(text: str, match: Match) -> tuple[int, str | None]:
    """A text to the quote that is written as its first one, a list or an object to the end of the parameter."""
    at = match.end()
    if quote_ := _PACKED_QUOTE.match(text, at):
        for other in _PACKED_QUOTE_OR_END.finditer(text, quote_.end()):
            if not other[1]:
                return other.start(), MARK
            if other[1].lower() == quote_[0].lower():
                return other.end(), f"{quote_[0]}{MARK}{quote_[0]}"
        return len(text), MARK
    if _PACKED_GROUP.match(text, at):
        rest = _PACKED_REST.match(text, at)
        return (rest.end() if rest else at), MARK
    scalar = _PACKED_SCALAR.match(text, at)
    end = scalar.end() if scalar else at
    return end, None if text[at:end] in PLAIN else MARK


PASSES = (
    Pass("%", _PACKED_MEMBER, lambda names, match: names.column(unquote_plus(match[1])), _packed_json_value),
    Pass("%", _PACKED_PAIR, lambda names, match: names.parameter(_packed_name(match)), _packed_pair_value),
)
