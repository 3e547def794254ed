"""What a started `serve` costs while nobody asks it for anything: processor time and memory of all its processes.

Linux alone: the figures are those of /proc. Memory is PSS, in which shared pages count once in all.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dashboard.engines.children import HERE
from dashboard.engines.processes import dies_with_parent

SETTLE_SECONDS = 20  # what a start leaves to be done is no idleness
TICKS = os.sysconf("SC_CLK_TCK")
CONFIGURED = ("DATABASE_URL", "DATABASE_MIGRATE_URL", "DATABASE_READ_URL", "REDIS_URL")


def run(seconds: int = 60) -> dict:
    """Start `serve` with engines of its own, leave it alone for so long, and end it."""
    with serving() as root:
        time.sleep(SETTLE_SECONDS)
        before, began = processor_seconds(root), time.monotonic()
        time.sleep(seconds)
        after, minutes = processor_seconds(root), (time.monotonic() - began) / 60
        memory = {process: pss(process) for process in tree(root)}
    spent = {process: (after[process] - before.get(process, 0)) / minutes for process in after}
    names = {process: name for process, (name, _) in memory.items()}
    rows: dict[str, Counter] = {}
    for process, name in names.items():
        rows.setdefault(name, Counter()).update(
            processes=1, cpu_seconds=spent.get(process, 0), pss_mb=memory[process][1]
        )
    return {
        "benchmark": "idle",
        "seconds": seconds,
        "processors": os.cpu_count(),
        "cpu_seconds_a_minute": round(sum(spent.values()), 2),
        "pss_mb": round(sum(megabytes for _, megabytes in memory.values()), 1),
        "processes": {
            name: {kind: round(figure, 2) for kind, figure in row.items()}
            for name, row in sorted(rows.items(), key=lambda item: -item[1]["pss_mb"])
        },
    }


@contextmanager
def serving() -> Iterator[int]:
    """The process id of a `serve` on a directory and a port of its own, once it is ready."""
    var = Path(tempfile.mkdtemp(prefix="gatehouse-idle-"))
    var.chmod(0o755)  # PostgreSQL's user goes through
    given = {
        name: value for name, value in os.environ.items() if name.removesuffix("_FILE") not in CONFIGURED
    }
    process = subprocess.Popen(
        [sys.executable, str(HERE / "manage.py"), "serve", "--port", "0"],
        cwd=HERE,
        env=given | {"GATEHOUSE_VAR": str(var), "PYTHONPYCACHEPREFIX": sys.pycache_prefix or ""},
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=dies_with_parent(signal.SIGTERM),  # noqa: PLW1509
    )
    try:
        if not any(line.startswith("Gatehouse is ready") for line in process.stdout):
            raise OSError("`serve` could not be started, as said above.")
        yield process.pid
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()
        shutil.rmtree(var, ignore_errors=True)


def tree(root: int) -> list[int]:
    """A process, its children, theirs, and so on."""
    parents = {}
    for each in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parents[int(each.name)] = int(fields(int(each.name))[1])
    found = [root]
    for process in found:
        found += [child for child, parent in parents.items() if parent == process]
    return found


def processor_seconds(root: int) -> dict[int, float]:
    """By process of the tree, its own and that of children which it has seen end."""
    found = {}
    for process in tree(root):
        with suppress(OSError):
            found[process] = sum(map(int, fields(process)[11:15])) / TICKS
    return found


def fields(process: int) -> list[str]:
    """What proc(5) says of a process behind its name, beginning with its state."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()


def pss(process: int) -> tuple[str, float]:
    """Name and megabytes of a process, its share of what several have."""
    name = Path(f"/proc/{process}/comm").read_text().strip()
    rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
    return name, int(re.search(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)[1]) / 1024
