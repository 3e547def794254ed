"""Two web processes as they are in use, and very many who ask them at once."""

import asyncio
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from statistics import quantiles
from typing import NamedTuple

from django.db import connection

from dashboard.benchmarks import idle
from dashboard.engines.children import HERE
from dashboard.engines.listening import answers_hello, listen, own_address
from dashboard.engines.processes import dies_with_parent

WORKERS, THREADS = 2, 4
PATIENCE = 120  # seconds for one answer
_START_SECONDS = 60
WORKER = "dashboard.web.worker.Worker"  # of all: who is compared is not compared by servers
LARGEST_HEAD = 64 * 1024
SITE = ("dashboard.wsgi", "--config", "python:dashboard.web.gunicorn_settings")  # as `serve` runs it


class Web(NamedTuple):
    """address: where they listen; process: gunicorn's, whose children they are."""

    address: tuple[str, int]
    process: int


class Answer(NamedTuple):
    """status: 0 where the connection broke before the whole answer was there. seconds: from asking to its last byte.
    tag: its ETag."""

    status: int
    body: bytes | bytearray
    seconds: float
    tag: str = ""


@contextmanager
def processes(application: str, *more: str, **environment: str) -> Iterator[Web]:
    """A WSGI application with as many processes and threads, on any port. more: arguments of gunicorn. Raises OSError
    if it does not answer."""
    listener = listen("127.0.0.1", 0)
    command = [sys.executable, "-m", "gunicorn", application, "--preload"]
    command += ["--bind", f"fd://{listener.fileno()}", "--worker-class", WORKER]
    command += ["--workers", str(WORKERS), "--threads", str(THREADS), "--timeout", "120"]
    command += ["--no-control-socket", "--log-level", "critical", *more]
    process = subprocess.Popen(
        command,
        cwd=HERE,
        env=os.environ | {"LOG_LEVEL": "CRITICAL"} | environment,
        pass_fds=[listener.fileno()],
        stderr=subprocess.DEVNULL,
        preexec_fn=dies_with_parent(signal.SIGTERM),  # noqa: PLW1509
    )
    try:
        _await(own_address(listener), process)
        yield Web(own_address(listener), process.pid)
    finally:
        process.terminate()
        process.wait(60)
        listener.close()


def _await(address: tuple[str, int], process: subprocess.Popen) -> None:
    end = time.monotonic() + _START_SECONDS
    while not answers_hello(address):
        if process.poll() is not None or time.monotonic() > end:
            raise OSError("the web processes do not start")
        time.sleep(0.05)


def allow_many_sockets() -> None:
    """As many as the system lets this process have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def processor_seconds(web: Web) -> dict[str, float]:
    """What has been spent so far by this process, who asks, by the web processes, and by PostgreSQL."""
    connection.ensure_connection()
    database = int(idle.fields(connection.connection.info.backend_pid)[1])
    return {
        "client": time.process_time(),
        "web processes": sum(idle.processor_seconds(web.process).values()),
        "database": sum(idle.processor_seconds(database).values()),
    }


async def ask(web: Web, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
    """One request on a connection of its own."""
    begun = time.perf_counter()
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}"] if body else []
    said, found = "HTTP/1.1 0", b""
    try:
        async with asyncio.timeout(PATIENCE):
            said, found = await _received(web, "\r\n".join([*lines, "", ""]).encode() + body)
    except (OSError, EOFError):
        pass
    status, named = _head(said)
    return Answer(status, found, time.perf_counter() - begun, named.get("etag", ""))


async def _received(web: Web, request: bytes) -> tuple[str, bytearray]:
    """The head and the body of the answer. Raises OSError, EOFError."""
    loop = asyncio.get_running_loop()
    transport, receiving = await loop.create_connection(
        lambda: _Receiving(loop.create_future()), *web.address, family=socket.AF_INET
    )
    try:
        transport.write(request)
        return await receiving.answer
    finally:
        transport.close()


class _Receiving(asyncio.BufferedProtocol):
    """Has an answer written right to where it stays: who asks shall not be what is measured."""

    def __init__(self, answer: asyncio.Future):
        self.answer = answer
        self._transport: asyncio.BaseTransport | None = None
        self._head = ""
        self._room = bytearray(LARGEST_HEAD)
        self._filled = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        return memoryview(self._room)[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        self._filled += nbytes
        if not self._head:
            self._begin_body()
        if self._head and self._filled == len(self._room):
            self.answer.set_result((self._head, self._room))
            self._transport.close()  # there is no room for more

    def _begin_body(self) -> None:
        end = self._room.find(b"\r\n\r\n", 0, self._filled)
        if end < 0:
            return
        self._head = self._room[:end].decode("latin-1")
        begun = self._room[end + 4 : self._filled]
        self._room = bytearray(int(_head(self._head)[1]["content-length"]))
        self._filled = len(begun)
        self._room[: self._filled] = begun

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc or EOFError("the answer ends early"))


def _head(text: str) -> tuple[int, dict[str, str]]:
    """The status, and the headers by their names in small letters."""
    first, *rest = text.split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    return int(first.split()[1]), headers


def percentiles(answers: list[Answer]) -> dict[str, float]:
    """Milliseconds until the whole answer was there."""
    cuts = quantiles([answer.seconds * 1000 for answer in answers], n=100)
    return {"p50": round(cuts[49], 1), "p99": round(cuts[98], 1)}
