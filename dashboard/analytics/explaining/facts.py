"""What is judged, and what comes of it: a request as its record tells it, what may have been in force, and steps. Pure.

What was in force is a few worlds, not one: records do not say of which version a gateway is, nor whether it had heard
of a change that was just made. What holds in all of them is known, the rest is not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from dashboard.analytics.dimensions import NOT_VERSIONED
from orgs.providers.holding import Allowed, Holder


class Verdict(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "cannot be known"
    NOT_REACHED = "not reached"
    NOT_IT = "not the reason"


class Opinion(NamedTuple):
    """Whether a gateway would have refused the request here, None if that cannot be known; and why, as a sentence."""

    refuses: bool | None
    words: str


class Window(NamedTuple):
    """Requests in the `seconds` before the request that count against a limit. of_key: of the key's tokens, or else of
    the API. apis: among them, none for all."""

    of_key: bool
    apis: tuple[str, ...]
    seconds: float
    most: int


@dataclass(frozen=True)
class Request:
    """What a record tells. keyed: whether it names a key. latency, upstream: in ms."""

    ts: datetime
    status: int
    api_id: str
    version: str
    method: str
    path: str
    address: str
    keyed: bool
    latency: int
    upstream: int
    of_client: bool = False

    @classmethod
    def of(cls, record: Any) -> "Request":
        """record: a dashboard.analytics.models.Record."""
        return cls(
            ts=record.ts,
            status=record.status,
            api_id=record.api_id,
            version=record.version,
            method=record.method,
            path=record.path,
            address=record.ip or "",
            keyed=bool(record.key),
            latency=record.latency,
            upstream=record.upstream_latency,
            of_client=bool(record.oauth),
        )

    @property
    def named(self) -> str:
        """The version that it named; "" for none."""
        return "" if self.version == NOT_VERSIONED else self.version


@dataclass(frozen=True)
class World:
    """What may have been in force. definition: in the classic form; document: whether an OpenAPI document beside it
    checks or answers requests. generation: of the gateway, "3.0" or "5". holder: None for a key that is not the
    organisation's, or none. limited: whether the organisation's requests were limited together. counted: how many
    requests each window held, None where they could not be counted in time. served: which revision it is, as a
    sentence."""

    definition: Mapping[str, Any]
    generation: str
    holder: Holder | None
    limited: bool
    counted: Mapping[Window, int | None]
    document: bool = False
    served: str = ""

    @property
    def allowed(self) -> Allowed | None:
        found = self.holder.allowed if self.holder else ()
        return next((each for each in found if each.generation == self.generation), None)


@dataclass(frozen=True)
class Step:
    """One check. about: whose pages say more and change it: "api", "key", or "" for none."""

    name: str
    verdict: Verdict
    words: str
    about: str = ""


@dataclass(frozen=True)
class Judgement:
    """The steps in the order of a gateway, and what they come to, as a sentence."""

    steps: tuple[Step, ...]
    conclusion: str
