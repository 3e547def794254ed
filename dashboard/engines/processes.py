"""Server processes: the user they run as, their directories, the lock each holds while it lives, their end.

Whether a server runs is never read from a pid file. The server process inherits an exclusive lock, which is
thus held as long as any process of the server lives; whether it is ready is told by a real connection.
"""

import contextlib
import ctypes
import fcntl
import os
import pwd
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

PR_SET_PDEATHSIG = 1  # prctl(2)
START_SECONDS = 60

# Servers that were started, and the signal that ends each.
Started = list[tuple[subprocess.Popen, signal.Signals]]


class EngineError(Exception):
    """An engine cannot be had or started; the text is one sentence for the person at the terminal."""


# Users, directories, locks.


def server_user() -> pwd.struct_passwd | None:
    """Whom to run the servers as: None for oneself; PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("postgres")
    return pwd.getpwnam("nobody")


def as_server_user() -> dict:
    """Arguments for subprocess: run as the servers' user, with nothing of our environment."""
    user = server_user()
    environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}  # without the caller's PG… variables
    if user is None:
        return {"env": environment, "cwd": "/"}
    return {"env": environment, "cwd": "/", "user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def may_enter(user: pwd.struct_passwd, directory: Path) -> bool:
    """Whether the modes of `directory` and of all above it let `user` pass."""
    directory = directory.resolve()
    for each in (directory, *directory.parents):
        if not each.exists():
            continue  # it is yet to be made, and then by shared_directory
        status = each.stat()
        bit = 0o100 if status.st_uid == user.pw_uid else 0o010 if status.st_gid == user.pw_gid else 0o001
        if not status.st_mode & bit:
            return False
    return True


def shared_directory(path: Path) -> Path:
    """A directory which every user may pass through, made if missing; one that exists keeps its mode."""
    if not path.exists():
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o755)
    return path


def keep(path: Path, text: str) -> None:
    """Write a file that only its owner may read, unless it exists: of several writers one is first, and stands.

    What it says is on the disk before its name is, and both are when this returns.
    """
    with tempfile.NamedTemporaryFile("w", dir=path.parent) as file:  # made with mode 0600
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(file.name, path)
    sync(path.parent)


def sync(directory: Path) -> None:
    """Have the names in a directory on the disk."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def private_directory(path: Path) -> Path:
    """A directory which only the servers' user may enter."""
    user = server_user()
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
def private_file(path: Path) -> Iterator[int]:
    """The descriptor of a file which only its owner may open, and so lock; made if missing."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        os.fchmod(descriptor, 0o600)  # it may be older than this rule
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait for the exclusive lock on `path`, and hold it."""
    with private_file(path) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def is_free(path: Path) -> bool:
    """Whether no living process holds the lock on `path`."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def server_lock(path: Path, answers: Callable[[], bool]) -> Iterator[int | None]:
    """Yield a locked descriptor for a server about to be started, or None if one runs and answers."""
    deadline = time.monotonic() + START_SECONDS
    with private_file(path) as descriptor:
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


# Processes.


def spawn(
    command: list, log: Path, lock: int, last_signal: signal.Signals, text: str = ""
) -> subprocess.Popen:
    """Start a server as its user, with `text` as standard input; it holds `lock` as long as it lives."""
    descriptor = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    try:
        process = begin(
            command,
            last_signal,
            stdin=subprocess.PIPE,
            stdout=descriptor,
            stderr=descriptor,
            pass_fds=[lock],
            start_new_session=True,  # Ctrl-C at the terminal is for the parent, which ends the engines last
            **as_server_user(),
        )
    except OSError as error:
        raise EngineError(f"{command[0]} cannot be run: {error.strerror}.") from error
    finally:
        os.close(descriptor)
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(text.encode())
        process.stdin.close()
    return process


def begin(command: list, last_signal: signal.Signals, **options) -> subprocess.Popen:
    """Start a process that dies with its parent, as below. options: of subprocess.Popen. Raises OSError.

    Signals are heeded before or after it: Python calls functions of its own after fork(2), and what a handler raises
    within one of these is written to standard error and forgotten, the wish to end us with it.
    """
    arrange = dies_with_parent(last_signal)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())

    def prepare() -> None:
        if arrange is not None:
            arrange()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    try:
        return subprocess.Popen(command, preexec_fn=prepare, **options)  # noqa: PLW1509
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def dies_with_parent(last_signal: signal.Signals) -> Callable[[], None] | None:
    """A preexec_fn: on Linux the kernel sends `last_signal` to the child when its parent's thread ends.

    subprocess calls it after changing the user, as it must: a change of user clears the setting.
    """
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def arrange() -> None:
        prctl(PR_SET_PDEATHSIG, int(last_signal))
        if os.getppid() != parent:  # it ended before the line above
            os._exit(1)

    return arrange


def wait_for(name: str, process: subprocess.Popen, log: Path, answers: Callable[[], bool]) -> None:
    """Return when the server just started answers. Raises EngineError with its last words if it ends."""
    deadline = time.monotonic() + START_SECONDS
    while not answers():
        if process.poll() is not None:
            words = last_line(log.read_text(errors="replace"))
            raise EngineError(f"{name} did not start: {words} (see {log})")
        if time.monotonic() > deadline:
            raise EngineError(f"{name} did not answer within {START_SECONDS} s (see {log}).")
        time.sleep(0.01)


def last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else "it said nothing"
