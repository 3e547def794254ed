"""What may have been in force when a request came, and how much of its limits was used."""

# ruff: noqa: S608 - only names written in this module are put into SQL, every value is a parameter

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import product

from django.db import DatabaseError, connection

from apis.definitions import kinds
from apis.models import Revision
from dashboard.analytics.explaining.facts import Judgement, Request, Window, World
from dashboard.analytics.explaining.judgement import judge, windows
from dashboard.analytics.models import Record
from orgs.db.patience import at_most
from orgs.models import Organisation
from orgs.providers import holders
from orgs.providers.holding import Holder, Then

# How long gateways may take to hear of a change: until then either state may have been in force.
SETTLING = timedelta(seconds=60)
PATIENCE = "500ms"  # for what was used of a limit
MOST_COUNTED = 100_000  # requests
GENERATIONS = ("3.0", "5")
# Most of these a gateway refused before it counted them. Fewer than were counted prove nothing; more would.
NOT_COUNTED = (401, 403, 429)


@dataclass(frozen=True)
class Explained:
    """What is said of a request. revision: the one in force, None if none is kept; holder: of its key, None for one
    that is not the organisation's, or none."""

    judgement: Judgement | None
    revision: Revision | None
    holder: Holder | None


def explain(org: Organisation, record: Record) -> Explained:
    request = Request.of(record)
    revisions = _revisions(org, record)
    if not revisions:
        return Explained(None, None, None)
    then = _then(org, record, revisions[0])
    worlds = _worlds(revisions, then, record)
    counted = _counted(org, record, then, windows(request, worlds))
    judgement = judge(request, [replace(world, counted=counted) for world in worlds])
    return Explained(judgement, revisions[0], then.holders[0] if then.holders else None)


def _revisions(org: Organisation, record: Record) -> list[Revision]:
    """The newest from before the request, and the one before that if gateways may still have run it."""
    before = Revision.objects.filter(org_id=org.id, api_id=record.api_id, created_at__lte=record.ts)
    found = list(before.order_by("-created_at", "-number")[:2])
    return found[:1] if found and found[0].created_at < record.ts - SETTLING else found


def _then(org: Organisation, record: Record, revision: Revision) -> Then:
    definition = revision.definition
    called = holders.Called(record.api_id, tuple(kinds.versions(definition)), kinds.auth(definition))
    moments = (record.ts, record.ts - SETTLING)
    return holders.of(org, record.key, called, moments) or Then()


def _worlds(revisions: list[Revision], then: Then, record: Record) -> list[World]:
    served = _served(revisions, record)
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


def _served(revisions: list[Revision], record: Record) -> str:
    newest, *older = revisions
    if not kinds.is_active(newest.definition):
        return f"Revision {newest.number} was in force, by which the API is inactive: the gateway was behind."
    if not older:
        return f"Revision {newest.number} was in force."
    ago = (record.ts - newest.created_at).total_seconds()
    return (
        f"Revision {newest.number} was in force, published {ago:,.0f} s before: the gateway may still have run "
        f"revision {older[0].number}."
    )


def _counted(
    org: Organisation, record: Record, then: Then, wanted: Iterable[Window]
) -> Mapping[Window, int | None]:
    hashes = sorted({hash for holder in then.holders for hash in holder.hashes} or {record.key})
    return {window: _count(org, record.ts, hashes, window) for window in wanted}


def _count(org: Organisation, until: datetime, hashes: list[str], window: Window) -> int | None:
    """The requests of a window that were let through, counted up to one more than its limit; None if there are more
    than can be counted, or not in time."""
    most = min(window.most, MOST_COUNTED) + 1
    try:
        since = until - timedelta(seconds=window.seconds)
    except OverflowError:
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
    statement = f"""SELECT count(*) FROM (SELECT FROM record WHERE org_id = %s AND ts > %s AND ts < %s
        {of_key} {of_apis} AND NOT status = ANY(%s) LIMIT %s) AS r"""
    try:
        with at_most(PATIENCE), connection.cursor() as cursor:
            cursor.execute(statement, [*params, list(NOT_COUNTED), most])
            found = cursor.fetchone()[0]
    except DatabaseError:
        return None
    return None if found > MOST_COUNTED else found
