"""How much the things of a list were used in the last 24 hours. Whoever counts traffic declares what reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from orgs import declarations
from orgs.http.tables import Column
from orgs.models import Organisation, User

WHAT = ("api", "key", "organisation")


@dataclass(frozen=True)
class Use:
    """Of one thing, ready to be shown. exact: the requests, for a sentence or a title; failed: the share of 5xx; spark:
    (viewBox, path) of requests over the hours, None for none; last: when it was last called; last_at: the same, aware,
    as exactly as it is known."""

    hits: int
    requests: str
    exact: str
    failed: str
    failing: bool
    spark: tuple[str, str] | None
    last: str
    last_at: datetime | None = None


@dataclass(frozen=True)
class Usage:
    """of: by its id, each thing that was ever called as far as is known. period: which 24 hours, in which zone."""

    of: Mapping[str, Use]
    period: str
    zone: str

    @property
    def column(self) -> Column:
        """The column of a list that says it. The name of a zone may be broken after a slash: the column is narrow."""
        zone = self.zone.replace("/", "/\N{ZERO WIDTH SPACE}")
        return Column(f"Requests, {self.period}, {zone}", "traffic")


def last_day(
    what: str,
    ids: Sequence[str],
    org: Organisation | None,
    user: User,
    now: datetime,
    *,
    former: Mapping[str, str] | None = None,
) -> Usage | None:
    """How much things were called. what: one of WHAT; ids: as records of requests name them (an API's own id, the hash
    of a key's token, the id of an organisation); org: whose they are, None for organisations; former: other names of
    things, whose use is that of the one among `ids`.

    None for a person who may not see traffic, and where nobody counts it.
    """
    if not user.may("analytics"):
        return None
    return next((read(what, ids, org, now, former) for read in declarations.functions("usage")), None)
