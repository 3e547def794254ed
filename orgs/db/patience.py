"""How long the database may think about what a page can do without."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DEFAULT_DB_ALIAS, connections, transaction


@contextmanager
def at_most(limit: str, using: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """A savepoint in which no statement may take longer than `limit`, such as "2s"; what was allowed before is allowed
    again afterwards. Raises DatabaseError."""
    with transaction.atomic(using), connections[using].cursor() as cursor:
        cursor.execute(f"SHOW statement_timeout; SET LOCAL statement_timeout = '{limit}'")
        [before] = cursor.fetchone()
        yield
        cursor.execute(f"SET LOCAL statement_timeout = '{before}'")
