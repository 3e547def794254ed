"""Real processes on a directory of their own, which the user who runs the servers may enter."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from dashboard.engines import addresses, processes

HERE = Path(__file__).resolve().parent.parent.parent
CONFIGURED = ("DATABASE_URL", "DATABASE_MIGRATE_URL", "DATABASE_READ_URL", "REDIS_URL")
CONFIGURED += ("SCRATCH", "SCRATCH_SUPERUSER_URL")


@contextmanager
def directory() -> Iterator[Path]:
    """An empty directory. Not pytest's tmp_path, into which PostgreSQL's user cannot go."""
    path = Path(tempfile.mkdtemp(prefix="gatehouse-entry-"))
    path.chmod(0o755)
    yield path
    until(lambda: not holders(path))
    shutil.rmtree(path)


@contextmanager
def runner(var: Path) -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts Python programs on `var`, as if nothing were configured; their output is lines of text."""
    started = []

    def start(*arguments: str, **options) -> subprocess.Popen:
        environment = {name: value for name, value in os.environ.items() if name not in CONFIGURED}
        # Compressing static files takes seconds, and no test here is about them.
        environment |= {"GATEHOUSE_VAR": str(var), "PYTHONUNBUFFERED": "1", "DEMONSTRATION": "1"}
        environment |= options.pop("environment", {})
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        command = [sys.executable, *arguments]
        started.append(subprocess.Popen(command, **{"cwd": HERE, "env": environment} | pipes | options))
        return started[-1]

    try:
        yield start
    finally:
        for process in started:
            if process.poll() is None:
                process.terminate()
        for process in started:
            process.communicate(timeout=180)
    until(lambda: not holders(var))


@pytest.fixture
def var() -> Iterator[Path]:
    with directory() as path:
        yield path


@pytest.fixture
def run(var) -> Iterator[Callable[..., subprocess.Popen]]:
    with runner(var) as start:
        yield start


def free_port() -> int:
    """Of a server that must have the same one again, and cannot choose it: below those that outgoing connections are
    given, and beside those of Valkey, so that nobody else takes it meanwhile."""
    while True:
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", secrets.choice(range(10_000, addresses.PORTS.start))))
            return probe.getsockname()[1]


@contextmanager
def closed_port() -> Iterator[int]:
    """One at which nobody answers, nor can: it is had, and not listened to."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def holders(var: Path) -> list[Path]:
    """The locks that some process on `var` holds."""
    return [lock for lock in sorted(var.glob("*.lock")) if not processes.is_free(lock)]


def until(condition: Callable[[], bool], seconds: float = 120) -> None:
    """Wait for what is sure to come. seconds: only so that a test of what never does has an end."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def read_until(process: subprocess.Popen, start_of_line: str) -> list[str]:
    """The lines of its output up to one that starts so."""
    lines = []
    while not (lines and lines[-1].startswith(start_of_line)):
        line = process.stdout.readline()
        assert line, f"it ended before: {lines} {process.stderr.read()}"
        lines.append(line.rstrip("\n"))
    return lines


def port_of(serve: subprocess.Popen) -> int:
    """Where `serve --port 0` is reached, once it is ready."""
    ready = read_until(serve, "Gatehouse is ready")[-1]
    return int(ready.removeprefix("Gatehouse is ready: http://127.0.0.1:").removesuffix("/"))
