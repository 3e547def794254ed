"""What `serve` and `demo` share: one process holds the port and the engines, and keeps its children running.

The port is bound here and handed to gunicorn, so web processes may be restarted or killed while connections
wait instead of being refused: a refused pull can lock a gateway up for good.
"""

import contextlib
import fcntl
import importlib
import os
import queue
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import execute_from_command_line
from django.db import DatabaseError, connections

from dashboard import reachable
from dashboard.configuration import writing
from dashboard.engines import embedded
from dashboard.engines.children import ANSWER_SECONDS, HERE, Child, say
from dashboard.engines.embedded import Engines
from dashboard.engines.listening import StartError, answers_hello, listen, own_address
from dashboard.engines.processes import EngineError, private_file, shared_directory
from dashboard.preparation import prepare
from orgs.db.proof import Unprotected

MANAGE = [sys.executable, str(HERE / "manage.py")]
LONGEST_WEB_PAUSE = 2  # seconds; gateways wait in the queue of the port, and give up after 30 s
FORKS = sys.platform == "linux"  # elsewhere the system's own libraries do not survive it

# Signals that came, in their order: a deploy may be asked for before there is anything to replace.
events: queue.SimpleQueue[int] = queue.SimpleQueue()


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
            if not settings.FEED_CHECK_URL:
                settings.FEED_CHECK_URL = os.environ["FEED_CHECK_URL"] = f"{base.url}/system/apis"
            # The worker asks for our own feed, and the check below for /hello, under this name.
            allow_hosts({*settings.ALLOWED_HOSTS, urlsplit(base.url).hostname})
            yield base


def allow_hosts(hosts: set[str]) -> None:
    """Name hosts to the application, in children that are forks of us and in those that are commands."""
    settings.ALLOWED_HOSTS = sorted(hosts)
    os.environ["ALLOWED_HOSTS"] = ",".join(settings.ALLOWED_HOSTS)
    os.environ.pop("ALLOWED_HOSTS_FILE", None)


def web(base: Base, lock: int, workers: int, threads: int) -> Child:
    """gunicorn on the listening socket, holding `lock` for as long as it has the port."""
    arguments = ["gunicorn", "dashboard.wsgi", "--bind", f"fd://{base.listener.fileno()}", "--preload"]
    arguments += ["--config", "python:dashboard.web.gunicorn_settings"]
    arguments += ["--workers", str(workers), "--threads", str(threads)]
    arguments += ["--graceful-timeout", str(ANSWER_SECONDS), "--timeout", "120"]
    arguments += ["--no-control-socket", "--log-level", "warning"]
    return Child(
        "The web server",
        [sys.executable, "-m", *arguments],
        (base.listener.fileno(), lock),
        LONGEST_WEB_PAUSE,
        work=(lambda: run_gunicorn(arguments)) if FORKS else None,
    )


def run_gunicorn(arguments: list[str]) -> None:
    # Imported here: no other process needs it.
    from gunicorn.app.wsgiapp import run  # noqa: PLC0415

    Path("/proc/self/comm").write_text("gatehouse-web")  # for `ps -o comm` and `top`
    sys.argv = arguments
    run()


def background(command: str) -> Child:
    """A command of manage.py that goes on until it is ended."""
    return Child(
        f"`{command}`",
        [*MANAGE, command],
        work=(lambda: run_command(command)) if FORKS else None,
    )


def run_command(command: str) -> None:
    Path("/proc/self/comm").write_text(command)
    sys.argv = ["manage.py", command]
    execute_from_command_line(sys.argv)


def wait_until_ready(base: Base, child: Child, seconds: float = 60) -> None:
    """Return when GET /hello is answered 200. Raises StartError if the child keeps ending, or on time-out."""
    deadline = time.monotonic() + seconds
    while not answers_hello(base.address):
        child.tend(time.monotonic())
        if child.failures > 3 or time.monotonic() > deadline:
            raise StartError(f"{child.name} does not answer at {base.url}/hello.")
        time.sleep(0.1)


def heed_signals(deploys: bool = False) -> None:
    """From here on SIGTERM and Ctrl-C unwind the stack, so that what has been started is stopped: Ctrl-C also where
    we were begun with it ignored, as a shell's job in the background, because `supervise` heeds it in any case.

    deploys: SIGHUP asks for one, and waits until it can be; else it ends us, as when the terminal is closed.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, lambda number, _: events.put(number) if deploys else sys.exit(0))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGHUP,))  # manage.py holds it until now


def run(
    base: Base,
    children: list[Child],
    hang_up: Callable[[], None] | None = None,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Start the web server, and the other children when it answers; keep all running until SIGTERM or Ctrl-C.

    Raises StartError. hang_up: what SIGHUP asks for; None: it ends us too, as it does when the terminal is closed.
    ready: called when all are started, just before the last line is said.
    """
    try:
        load_application()
        children[0].tend(time.monotonic())
        wait_until_ready(base, children[0])
        for child in children[1:]:
            child.tend(time.monotonic())
        ready()
        say(f"Gatehouse is ready: {base.url}/")
        supervise(base.engines, children, hang_up)
    finally:
        say("Stopping …")
        # The background work first: nobody may be told to pull from web processes that are about to end.
        for child in reversed(children):
            child.stop()


def load_application() -> None:
    """Import now what every child needs, which then lies in memory once."""
    if FORKS:
        for module in ("dashboard.wsgi", "dashboard.worker"):
            importlib.import_module(module)
    connections.close_all()


def supervise(engines: Engines, children: list[Child], hang_up: Callable[[], None] | None) -> None:
    queue_signals()
    while True:
        revive(engines)
        for child in children:
            child.tend(time.monotonic())
        came = _signals()
        if came & {signal.SIGTERM, signal.SIGINT} or (signal.SIGHUP in came and not hang_up):
            return
        if signal.SIGHUP in came:
            try:
                with ending_at_once():
                    hang_up()
            except OSError as error:  # too many processes, no memory
                say(f"The code that was running goes on running: {error.strerror}.")


def queue_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, lambda number, _: events.put(number))


@contextlib.contextmanager
def ending_at_once() -> Iterator[None]:
    """Within it SIGTERM and Ctrl-C unwind the stack, once: nobody waits for a deploy that is not to be used."""

    def end(*_: object) -> None:
        queue_signals()
        sys.exit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    try:
        yield
    finally:
        queue_signals()


def _signals() -> set[int]:
    """What came, after a second at most. However often it came meanwhile: one deploy is of what lies on disk now."""
    came = set()
    with contextlib.suppress(queue.Empty):
        came.add(events.get(timeout=1))
        while True:
            came.add(events.get_nowait())
    return came


def revive(engines: Engines) -> None:
    if engines.alive():
        return
    say("An engine ended; it is started again.")
    try:
        engines.revive()
    except EngineError as error:
        say(str(error))
