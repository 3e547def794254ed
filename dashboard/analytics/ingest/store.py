"""Lines into the database: records, rollups and the registry of endpoints, all or nothing.

`COPY` is refused on tables under row-level security, so lines are copied into a temporary table shaped like
`record` and inserted from there. Runs in the caller's transaction, with every organisation entered.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import psycopg
from django.db import DatabaseError, connection, transaction

from dashboard.analytics import distribution
from dashboard.analytics.clock import DAY, EPOCH
from dashboard.analytics.dimensions import RECORDS, oldest
from dashboard.analytics.ingest import caps, cuts, partitions, rollup
from dashboard.analytics.ingest.entries.clean import Line, Row, microseconds
from dashboard.analytics.models import DeadLetter

LINES = 5_000  # a write
FEW = 1_000  # lines, for which every plan is good enough
MICROSECONDS_A_DAY = DAY // timedelta(microseconds=1)
NO_PARTITION = "23514"  # these tables have no check constraint of their own that could fail with it


class TooManyBad(Exception):
    """More lines are refused than an accident explains; nothing may be given up."""


def refuse(lines: Sequence[Line], now: datetime) -> dict[int, str]:
    """Why lines cannot be stored, by id: their organisation is unknown, or they are too old to be kept."""
    with connection.cursor() as cursor:
        # Shared with other workers; only the deletion of an organisation waits for this transaction's end.
        cursor.execute(
            "SELECT id FROM orgs_organisation WHERE id = ANY(%s) FOR KEY SHARE",
            [list({line.org_id for line in lines})],
        )
        known = {org_id for (org_id,) in cursor.fetchall()}
    first = microseconds(oldest(RECORDS, now))
    reasons = {line.id: DeadLetter.Reason.TOO_OLD for line in lines if line.at < first}
    return reasons | {line.id: DeadLetter.Reason.UNKNOWN_ORG for line in lines if line.org_id not in known}


def store(lines: Sequence[Line], now: datetime, most_bad: int) -> dict[int, str]:
    """Store the lines; the result is PostgreSQL's error code, by id, of those it refuses for their content.

    Raises TooManyBad if they would be more than `most_bad`, and every error that is not the content's fault:
    then the transaction has to be rolled back and the same lines tried again later.
    """
    if not lines:
        return {}
    partitions.ensure(
        {EPOCH.date() + day * DAY for day in {line.at // MICROSECONDS_A_DAY for line in lines}}, now
    )
    cuts.prepare({line.org_id for line in lines}, now)
    with connection.cursor() as cursor:
        # Once a connection: to make and drop it takes a small batch longer than all else.
        cursor.execute("CREATE TEMP TABLE IF NOT EXISTS incoming (LIKE record) ON COMMIT DELETE ROWS")
    refused: dict[int, str] = {}
    waiting = [lines]
    while waiting:
        part = waiting.pop()
        try:
            with transaction.atomic():
                _store(part, now, halved=part is not lines)
        except (DatabaseError, psycopg.Error) as error:
            code = sqlstate(error)
            if code[:2] not in ("22", "23") or code == NO_PARTITION:
                raise
            if len(part) > 1:
                middle = len(part) // 2
                waiting += [part[middle:], part[:middle]]
                continue
            refused[part[0].id] = code
            if len(refused) > most_bad:
                raise TooManyBad(
                    f"PostgreSQL refuses more than {most_bad} records, the last with {code}"
                ) from None
    return refused


def sqlstate(error: Exception) -> str:
    """PostgreSQL's five-character error code; "" if the error is not PostgreSQL's."""
    found = error if isinstance(error, psycopg.Error) else error.__cause__
    return getattr(found, "sqlstate", None) or ""


def _store(lines: Sequence[Line], now: datetime, *, halved: bool) -> None:
    """halved: more lines follow in the same transaction."""
    # cursor.copy() passes by the wrapper that sends the scope.
    connection.send_scope()
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY pg_temp.incoming ({', '.join(Row._fields)}) FROM STDIN") as copy:
            for start in range(0, len(lines), LINES):
                copy.write("".join([line.text for line in lines[start : start + LINES]]))
        if len(lines) > FEW:
            # A small sample tells the planner enough; a full one takes as long as the COPY.
            cursor.execute("SET LOCAL default_statistics_target = 10")
            cursor.execute("ANALYZE pg_temp.incoming (org_id, api_id, status, endpoint, key, ts)")
        caps.endpoints()
        rare = rollup.rare_in("pg_temp.incoming")
        caps.values(rare)
        cursor.execute("INSERT INTO record SELECT * FROM pg_temp.incoming")
        distributed = distribution.is_distributed()
        if halved or distributed:
            # Rows that several statements or several workers write have no order that two would have in common.
            rollup.lock()
        rollup.add("pg_temp.incoming", now, rare=rare, few=len(lines) <= FEW and not distributed)
        if halved:
            cursor.execute("TRUNCATE pg_temp.incoming")
