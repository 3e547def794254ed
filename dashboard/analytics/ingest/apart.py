"""A step in a transaction of its own, committed before the caller's goes on.

What it has written stays if the caller's is rolled back, and no other transaction has to wait for it to the end of
the caller's.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from django.db import connection, connections, transaction

# For one lock. A migration may wait for the caller's end with this step waiting behind it, which PostgreSQL, to which
# the caller only idles, does not know for a deadlock.
PATIENCE = "10s"

Found = TypeVar("Found")


def committed(step: Callable[[], Found]) -> Found:
    """What the step returns. It runs in the caller's scope, on a connection that is closed afterwards."""

    def run() -> Found:
        try:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
                return step()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(copy_context().run, run).result()
