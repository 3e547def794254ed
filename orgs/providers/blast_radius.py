"""Whom it meets if an API, a key, a policy, an OAuth client or an endpoint is ended or changed, as far as traffic
tells, for pages that ask before. Whoever counts traffic declares what reads it."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from orgs import declarations
from orgs.http.rest import json_response, stamp
from orgs.models import Organisation, User

DAYS = 30
MOST_KEYS = 10_000  # tokens


@dataclass(frozen=True)
class Called:
    """What is asked about: an API by its own id, or several `apis`; an endpoint of one, as figures name it; a key by
    the hashes of its tokens, or `several` keys; or an OAuth client of an API, by both their IDs."""

    api_id: str = ""
    endpoint: str = ""
    hashes: tuple[str, ...] = ()
    several: bool = False
    client_id: str = ""
    apis: tuple[str, ...] = ()


@dataclass(frozen=True)
class Counted:
    """period: such as "24 hours"; share: of all requests of the organisation in it, in words."""

    period: str
    requests: int
    share: str


@dataclass(frozen=True)
class Line:
    """name: as people call it; id: of the API, or the hash of the key's token; api: the name of an endpoint's API;
    last: when it was called last, "" where that is not told."""

    name: str
    id: str
    requests: int
    api: str = ""
    last: str = ""


@dataclass(frozen=True)
class Ranked:
    """Who called, or what was called, in the last DAYS days: the busiest first. what: "keys", "apis" or "endpoints";
    more: how many lines are left out; counted: in the newest so many requests alone, 0 for all; of_keys: in those of so
    many keys alone, the busiest, 0 for all."""

    what: str
    lines: tuple[Line, ...]
    more: int = 0
    counted: int = 0
    of_keys: int = 0


@dataclass(frozen=True)
class BlastRadius:
    """periods: the last 24 hours, 7 days and DAYS days up to `until` (aware); none where nothing can be said, which is
    not that nobody called. last: when the last request was; zone: of all times and days. callers: how many different
    keys. keyless: requests without a key, None where that is not asked. least: whether the figures are of the newest
    requests only, and there may be more. complete: until when traffic is known, where that is not just now."""

    periods: tuple[Counted, ...] = ()
    until: datetime | None = None
    zone: str = ""
    last: str = ""
    callers: int = 0
    keyless: int | None = None
    tables: tuple[Ranked, ...] = ()
    least: bool = False
    complete: str = ""

    @property
    def known(self) -> bool:
        return bool(self.periods)

    @property
    def requests(self) -> int:
        """In the longest period."""
        return self.periods[-1].requests

    @property
    def figures(self) -> dict[str, Any]:
        """The same for machines."""
        until = stamp(self.until) if self.until else None
        return {"known": self.known} | asdict(self) | {"until": until}


UNKNOWN = BlastRadius()


def told(user: User) -> bool:
    """Whether a person is told of traffic."""
    return user.may("analytics")


def of(org: Organisation, user: User, called: Called) -> BlastRadius | None:
    """As of now. None for somebody who may not see traffic, and where nobody counts it."""
    read = declarations.function("blast_radius")
    if read is None or not told(user):
        return None
    return UNKNOWN if len(called.hashes) > MOST_KEYS else read(org, called, timezone.now())


def answer(request: HttpRequest, org_id: str, called: Called) -> HttpResponse:
    """The figures of a thing of an organisation, for a route that asks for the right to see traffic."""
    org = request.org or Organisation.everyone.get(id=org_id)
    found = of(org, request.user, called) or UNKNOWN
    return json_response(found.figures)
