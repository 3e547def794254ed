"""Where a definition sends requests: what may be put together while they pass, and what may not. Pure.

A gateway takes `tyk://<name>` for an API of its own and looks for it by id or by name among those of every
organisation, internal ones too. So scheme and host are literal everywhere, and an internal target is served as
the id of an API of the same organisation, which nobody can choose or guess (apis.definitions.rules.guard).
"""

import re
from urllib.parse import parse_qsl, urlsplit

SCHEMES = ("http", "https", "h2c", "ws", "wss", "tcp", "tls")
SELF = "self"
LOOP_LIMIT = "loop_limit"  # in an internal target's query: how often a request may come back; 5 without it
NOWHERE = "0" * 24  # in the place of an API that is not there; no API can have this id or name

_SCHEME = re.compile(r"[\s\x00-\x20]*([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_INTERNAL = re.compile(r"tyk://([A-Za-z0-9_][A-Za-z0-9._~=@+:-]*)((?:[/?#].*)?)", re.DOTALL)
_AUTHORITY = re.compile(r"[a-z0-9+.-]+://[^/?#\\$]+(?=[/?#]|\Z)", re.IGNORECASE)
_VARIABLE = re.compile(r"\$(?:[0-9]+|tyk_(?:context|meta)\.)")
_CAPTURES = re.compile(r"\$[0-9]+(?=\$[0-9]|[secrt_])")
_SECRET = "$secret_"  # noqa: S105 - how a reference to a gateway's secret begins


def internal(text: str) -> tuple[str, str] | None:
    """(API, what follows it) of an internal target such as tyk://orders/path; None for everything else."""
    found = _INTERNAL.fullmatch(text)
    return (found[1], found[2]) if found else None


def is_internal(text: str) -> bool:
    """Whether a gateway would take this for an internal target, in whatever spelling."""
    found = _SCHEME.match(text)
    return found is not None and found[1].lower() == "tyk"


def rewrite_fault(text: str) -> str | None:
    """What is wrong with a `rewrite_to`, whoever writes it, or None: scheme and host must be literal."""
    fixed = _VARIABLE.split(text, maxsplit=1)[0]
    if is_internal(text):
        return _internal_fault(text)
    if _SCHEME.match(fixed) or fixed.startswith(("//", "\\")):
        authority = _AUTHORITY.match(text)
        return target_fault(authority[0]) if authority else "must name its host in full, without variables"
    if fixed != text and not re.match(r"[^\s:/?#]*[/?#]", fixed):
        return "must begin with a fixed scheme and host or a fixed path, not with a variable"
    return None


def _internal_fault(text: str) -> str | None:
    found = internal(text)
    if not found:
        return 'must be tyk:// and the ID of an own API or "self", then a path'
    limits = [limit for name, limit in parse_qsl(found[1].partition("?")[2], True) if name == LOOP_LIMIT]
    if not all(re.fullmatch("[0-9]{1,2}", limit) for limit in limits):
        return "must have a loop_limit of two digits at most: a request that loops holds a processor"
    return None


def puts_secrets_together(text: str) -> str | None:
    """What would let a caller complete a reference to a gateway's secret in a `rewrite_to`, or None.

    A gateway looks for references after it put the captures in. Captures that hold a whole reference are kept
    off by apis.definitions.rules.guard; here none may become one with what stands beside it.
    """
    if "$0" in text:
        return "must not use $0: put the pattern in brackets and use $1"
    if _CAPTURES.search(text):
        return "must have a character such as / between a capture and what follows it"
    if is_internal(text) and "$tyk_" in text:
        return "must not have $tyk_ variables in an internal target: a caller could have it loop without end"
    if any(ends_in_reference(piece) for piece in _VARIABLE.split(text)[:-1]):
        return "must not have a variable behind $"
    return None


def ends_in_reference(text: str) -> str:
    """The beginning of a reference to a secret that a text ends in: "", "$", "$s" …"""
    return next((_SECRET[:n] for n in range(len(_SECRET), 0, -1) if text.endswith(_SECRET[:n])), "")


def target_fault(target: str) -> str | None:
    """What is wrong with a target URL, or None; a gateway skips an API whose target it cannot parse."""
    if not target:
        return "must not be empty"
    if re.search(r"[\s\x00-\x20\x7f]", target) or re.search(r"%(?![0-9A-Fa-f]{2})", target):
        return "must be a URL without blanks and with whole %-escapes"
    if is_internal(target):
        found = internal(target)
        return None if found and found[0] != SELF else "must be tyk:// and the ID of an own API"
    return _outside_fault(target)


def _outside_fault(target: str) -> str | None:
    try:
        parts = urlsplit(target)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "must be a URL"
    if parts.scheme not in SCHEMES:
        return "must be a URL with http or https"
    if not host or re.search(r'[<>"\\^`{}|$]', parts.netloc) or not parts.netloc.isprintable():
        return "must be a URL with a host"
    return None


def outside_fault(target: str) -> str | None:
    """What is wrong with the address of something that is not an API of this gateway; a scheme may be left out."""
    if is_internal(target):
        return "must not be an internal target"
    return target_fault(target if "://" in target else f"http://{target}")
