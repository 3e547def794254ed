"""What `serve` and `demo` share: one process holds the port and the engines, and keeps its children running.

The port is bound here and handed to gunicorn, so web processes may be restarted or killed while connections
wait instead of being refused: a refused pull can lock a gateway up for good.
"""

import contextlib
import fcntl
import http.client
import os
import queue
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError

from dashboard import reachable
from dashboard.configuration import writing
from dashboard.engines import embedded
from dashboard.engines.embedded import Engines
from dashboard.engines.processes import EngineError, dies_with_parent, private_file, shared_directory
from dashboard.preparation import prepare
from orgs.db.proof import Unprotected

HERE = Path(__file__).resolve().parent.parent.parent
MANAGE = [sys.executable, str(HERE / "manage.py")]
ANSWER_SECONDS = 30  # how long an open answer may take to be finished when a web process ends
LONGEST_PAUSE = 30  # seconds before a child that keeps ending is started again
LONGEST_WEB_PAUSE = 2  # gateways wait in the queue of the port, and give up after 30 s
STEADY_SECONDS = 10  # a child that ran so long did not fail at its start
FIRST_INHERITED = 3  # sd_listen_fds(3)


class StartError(Exception):
    """It cannot be started; the text is one sentence for the person at the terminal."""


@dataclass
class Child:
    """A command which is started again, with growing pauses, whenever it ends."""

    name: str
    command: list[str]
    descriptors: tuple[int, ...] = ()
    longest_pause: float = LONGEST_PAUSE
    process: subprocess.Popen | None = None
    started_at: float = 0
    failures: int = 0

    def tend(self, now: float) -> None:
        """Start the child if it does not run and its pause is over. `now` is monotonic."""
        if self.process is not None:
            if self.process.poll() is None:
                return
            self.failures = 1 if now - self.started_at > STEADY_SECONDS else self.failures + 1
            say(f"{self.name} ended with {self.process.returncode}; it is started again.")
            self.process = None
        pause = min(2.0 ** (self.failures - 2), self.longest_pause) if self.failures > 1 else 0
        if now < self.started_at + pause:
            return
        self.started_at = now
        self.process = subprocess.Popen(
            self.command,
            cwd=HERE,
            pass_fds=self.descriptors,
            start_new_session=True,  # Ctrl-C at the terminal is for the supervisor, which ends them in order
            preexec_fn=dies_with_parent(signal.SIGTERM),  # noqa: PLW1509
        )

    def reload(self) -> None:
        """Let gunicorn replace its processes: new ones first, old ones when their answers are finished."""
        if self.process is not None:
            self.process.send_signal(signal.SIGHUP)

    def stop(self, seconds: float = ANSWER_SECONDS + 5) -> None:
        """Ask the child to end, and wait until it has."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


def say(text: str) -> None:
    """Tell the person at the terminal; a terminal that is gone does not matter."""
    with contextlib.suppress(OSError):
        print(text, flush=True)


@contextlib.contextmanager
def only_instance(var: Path) -> Iterator[int]:
    """Hold `var` for this supervisor. Yields a descriptor which children inherit. Raises StartError.

    Children which outlived a killed supervisor are waited for: they still have its port.
    """
    with contextlib.ExitStack() as held:
        with writing(var):
            shared_directory(var)
            instance = held.enter_context(private_file(var / "instance.lock"))
            children = held.enter_context(private_file(var / "children.lock"))
        try:
            fcntl.flock(instance, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(
                f"Gatehouse is already running on {var}: stop it first, or set GATEHOUSE_VAR."
            ) from None
        deadline = time.monotonic() + ANSWER_SECONDS + 10
        while True:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(children, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            if time.monotonic() > deadline:
                raise StartError(f"Web processes of an earlier run still hold {var}: end them first.")
            time.sleep(0.05)
        yield children


def port(text: str) -> int:
    """A TCP port, 0 for any that is free. Raises ValueError."""
    if not 0 <= int(text) <= 65_535:
        raise ValueError
    return int(text)


def listen(host: str, port: int) -> socket.socket:
    """The socket which systemd or a parent holds for us (LISTEN_FDS), else a new one. Raises StartError."""
    inherited, receiver = os.environ.pop("LISTEN_FDS", "0"), os.environ.pop("LISTEN_PID", str(os.getpid()))
    if inherited not in ("", "0") and receiver == str(os.getpid()):
        listener = socket.socket(fileno=FIRST_INHERITED)
        listener.set_inheritable(False)
        if listener.family not in (socket.AF_INET, socket.AF_INET6):
            raise StartError("The socket handed over is not a TCP socket.")
        return listener
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        raise StartError(f"Port {port} of {host} cannot be had: {error.strerror}.") from None
    return listener


@dataclass
class Base:
    """What children stand on."""

    listener: socket.socket
    engines: Engines
    address: tuple[str, int]

    @property
    def url(self) -> str:
        """The address of the site as seen from this machine, without a slash at its end."""
        host, port = self.address
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"


@contextlib.contextmanager
def base(host: str, port: int) -> Iterator[Base]:
    """Bind the port, start the engines that are not configured, bring the database up to date.

    Raises StartError, EngineError, SettingError.
    """
    reachable.owner_is_known()
    # For the children too, who stand elsewhere and might find another.
    os.environ["TMPDIR"] = reachable.temporary_directory()
    wanted = {"PostgreSQL": settings.EMBEDDED_DATABASE, "Valkey": settings.EMBEDDED_REDIS}
    # The port first, so that gateways wait for the rest instead of being refused.
    with listen(host, port) as listener:
        if any(wanted.values()):
            say(f"Starting {' and '.join(name for name in wanted if wanted[name])} …")
        with embedded.start(
            settings.VAR, postgresql=wanted["PostgreSQL"], valkey=wanted["Valkey"]
        ) as engines:
            reachable.everything()
            say("Preparing the database …")
            try:
                with writing(settings.VAR):
                    prepare()
            except DatabaseError as error:
                raise StartError(f"The database cannot be used: {str(error).splitlines()[0]}") from error
            except Unprotected as error:
                raise StartError(str(error)) from error
            base = Base(listener, engines, own_address(listener))
            os.environ.setdefault("FEED_CHECK_URL", f"{base.url}/system/apis")
            # The worker asks for our own feed, and the check below for /hello, under this name.
            os.environ["ALLOWED_HOSTS"] = ",".join({*settings.ALLOWED_HOSTS, urlsplit(base.url).hostname})
            os.environ.pop("ALLOWED_HOSTS_FILE", None)
            yield base


def web(base: Base, lock: int, workers: int, threads: int) -> Child:
    """gunicorn on the listening socket, holding `lock` for as long as it has the port."""
    command = [sys.executable, "-m", "gunicorn", "dashboard.wsgi", "--bind", f"fd://{base.listener.fileno()}"]
    command += ["--config", "python:dashboard.web.gunicorn_settings"]
    command += ["--workers", str(workers), "--threads", str(threads)]
    command += ["--graceful-timeout", str(ANSWER_SECONDS), "--timeout", "120"]
    command += ["--no-control-socket", "--log-level", "warning"]
    return Child("The web server", command, (base.listener.fileno(), lock), LONGEST_WEB_PAUSE)


def background(command: str) -> Child:
    """A command of manage.py that goes on until it is ended."""
    return Child(f"`{command}`", [*MANAGE, command])


def own_address(listener: socket.socket) -> tuple[str, int]:
    """Host and port at which this machine reaches the listening socket."""
    host, port = listener.getsockname()[:2]
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port  # noqa: S104


def wait_until_ready(base: Base, child: Child, seconds: float = 60) -> None:
    """Return when GET /hello is answered 200. Raises StartError if the child keeps ending, or on time-out."""
    deadline = time.monotonic() + seconds
    while not answers_hello(base.address):
        child.tend(time.monotonic())
        if child.failures > 3 or time.monotonic() > deadline:
            raise StartError(f"{child.name} does not answer at {base.url}/hello.")
        time.sleep(0.1)


def answers_hello(address: tuple[str, int]) -> bool:
    connection = http.client.HTTPConnection(*address, timeout=5)
    try:
        connection.request("GET", "/hello")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def end_quietly() -> None:
    """From here on SIGTERM unwinds the stack like Ctrl-C does, so that what has been started is stopped."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


def run(
    base: Base,
    children: list[Child],
    hang_up: Callable[[], None] | None = None,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Start the children, the web server first; keep all running until SIGTERM or Ctrl-C. Raises StartError.

    hang_up: what SIGHUP asks for; None: it ends us too, as it does when the terminal is closed.
    ready: called when the web server answers, just before the last line is said.
    """
    try:
        for child in children:
            child.tend(time.monotonic())
        wait_until_ready(base, children[0])
        ready()
        say(f"Gatehouse is ready: {base.url}/")
        supervise(base.engines, children, hang_up)
    finally:
        say("Stopping …")
        # The background work first: nobody may be told to pull from web processes that are about to end.
        for child in reversed(children):
            child.stop()


def supervise(engines: Engines, children: list[Child], hang_up: Callable[[], None] | None) -> None:
    events: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, lambda number, _: events.put(number))
    while True:
        revive(engines)
        for child in children:
            child.tend(time.monotonic())
        with contextlib.suppress(queue.Empty):
            number = events.get(timeout=1)
            if number in (signal.SIGTERM, signal.SIGINT) or (number == signal.SIGHUP and not hang_up):
                return
            if number == signal.SIGHUP:
                hang_up()


def revive(engines: Engines) -> None:
    if engines.alive():
        return
    say("An engine ended; it is started again.")
    try:
        engines.revive()
    except EngineError as error:
        say(str(error))
