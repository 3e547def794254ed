"""Being told of new messages, so that nobody need ask for them several times a second.

A trigger of the outbox notifies a channel, once a statement; the notice says nothing else, and PostgreSQL passes it on
when the change is committed. A notice may be lost, with a connection for example: so whoever waits for one also asks,
seldom while `calm`, often otherwise.
"""

import contextlib
import select
import socket
import threading
import time

import psycopg
from django.db import connections

CHANNEL = "gatehouse_outbox"  # as in the trigger, migration 0007


class Notices:
    """What one thread hears on a connection of its own, and the bells that it rings for others."""

    def __init__(self) -> None:
        self._connection: psycopg.Connection | None = None
        self._direct = False
        self._heard_at = float("-inf")  # monotonic
        self._bells: list[threading.Event] = []
        self._end, self._ended = socket.socketpair()

    def bell(self) -> threading.Event:
        """An event of the caller's own that is set with each notice. Call it before `hear`."""
        self._bells.append(threading.Event())
        return self._bells[-1]

    def calm(self, seconds: float) -> bool:
        """Whether a new message would be heard of, and none was for so long."""
        return self._direct and time.monotonic() - self._heard_at > seconds

    def hear(self) -> bool:
        """Wait for the next notice, or connect if that is to be done first, and ring. False, at once: `end` was called.

        Raises psycopg.Error when the database is away; the next call connects again.
        """
        going_on = False
        try:
            if self._connection is None:
                self._connect()  # of what was left before nobody was told
                going_on = True
            else:
                going_on = self._wait()
        finally:
            if not going_on:
                self._close()
        self._ring()
        return going_on

    def end(self) -> None:
        """Have `hear` return, in its thread, and the bells rung. Also from a handler of signals."""
        with contextlib.suppress(OSError):  # all is closed already
            self._ended.send(b"\0")
        self._ring()

    def __enter__(self) -> "Notices":
        return self

    def __exit__(self, *_: object) -> None:
        self._close()
        self._end.close()
        self._ended.close()

    def _connect(self) -> None:
        parameters = connections["default"].get_connection_params()
        self._connection = psycopg.connect(**parameters, autocommit=True)
        [server] = self._connection.execute("SELECT pg_backend_pid()").fetchone()
        self._connection.execute(f"LISTEN {CHANNEL}")
        # A pooler has numbers of its own for connections, and passes no notices on between transactions.
        self._direct = server == self._connection.info.backend_pid

    def _wait(self) -> bool:
        if self._end in select.select([self._connection, self._end], (), ())[0]:
            return False
        for _ in self._connection.notifies(timeout=0):
            self._heard_at = time.monotonic()
        return True

    def _close(self) -> None:
        self._direct = False
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ring(self) -> None:
        for bell in self._bells:
            bell.set()
