"""Messages for gateways: written in the transaction of a change, delivered by the worker at least once.

Whoever delivers claims messages for a while, commits, delivers with nothing locked, and says what became of them. A
claim that nobody ended, because the process did, runs out; then the message is anybody's again.

What is due and whose claim has run out is told by the clock of the database alone: those of the machines that write and
deliver may differ by more than a claim lasts.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import (
    DateTimeField,
    DurationField,
    ExpressionWrapper,
    F,
    FloatField,
    Q,
    QuerySet,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Least, Now, Power
from psycopg.types.json import Jsonb

from apis.gateways import kinds
from apis.models import Outbox
from orgs.ids import NEW_ID_SQL

# Longer than a batch takes when Redis answers; a batch that takes longer may be delivered twice, which does no harm.
LEASE = timedelta(seconds=20)
_SLOWEST = 60  # seconds between two attempts
CHUNK = 200  # things that one message is about


def add(
    kind: str, subject: str, payload: object = None, *, org_id: str, due_at: datetime | None = None
) -> Outbox:
    """Leave a message in the current transaction. payload: JSON, never a secret. due_at (aware): when it is to be
    delivered, if not as soon as its kind is. Raises KeyError for a kind that is not registered
    (apis.gateways.kinds)."""
    return Outbox.objects.create(
        kind=kind,
        subject=subject,
        payload=payload,
        org_id=org_id,
        created_at=Now(),
        due_at=due_at or _first_due(kind),
    )


def add_many(kind: str, subjects: Iterable[str], *, org_id: str) -> None:
    """Leave a message about each of many subjects of one organisation."""
    times = {"created_at": Now(), "due_at": _first_due(kind)}
    rows = (Outbox(kind=kind, subject=subject, org_id=org_id, **times) for subject in subjects)
    Outbox.objects.bulk_create(rows, batch_size=1_000)


def add_chunks(kind: str, things: QuerySet, facts: Mapping[str, object], *, org_id: str) -> None:
    """Leave messages about all things of one organisation that a query of (id, JSON) answers, CHUNK to a message, in
    one statement. Such a message's payload holds `facts`, and as "subjects" the JSON of each thing by its id."""
    select, params = things.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO {Outbox._meta.db_table}
                    (id, org_id, kind, subject, payload, created_at, due_at, attempts, last_error)
                SELECT {NEW_ID_SQL}, %s, %s, '', %s || jsonb_build_object('subjects', c.subjects),
                    statement_timestamp(), statement_timestamp() + %s, 0, ''
                FROM (
                    SELECT jsonb_object_agg(n.id, n.fact) AS subjects
                    FROM (SELECT s.*, (row_number() OVER () - 1) / {CHUNK} FROM ({select}) AS s) AS n (id, fact, chunk)
                    GROUP BY n.chunk
                ) AS c""",  # noqa: S608  ours
            [org_id, kind, Jsonb(dict(facts)), _rest(kind), *params],
        )


def _first_due(kind: str) -> Combinable:
    return Now() + _rest(kind)


def _rest(kind: str) -> timedelta:
    return timedelta(seconds=kinds.get(kind).rests)


def claim(limit: int, served: dict[int, str]) -> list[Outbox]:
    """Up to `limit` due messages of the highest urgency there is, claimed until LEASE is over; in no transaction.

    Of kinds.FIRST the oldest, whosever they are. Below that organisations take turns, so that one which has a hundred
    thousand does not keep the others waiting: `served` remembers, by urgency, whose turn was last. Of kinds.LATER one,
    which is about as many things as others are together.
    """
    if not _anything_due():
        return []
    with transaction.atomic():
        for urgency in (kinds.FIRST, kinds.SOON, kinds.LATER, kinds.LAST):
            due = _due(kinds.names(urgency))
            if urgency != kinds.FIRST:
                served[urgency] = _next_in_turn(due, served.get(urgency, ""))
                due = due.filter(org_id=served[urgency])
            number = 1 if urgency == kinds.LATER else limit
            rows = list(due.order_by("due_at", "id").select_for_update(skip_locked=True)[:number])
            if rows:
                _these(rows).update(claimed_until=Now() + LEASE)
                return rows
    return []


def _anything_due() -> bool:
    """`_due(kinds.names()).exists()`, at a tenth of its cost: it is asked five times a second, for ever."""
    names = ", ".join(f"'{name}'" for name in kinds.names())
    now = "statement_timestamp()"
    query = (
        f"SELECT EXISTS (SELECT FROM {Outbox._meta.db_table} WHERE done_at IS NULL AND kind IN ({names})"  # noqa: S608  ours
        f" AND due_at <= {now} AND (claimed_until IS NULL OR claimed_until <= {now}))"
    )
    return connection.ask(query)[0]


def _due(names: Sequence[str]) -> QuerySet:
    free = Q(claimed_until=None) | Q(claimed_until__lte=Now())
    return Outbox.objects.filter(free, done_at=None, kind__in=names, due_at__lte=Now())


def _next_in_turn(due: QuerySet, last: str) -> str:
    """The organisation after `last`, in the order of ids, that has something due; "" if none has."""
    waiting = due.order_by("org_id").values_list("org_id", flat=True)
    return waiting.filter(org_id__gt=last).first() or waiting.first() or ""


def _these(rows: Sequence[Outbox]) -> QuerySet:
    return Outbox.objects.filter(org_id__in={row.org_id for row in rows}, id__in=[row.id for row in rows])


def done(rows: Sequence[Outbox]) -> None:
    """The messages were delivered."""
    _these(rows).update(done_at=Now(), claimed_until=None)


def release(rows: Sequence[Outbox]) -> None:
    """Nobody tried to deliver them: they are due as before."""
    _these(rows).update(claimed_until=None)


def retry(rows: Sequence[Outbox], error: object, slowest: float = _SLOWEST) -> None:
    """They were not delivered: try again after 1, 2, 4 … seconds, `slowest` at most. error: text or exception; only the
    first 500 characters are kept.
    """
    seconds = Least(Power(2, Least(F("attempts"), 10)), slowest, output_field=FloatField())
    wait = ExpressionWrapper(seconds * timedelta(seconds=1), output_field=DurationField())
    _these(rows).update(
        attempts=F("attempts") + 1,
        last_error=str(error)[:500],
        due_at=ExpressionWrapper(Now() + wait, output_field=DateTimeField()),
        claimed_until=None,
    )


def waiting() -> QuerySet:
    """The messages in scope that should have been delivered by now, and are not."""
    return Outbox.objects.filter(Q(due_at__lte=Now()) | Q(attempts__gt=0), done_at=None)


def note_unknown() -> int:
    """Say of the due messages whose kind nobody registered why they stay; the answer is how many. A version that
    registers the kind delivers them."""
    strange = Outbox.objects.filter(done_at=None, due_at__lte=Now()).exclude(kind__in=kinds.names())
    return strange.update(
        attempts=F("attempts") + 1,
        last_error="no app delivers messages of this kind",
        due_at=Now() + timedelta(seconds=_SLOWEST),
    )


def forget(before: datetime) -> int:
    """Delete messages delivered before a time; the answer is how many."""
    return Outbox.objects.filter(done_at__lt=before).delete()[0]
