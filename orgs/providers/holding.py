"""What a key was and what gateways made of it at a time, in plain values (orgs.providers.holders). Pure."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class About:
    """A moment, and from when until when it may have been in truth (aware)."""

    at: datetime
    since: datetime
    until: datetime


@dataclass(frozen=True)
class PolicyThen:
    """A policy of a key in the revision that was in force. is_there: whether it still is, under its id."""

    id: str
    name: str
    revision: int
    denies: bool = False
    is_there: bool = True


@dataclass(frozen=True)
class Allowed:
    """What gateways of a generation ("3.0", "5") made of the key on one API.

    refusal: why they took it for unknown, "" if they did not. inactive: whether it or one of its policies was. paths:
    (pattern, methods) that alone were open, none for all. rate in `per` seconds and quota in `renewal` seconds, 0 or
    less for none. together: the APIs whose requests were counted against the same limits, none for all of them.
    rate_untold, quota_untold: why the limit cannot be told, as a sentence; "" where it can.
    """

    generation: str
    refusal: str = ""
    inactive: bool = False
    opens: bool = False
    versions: tuple[str, ...] = ()
    paths: tuple[tuple[str, tuple[str, ...]], ...] = ()
    rate: float = 0
    per: float = 0
    quota: int = 0
    renewal: int = 0
    together: tuple[str, ...] = ()
    rate_untold: str = ""
    quota_untold: str = ""


@dataclass(frozen=True)
class Holder:
    """A key as it was at a moment. hashes: of all its tokens. unkept: what is not known of then, as a sentence."""

    id: str
    name: str
    hashes: tuple[str, ...]
    suspended: bool = False
    revoked: bool = False
    expires_at: datetime | None = None
    policies: tuple[PolicyThen, ...] = ()
    allowed: tuple[Allowed, ...] = ()
    unkept: str = ""


@dataclass(frozen=True)
class Then:
    """holders: what the key may have been, the likeliest first; none for one that is not the organisation's. limited:
    whether the organisation's requests were limited together."""

    holders: tuple[Holder, ...] = ()
    limited: bool = False
