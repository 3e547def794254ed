"""Where the engines of our own are: the same before, while and after they run. Nothing is made by asking.

Everything lives under one directory, `var`; as root, where the user who must run the servers cannot enter `var`,
under /var/lib/gatehouse instead.
"""

import contextlib
import hashlib
import os
import secrets
import socket
from pathlib import Path
from urllib.parse import quote

from dashboard.engines import processes
from dashboard.engines.processes import EngineError

LONGEST_SOCKET_PATH = 85  # Linux allows 107 bytes and macOS 103, less what clients append
PORTS = range(20000, 32000)  # below the ports which Linux and macOS hand out to outgoing connections


def database_url(var: Path) -> str:
    """The URL of the application's role, who owns nothing and is bound by row-level security."""
    return _postgres_url(var, "gatehouse_app", "gatehouse")


def migrate_url(var: Path) -> str:
    """The URL of the role which owns the tables."""
    return _postgres_url(var, "gatehouse_owner", "gatehouse")


def superuser_url(var: Path) -> str:
    """The URL of the cluster's superuser, for provisioning and for the tests' databases only."""
    return _postgres_url(var, "postgres", "postgres")


def _postgres_url(var: Path, role: str, database: str) -> str:
    # libpq, psycopg and django-environ read this form alike, and the one with %2F for a host not.
    return f"postgresql://{role}@/{database}?host={quote(str(socket_directory(var)))}"


def redis_url(var: Path) -> str:
    """The URL of Valkey, made by `make_redis_url`. Raises FileNotFoundError before that."""
    return redis_url_file(var).read_text()


def redis_url_file(var: Path) -> Path:
    return var / "valkey.url"


def make_redis_url(var: Path) -> None:
    """Choose Valkey's port and password, once for `var`, and keep them with mode 0600."""
    if not redis_url_file(var).exists():
        url = f"redis://:{secrets.token_urlsafe(24)}@127.0.0.1:{_free_port()}/0"
        processes.keep(processes.shared_directory(var) / redis_url_file(var).name, url)


def _free_port() -> int:
    for port in secrets.SystemRandom().sample(PORTS, 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise EngineError("No free port for Valkey was found on 127.0.0.1.")


def home(var: Path) -> Path:
    """Where the servers' files are: `var`, or a directory elsewhere if their user cannot enter `var`."""
    user = processes.server_user()
    if user is None or processes.may_enter(user, var):
        return var.resolve()
    return Path("/var/lib/gatehouse") / _fingerprint(var)


def socket_directory(var: Path) -> Path:
    """The directory of PostgreSQL's socket, open to nobody but the servers' user (and root)."""
    directory = home(var) / "run"
    if len(os.fsencode(directory / ".s.PGSQL.5432")) <= LONGEST_SOCKET_PATH:
        return directory
    return Path(f"/tmp/gatehouse-{os.geteuid()}-{_fingerprint(var)}")  # noqa: S108  owner and mode are checked


def lock(var: Path, name: str) -> Path:
    """The file which a server holds locked as long as it lives."""
    return home(var) / f"{name}.lock"


def _fingerprint(var: Path) -> str:
    return hashlib.sha256(os.fsencode(var.resolve())).hexdigest()[:12]
