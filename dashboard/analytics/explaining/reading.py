"""What may have been in force when a request came, and how much of its limits was used."""

# ruff: noqa: S608 - only names written in this module are put into SQL, every value is a parameter

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import product

from django.db import DatabaseError
from django.utils import timezone

from apis.definitions import kinds
from apis.models import Revision
from dashboard.analytics.explaining.facts import Judgement, Request, Window, World
from dashboard.analytics.explaining.judgement import judge, windows
from dashboard.analytics.models import Record
from orgs.db import reading
from orgs.db.patience import at_most
from orgs.models import Organisation
from orgs.providers import holders
from orgs.providers.holding import About, Holder, Then

# How long gateways may take to hear of a change, and how far their clocks may be behind: what changed within may or
# may not have been in force.
SETTLING, BEHIND = timedelta(seconds=60), timedelta(seconds=5)
MOST_REVISIONS = 5  # within
PATIENCE = "500ms"  # for what was used of a limit
MOST_COUNTED = 100_000  # requests
GENERATIONS = ("3.0", "5")
# Most of these a gateway refused before it counted them. Fewer than were counted prove nothing; more would.
NOT_COUNTED = (401, 403, 429)


@dataclass(frozen=True)
class Explained:
    """What is said of a request. judgement: None where nothing can be said, `why_not` in a sentence. revision: the one
    in force; holder: of its key, None for one that is not the organisation's, or none."""

    judgement: Judgement | None = None
    why_not: str = ""
    revision: Revision | None = None
    holder: Holder | None = None


def explain(org: Organisation, record: Record) -> Explained:
    request = Request.of(record)
    revisions = _revisions(org, record)
    if not revisions:
        return Explained(
            why_not="More cannot be known: no revision of this API is kept from before the request."
        )
    if len(revisions) > MOST_REVISIONS + 1:
        return Explained(why_not="More cannot be known: this API was published too often about then.")
    then = _then(org, record, revisions[0])
    worlds = _worlds(revisions, then)
    counted = _counted(org, record, then, windows(request, worlds))
    judgement = judge(request, [replace(world, counted=counted) for world in worlds])
    return Explained(judgement, "", revisions[0], then.holders[0] if then.holders else None)


def _revisions(org: Organisation, record: Record) -> list[Revision]:
    """Those that gateways may have run, the one in force first; more than MOST_REVISIONS and one if there are more."""
    since, until = record.ts - SETTLING, record.ts + BEHIND
    rows = Revision.objects.filter(org_id=org.id, api_id=record.api_id).order_by("-created_at", "-number")
    within = list(rows.filter(created_at__gt=since, created_at__lte=until)[: MOST_REVISIONS + 1])
    found = [*within, *rows.filter(created_at__lte=since)[:1]]
    return sorted(found, key=lambda revision: revision.created_at > record.ts)


def _then(org: Organisation, record: Record, revision: Revision) -> Then:
    definition, at = revision.definition, record.ts
    called = holders.Called(record.api_id, tuple(kinds.versions(definition)), kinds.auth(definition))
    return holders.of(org, record.key, called, About(at, at - SETTLING, at + BEHIND)) or Then()


def _worlds(revisions: list[Revision], then: Then) -> list[World]:
    served = _served(revisions)
    definitions = [
        (kinds.classic_for_gateways(revision.definition, lambda api_id: None, {}), _checks_more(revision))
        for revision in revisions
    ]
    return [
        World(definition, generation, holder, then.limited, {}, document, served)
        for (definition, document), generation, holder in product(
            definitions, GENERATIONS, then.holders or (None,)
        )
    ]


def _checks_more(revision: Revision) -> bool:
    """Whether its document may check or answer requests."""
    return any(f'"{name}"' in revision.definition_text for name in ("validateRequest", "mockResponse"))


def _served(revisions: list[Revision]) -> str:
    in_force, *others = revisions
    inactive = "" if kinds.is_active(in_force.definition) else ", by which the API is inactive"
    if not others:
        return f"Revision {in_force.number} was in force{inactive}."
    numbers = ", ".join(str(number) for number in sorted(revision.number for revision in others))
    return (
        f"Revision {in_force.number} was in force{inactive}. There was a change about then: the gateway may "
        f"have run revision {numbers}."
    )


def _counted(
    org: Organisation, record: Record, then: Then, wanted: Iterable[Window]
) -> Mapping[Window, int | None]:
    hashes = sorted({hash for holder in then.holders for hash in holder.hashes} or {record.key})
    return {window: _count(org, record.ts, hashes, window) for window in wanted}


def _count(org: Organisation, until: datetime, hashes: list[str], window: Window) -> int | None:
    """The requests of a window that were let through, counted up to one more than its limit; None if there are more
    than can be counted, or not in time, or some are not kept any more."""
    most = min(window.most, MOST_COUNTED) + 1
    try:
        since = until - timedelta(seconds=window.seconds)
    except OverflowError:
        return None
    if since < org.retention.since("records", timezone.now()):
        return None
    of_key = "AND key = ANY(%s) AND key <> ''" if window.of_key else ""
    of_apis = "AND api_id = ANY(%s)" if window.apis else ""
    params = [
        org.id,
        since,
        until,
        *([hashes] if window.of_key else []),
        *([list(window.apis)] if window.apis else []),
    ]
    statement = f"""SELECT count(*) FROM (SELECT 1 FROM record WHERE org_id = %s AND ts > %s AND ts < %s
        {of_key} {of_apis} AND NOT status = ANY(%s) LIMIT %s) AS r"""
    try:
        with at_most(PATIENCE, reading.source().alias), reading.connection().cursor() as cursor:
            cursor.execute(statement, [*params, list(NOT_COUNTED), most])
            found = cursor.fetchone()[0]
    except DatabaseError:
        return None
    return None if found > MOST_COUNTED else found
