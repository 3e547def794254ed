"""gunicorn's threaded worker, except that no thread ever waits for a client.

Its loop reads requests until they are whole, hands each to a thread, and sends what the kernel did not take of
the answer at once. A connection is never closed between a whole request and the end of its answer while its
client reads: gateways of 5.8.9 to 5.14 can lock themselves up over that.
"""

import contextlib
import errno
import resource
import selectors
import socket
import time
from collections import Counter

from gunicorn.errors import ConfigError
from gunicorn.http import errors
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker

from dashboard.web.connection import Answer, Connection, State, seconds_to_send
from dashboard.web.limits import (
    BODY_SECONDS,
    CLOSING_SECONDS,
    HEAD_SECONDS,
    MOST_BUFFERED,
    SENDING_SECONDS,
)

RECEIVED_AT_ONCE = 64 * 1024
SWEEP_SECONDS = 0.5
ENOUGH_DESCRIPTORS = 8_192
EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
REFUSALS = {
    errors.LimitRequestLine: "414 URI Too Long",
    errors.LimitRequestHeaders: "431 Request Header Fields Too Large",
    errors.UnsupportedTransferCoding: "501 Not Implemented",
    errors.ExpectationFailed: "417 Expectation Failed",
    Exception: "400 Bad Request",
}


class Worker(ThreadWorker):
    """For `gunicorn --worker-class`; dashboard.web.gunicorn_settings names it."""

    @classmethod
    def check_config(cls, cfg, log):
        super().check_config(cfg, log)
        if cfg.is_ssl:
            raise ConfigError("This worker speaks plain HTTP: TLS is for a proxy in front of it.")

    def init_process(self):
        self.connections: set[Connection] = set()
        self.buffered = 0
        self.swept_at = time.monotonic()
        # The other half is for the database, Redis and files.
        self.worker_connections = min(self.worker_connections, descriptors() // 2)
        super().init_process()

    # A client comes.

    def accept(self, listener):
        try:
            client_socket, client = listener.accept()
        except OSError as error:
            if error.errno in EXHAUSTED:
                self.make_room()
            elif error.errno not in (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED):
                raise
            return
        client_socket.setblocking(False)
        conn = Connection(self.cfg, client_socket, client, listener.getsockname())
        self.connections.add(conn)
        self.nr_conns += 1
        conn.enter(State.BEGINNING, HEAD_SECONDS)
        self.watch(conn, selectors.EVENT_READ)
        self.receive(conn)
        if self.nr_conns >= self.worker_connections:
            self.make_room()

    def watch(self, conn: Connection, events: int) -> None:
        """Have `ready` called when the client sends or reads, as `events` says; 0: not any more."""
        if not events and conn.watched:
            self.poller.unregister(conn.socket)
        elif events and not conn.watched:
            self.poller.register(conn.socket, events, lambda _: self.ready(conn))
        elif events != conn.watched:
            self.poller.modify(conn.socket, events, lambda _: self.ready(conn))
        conn.watched = events

    def ready(self, conn: Connection) -> None:
        if not conn.watched:
            return  # given up a moment ago, by another connection's event
        if conn.state is State.READER:
            self.send(conn)
        else:
            self.receive(conn)

    # Its request.

    def receive(self, conn: Connection) -> None:
        try:
            data = conn.socket.recv(RECEIVED_AT_ONCE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.drop(conn)
        elif conn.state is not State.END:
            conn.reader.take(data)
            self.proceed(conn)
            self.spare_memory()

    def proceed(self, conn: Connection) -> None:
        """Hand a whole request to a thread, or wait for what is missing of it."""
        try:
            conn.request = conn.reader.whole()
        except Exception as error:  # whatever it is, it may not end the process and all that is open in it
            self.refuse(conn, status_of(error))
            return
        if conn.request is not None:
            conn.enter(State.ANSWER)
            self.watch(conn, 0)
            self.count(conn, conn.request.body.getbuffer().nbytes + conn.reader.held)
            self.enqueue_req(conn)
            return
        self.count(conn, conn.reader.held)
        self.await_rest(conn)

    def await_rest(self, conn: Connection) -> None:
        begun = conn.reader.head is not None or conn.reader.held > 0
        if begun and conn.state is not State.REQUEST:
            conn.enter(State.REQUEST, HEAD_SECONDS)
        elif not begun:
            conn.enter(State.BEGINNING, self.cfg.keepalive if self.alive else STOP_KEEPALIVE_LINGER)
        if conn.reader.head is not None:
            conn.deadline = conn.since + BODY_SECONDS
        if conn.reader.wants_continue():
            with contextlib.suppress(OSError):
                conn.socket.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.watch(conn, selectors.EVENT_READ)

    def count(self, conn: Connection, held: int) -> None:
        self.buffered += held - conn.held
        conn.held = held

    def refuse(self, conn: Connection, status: str) -> None:
        """Answer what is no request, or never becomes one, and close."""
        self.log.info("A request from %s was answered %s", conn.network, status)
        conn.unsent = memoryview(refusal(status))
        conn.keep = False
        self.count(conn, 0)
        self.send(conn)

    # The answer.

    def handle(self, conn):
        """In a thread: make the answer, and send as much of it as the kernel takes. Whether to keep the connection."""
        answer = Answer(conn.client, conn.server)
        try:
            conn.keep = self.handle_request(conn.request, answer)
            made = answer.whole()
        except (Exception, SystemExit):
            self.log.exception("A request could not be answered")
            conn.keep, made = False, refusal("500 Internal Server Error")
        conn.unsent = memoryview(made)
        conn.send()

    def finish_request(self, conn, fs):
        conn.request = None
        conn.answered = True
        self.count(conn, conn.reader.held)
        if fs.exception() is not None:
            self.drop(conn)
        else:
            self.send(conn)

    def send(self, conn: Connection) -> None:
        """Send on; then wait for the client to read, for its next request, or for its end."""
        try:
            conn.send()
        except OSError:
            self.drop(conn)
            return
        if conn.unsent:
            if conn.state is not State.READER:
                conn.enter(State.READER, seconds_to_send(len(conn.unsent)))
            self.watch(conn, selectors.EVENT_WRITE)
        elif conn.keep:
            self.proceed(conn)
        else:
            self.close(conn)

    def close(self, conn: Connection) -> None:
        """After a last answer. What the client still sends is read over: unread it would destroy the answer."""
        try:
            conn.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.drop(conn)
            return
        conn.enter(State.END, CLOSING_SECONDS)
        self.watch(conn, selectors.EVENT_READ)

    def drop(self, conn: Connection) -> None:
        self.watch(conn, 0)
        self.count(conn, 0)
        self.connections.discard(conn)
        self.nr_conns -= 1
        if conn.unsent:
            conn.reset()
        else:
            conn.socket.close()

    # Limits.

    def make_room(self) -> None:
        """Give up one connection for another: of the address with most of them, the one that waits longest.

        Those with an unfinished request first, then kept-alive ones without any, then those whose client has not
        read its answer for so long that it is no gateway.
        """
        for may_go in (unfinished, idle, too_slow):
            if candidates := [conn for conn in self.connections if may_go(conn)]:
                self.drop(oldest_of_the_most(candidates))
                return

    def spare_memory(self) -> None:
        """Give up the largest unfinished bodies while there is more of them than one process shall hold."""
        while self.buffered > MOST_BUFFERED:
            unfinished = [c for c in self.connections if c.state is State.REQUEST and c.held]
            if not unfinished:
                return
            self.refuse(max(unfinished, key=lambda c: c.held), "503 Service Unavailable")

    def murder_keepalived(self, force=False):
        """Called by gunicorn's loop at least once a second, and with `force` before the process ends."""
        now = time.monotonic()
        if not force and now - self.swept_at < SWEEP_SECONDS:
            return
        self.swept_at = now
        for conn in [
            c for c in self.connections if c.deadline < now or (force and c.state is not State.ANSWER)
        ]:
            if conn.state is State.REQUEST:
                self.refuse(conn, "408 Request Timeout")
            else:
                self.drop(conn)
        if self.nr_conns >= self.worker_connections:
            self.make_room()

    def murder_pending(self):
        """gunicorn's second queue, which stays empty here."""

    def _cap_keepalive(self, deadline):
        """The process is to end: wait no longer for requests that have not begun."""
        for conn in self.connections:
            if conn.state is State.BEGINNING:
                conn.deadline = min(conn.deadline, deadline)


def unfinished(conn: Connection) -> bool:
    """Whether a request is awaited that it owes since it came, or since it began one."""
    return conn.state is State.REQUEST or (conn.state is State.BEGINNING and not conn.answered)


def idle(conn: Connection) -> bool:
    """Whether it was answered and is kept for a next request."""
    return conn.state is State.BEGINNING and conn.answered


def too_slow(conn: Connection) -> bool:
    """Whether its answer waits to be read for longer than a gateway waits."""
    return conn.state is State.READER and time.monotonic() - conn.since > SENDING_SECONDS


def oldest_of_the_most(connections: list[Connection]) -> Connection:
    """Of the connections of the address that has most of them, the one that waits longest."""
    numbers = Counter(conn.network for conn in connections)
    return min(connections, key=lambda conn: (-numbers[conn.network], conn.since))


def status_of(error: Exception) -> str:
    return next(status for kind, status in REFUSALS.items() if isinstance(error, kind))


def refusal(status: str) -> bytes:
    """An answer to what did not become a request, which tells machines and people the same."""
    lines = [f"HTTP/1.1 {status}", "Connection: close", "Content-Type: text/plain"]
    if status.startswith("503"):
        lines.append("Retry-After: 5")
    text = f"{status}\n"
    return "\r\n".join([*lines, f"Content-Length: {len(text)}", "", text]).encode()


def descriptors() -> int:
    """Raise the number of files and sockets this process may have, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = ENOUGH_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, ENOUGH_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < enough:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (enough, hard))
            soft = enough
    return ENOUGH_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
