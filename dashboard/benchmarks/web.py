"""Two web processes as they are in use, and very many who ask them at once."""

import asyncio
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from statistics import quantiles
from typing import NamedTuple

from dashboard.engines.children import HERE
from dashboard.engines.listening import answers_hello, listen, own_address
from dashboard.engines.processes import dies_with_parent

WORKERS, THREADS = 2, 4
PATIENCE = 120  # seconds for one answer
_START_SECONDS = 60
WORKER = "dashboard.web.worker.Worker"  # of all: who is compared is not compared by servers
SITE = ("dashboard.wsgi", "--config", "python:dashboard.web.gunicorn_settings")  # as `serve` runs it


class Web(NamedTuple):
    """address: where they listen; process: gunicorn's, whose children they are."""

    address: tuple[str, int]
    process: int


class Answer(NamedTuple):
    """status: 0 where the connection broke before the whole answer was there. seconds: from asking to its last byte.
    tag: its ETag."""

    status: int
    body: bytes
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


async def ask(web: Web, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
    """One request on a connection of its own."""
    begun = time.perf_counter()
    try:
        async with asyncio.timeout(PATIENCE), _connected(web) as (reader, writer):
            lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            lines += [f"Content-Length: {len(body)}"] if body else []
            writer.write("\r\n".join([*lines, "", ""]).encode() + body)
            status, said = _head(await reader.readuntil(b"\r\n\r\n"))
            found = await reader.readexactly(int(said["content-length"]))
    except (OSError, EOFError, asyncio.LimitOverrunError):
        status, said, found = 0, {}, b""
    return Answer(status, found, time.perf_counter() - begun, said.get("etag", ""))


@asynccontextmanager
async def _connected(web: Web) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(*web.address, family=socket.AF_INET)
    try:
        yield reader, writer
    finally:
        writer.close()


def _head(text: bytes) -> tuple[int, dict[str, str]]:
    """The status, and the headers by their names in small letters."""
    first, *rest = text.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    return int(first.split()[1]), headers


def percentiles(answers: list[Answer]) -> dict[str, float]:
    """Milliseconds until the whole answer was there."""
    cuts = quantiles([answer.seconds * 1000 for answer in answers], n=100)
    return {"p50": round(cuts[49], 1), "p99": round(cuts[98], 1)}
