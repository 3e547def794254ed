"""Where figures are read: from a replica of the database, if one is given and near enough, else the database itself.

A replica shows what was committed a while ago. How long that is at most is asked of both servers each time: once the
replica has replayed all that had been written when the question began, it is not behind, however long ago the last
change was; otherwise it is behind since the last commit that it has replayed. So neither a database in which nothing
happens nor a replica that is cut off is mistaken for the other.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from math import ceil
from time import monotonic
from typing import TypeVar

from django.db import (
    DEFAULT_DB_ALIAS,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    connections,
    transaction,
)
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.errors import QueryCanceled

from orgs.db.proof import Unprotected, refuse_holes

logger = logging.getLogger(__name__)

REPLICA = "replica"  # key of DATABASES
MOST_BEHIND = 30  # seconds
LEFT_ALONE = 10  # seconds; a replica that was found unfit is not asked meanwhile
_WRITTEN = """SELECT CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_lsn() END, clock_timestamp(),
    pg_postmaster_start_time()"""
_REPLAYED = """SELECT pg_is_in_recovery(), pg_last_wal_replay_lsn() >= %s::pg_lsn,
    extract(epoch FROM %s - pg_last_xact_replay_timestamp()), pg_postmaster_start_time()"""

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Source:
    """A key of DATABASES; behind: by how many seconds at most, None for the database itself."""

    alias: str = DEFAULT_DB_ALIAS
    behind: int | None = None


class _Unfit(Exception):
    """Why the replica is not read."""


_DATABASE = Source()
_source: ContextVar[Source] = ContextVar("where figures are read", default=_DATABASE)
# Of the process: until when the replica is left alone, and whether it has proved that it keeps organisations apart.
_alone_until = 0.0
_proved = False


def source() -> Source:
    """Where figures are read now."""
    return _source.get()


def connection() -> BaseDatabaseWrapper:
    """What statements are sent to that read figures."""
    return connections[_source.get().alias]


def from_replica(view: Callable[..., Answer]) -> Callable[..., Answer]:
    """The view, whose figures come from the replica. It must change nothing: it may be asked twice."""

    @wraps(view)
    def answer(*args: object, **named: object) -> Answer:
        return read(lambda: view(*args, **named))

    return answer


def read(figures: Callable[[], Answer]) -> Answer:
    """What `figures` answers, from the replica; from the database itself if there is none, if it is unfit, or if it
    fails meanwhile."""
    if REPLICA in connections.settings and monotonic() >= _alone_until:
        try:
            with _on_replica():
                return figures()
        except (_Unfit, OperationalError, InterfaceError, ProgrammingError) as error:
            # Of the last kind is what a migration has added and the replica has not got yet.
            if isinstance(error.__cause__, QueryCanceled):
                raise  # it takes too long, and would there as well
            _leave_alone(error)
    return figures()


@contextmanager
def _on_replica() -> Iterator[None]:
    global _proved  # noqa: PLW0603
    written = _row(DEFAULT_DB_ALIAS, _WRITTEN)
    with transaction.atomic(using=REPLICA):
        if not _proved:
            _prove()
            _proved = True
        token = _source.set(Source(REPLICA, _behind(*written)))
        try:
            yield
        finally:
            _source.reset(token)
        if connections[REPLICA].needs_rollback:
            # Somebody does without what failed, and says why: not for the reason that he knows.
            raise _Unfit("it failed")


def _behind(lsn: str | None, now: object, started: object) -> int | None:
    """By how many seconds at most; None where both are one server. Raises _Unfit."""
    replays, has_all, seconds, its_start = _row(REPLICA, _REPLAYED, [lsn, now])
    if not replays:
        if its_start == started:
            return None
        raise _Unfit("DATABASE_READ_URL names a server that is no replica")
    if has_all:
        return 0
    if has_all is None or seconds is None:
        raise _Unfit("it is not known how far behind it is")
    if seconds > MOST_BEHIND:
        raise _Unfit(f"it is {seconds:.0f} s behind")
    return max(0, ceil(seconds))


def _row(alias: str, statement: str, params: list | None = None) -> tuple:
    with connections[alias].cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchone()


def _prove() -> None:
    try:
        refuse_holes(connections[REPLICA])
    except Unprotected as error:
        raise _Unfit(str(error)) from None


def _leave_alone(error: Exception) -> None:
    global _alone_until  # noqa: PLW0603
    _alone_until = monotonic() + LEFT_ALONE
    why = str(error) if isinstance(error, _Unfit) else type(error).__name__
    logger.warning("figures are read from the database itself for %s s, not its replica: %s", LEFT_ALONE, why)
