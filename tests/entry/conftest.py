"""Real processes on a directory of their own, which the user who runs the servers may enter."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dashboard import processes

HERE = Path(__file__).resolve().parent.parent.parent
CONFIGURED = ("DATABASE_URL", "DATABASE_MIGRATE_URL", "REDIS_URL", "SCRATCH", "SCRATCH_SUPERUSER_URL")


@pytest.fixture
def var() -> Iterator[Path]:
    """An empty directory. Not pytest's tmp_path, into which PostgreSQL's user cannot go."""
    directory = Path(tempfile.mkdtemp(prefix="gatehouse-entry-"))
    directory.chmod(0o755)
    yield directory
    until(lambda: not holders(directory))
    shutil.rmtree(directory)


@pytest.fixture
def run(var) -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts a Python program on `var`, as if nothing were configured; its output is lines of text."""
    started = []

    def start(*arguments: str, **options) -> subprocess.Popen:
        environment = {name: value for name, value in os.environ.items() if name not in CONFIGURED}
        environment |= {"GATEHOUSE_VAR": str(var), "PYTHONUNBUFFERED": "1", **options.pop("environment", {})}
        command = [sys.executable, *arguments]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(command, cwd=HERE, env=environment, **pipes | options))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    for process in started:
        process.communicate(timeout=60)
    until(lambda: not holders(var))


def holders(var: Path) -> list[Path]:
    """The locks that some process on `var` holds."""
    return [lock for lock in sorted(var.glob("*.lock")) if not processes.is_free(lock)]


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
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
