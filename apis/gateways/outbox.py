"""Messages for gateways: written in the transaction of a change, delivered by the worker at least once.

The worker enters all organisations, begins a transaction, and for each row that it can `take` delivers it and
says `done` or `retry`.
"""

from datetime import datetime, timedelta

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from apis.models import Outbox
from orgs.ids import NEW_ID_SQL

_SLOWEST = 60  # seconds between two attempts


def add(kind: str, subject: str, payload: object = None, *, org_id: str) -> Outbox:
    """Leave a message in the current transaction. kind: of Outbox.KINDS. payload: JSON, never a secret."""
    return Outbox.objects.create(kind=kind, subject=subject, payload=payload, org_id=org_id)


def add_selected(subjects: QuerySet, *, org_id: str) -> None:
    """Leave messages about all keys that a query for ids finds, of one organisation, in one statement. They let all
    others go first: a key that somebody revokes does not wait until the hundred thousand keys of another organisation
    have been delivered again.
    """
    select, params = subjects.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO {Outbox._meta.db_table}
                    (id, org_id, kind, subject, created_at, due_at, attempts, last_error)
                SELECT {NEW_ID_SQL}, %s, %s, s.id, %s, %s, 0, '' FROM ({select}) AS s (id)""",  # noqa: S608  ours
            [org_id, Outbox.LATER, now := timezone.now(), now, *params],
        )


def take(limit: int) -> list[Outbox]:
    """Up to `limit` due messages, oldest first but those of `add_selected` last, locked until the transaction ends;
    others skip them.
    """
    due = Outbox.objects.filter(done_at=None, due_at__lte=timezone.now()).order_by("due_at", "id")
    due = due.select_for_update(skip_locked=True)
    soon = list(due.exclude(kind=Outbox.LATER)[:limit])
    return soon + list(due.filter(kind=Outbox.LATER)[: limit - len(soon)])


def done(row: Outbox) -> None:
    """The message was delivered."""
    row.done_at = timezone.now()
    row.save(update_fields=["done_at"])


def retry(row: Outbox, error: object) -> None:
    """It was not: try again after 1, 2, 4 … 60 s. error: text or exception; only the first 500 characters are
    kept.
    """
    row.attempts += 1
    row.last_error = str(error)[:500]
    row.due_at = timezone.now() + timedelta(seconds=min(2 ** min(row.attempts - 1, 10), _SLOWEST))
    row.save(update_fields=["attempts", "last_error", "due_at"])


def waiting() -> QuerySet:
    """The messages in scope that are not yet delivered."""
    return Outbox.objects.filter(done_at=None)


def forget(before: datetime) -> int:
    """Delete messages delivered before a time; the answer is how many."""
    return Outbox.objects.filter(done_at__lt=before).delete()[0]
