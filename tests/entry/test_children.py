"""What a supervisor does with its children and its port, taken step by step."""

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from dashboard.engines import children, listening, supervisor
from dashboard.engines.children import Child
from dashboard.engines.embedded import Engines
from dashboard.engines.supervisor import Base
from tests.entry.conftest import HERE, until

GATEWAYS_GIVE_UP = 30  # seconds that a connection waits at most in the queue of the port
NONE = Engines(None, scratch=True, postgresql=False, valkey=False)


def starts(child: Child, seconds: int) -> list[float]:
    """When a child that ends at once is started, in seconds from the first time, looked at every half second."""
    found = []
    for now in (half / 2 for half in range(2_000, 2_000 + 2 * seconds)):
        before = child.started_at
        child.tend(now)
        if child.started_at != before:
            found.append(now - 1_000)
            child.process.wait()
    return found


def test_a_child_that_keeps_ending_is_started_ever_more_seldom_and_at_least_every_half_minute():
    assert starts(Child("It", ["true"]), 130) == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 61.5, 91.5, 121.5]


def test_a_child_that_ran_for_a_while_is_started_at_once():
    child = Child("It", ["true"])
    starts(child, 20)
    child.tend(now=child.started_at + 0.5)
    child.tend(now=child.started_at + 31)
    began = child.started_at
    child.process.wait()
    child.tend(now=began + children.STEADY_SECONDS + 1)
    assert (child.failures, child.started_at) == (1, began + children.STEADY_SECONDS + 1)
    child.process.wait()


def test_a_machine_with_no_room_for_a_process_ends_nothing_and_the_child_starts_when_there_is(
    monkeypatch, capsys
):
    def full():
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    child = Child("It", ["true"], work=lambda: None)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fork", full)
        child.tend(1_000)
    assert (child.process, child.failures) == (None, 1)
    assert capsys.readouterr().out == "It cannot be started now: Resource temporarily unavailable.\n"
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()
    child.tend(1_001)
    assert child.process.wait(60) == 0


def test_a_child_whose_code_is_gone_ends_nothing(capsys):
    child = Child("It", ["/nowhere/python"])
    child.tend(1_000)
    assert (child.process, child.failures) == (None, 1)
    assert capsys.readouterr().out == "It cannot be started now: No such file or directory.\n"


def test_a_signal_that_comes_while_a_process_is_begun_is_heeded_and_the_process_hears_all_signals():
    """In the function that Python calls after fork(2), where what a handler raises is forgotten."""
    program = (
        "import os, signal, sys; from dashboard.engines.processes import begin;"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(3));"
        "say = 'import signal; print(signal.pthread_sigmask(signal.SIG_BLOCK, ()))';"
        "begin([sys.executable, '-c', say], signal.SIGTERM).wait(); sys.stdout.flush();"
        "os.register_at_fork(after_in_parent=lambda: os.kill(os.getpid(), signal.SIGTERM));"
        "begin(['sleep', '60'], signal.SIGTERM); print('it goes on')"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=HERE, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, b"set()\n", b"")


def test_a_child_is_started_though_what_was_said_finds_no_room_on_the_disk(monkeypatch):
    full = os.fdopen(os.open("/dev/full", os.O_WRONLY), "w", closefd=False)
    monkeypatch.setattr(sys, "stdout", full)
    children.say("It ended with 1; it is started again.")
    child = Child("It", ["true"], work=lambda: None)
    child.tend(1_000)
    child.process.wait(60)
    monkeypatch.undo()
    assert child.started_at == 1_000
    with pytest.raises(OSError, match="No space"):
        full.close()


@pytest.fixture
def own_signals():
    """What the test run does with signals, again."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def test_deploys_asked_for_again_and_again_are_one_and_the_end_waits_for_none(own_signals, capsys):
    deploys = []

    def deploy():
        deploys.append(1)
        if len(deploys) == 1:
            for number in (signal.SIGHUP, signal.SIGHUP, signal.SIGHUP):
                supervisor.events.put(number)
            raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
        for number in (signal.SIGHUP, signal.SIGHUP, signal.SIGTERM):
            supervisor.events.put(number)

    for _ in range(5):
        supervisor.events.put(signal.SIGHUP)
    supervisor.supervise(NONE, [], deploy)
    assert (len(deploys), supervisor.events.empty()) == (2, True)
    assert capsys.readouterr().out == "The code that was running goes on running: Cannot allocate memory.\n"


def test_the_web_server_is_back_long_before_a_gateway_gives_up():
    with listening.listen("127.0.0.1", 0) as listener:
        base = Base(listener, NONE, listening.own_address(listener))
        assert supervisor.web(base, 0, 1, 1).longest_pause * 10 < GATEWAYS_GIVE_UP


def test_a_child_that_does_not_end_when_asked_is_killed(tmp_path):
    child = Child("It", ["sh", "-c", f"trap '' TERM; touch {tmp_path}/up; while :; do sleep 0.05; done"])
    child.tend(1_000)
    process = child.process
    while not (tmp_path / "up").exists():
        pass
    child.stop(seconds=0.2)
    assert (child.process, process.poll()) == (None, -signal.SIGKILL)


class Up(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def test_nobody_is_told_to_pull_from_web_processes_that_have_ended(tmp_path, capsys):
    """The background work ends first."""
    log = tmp_path / "log"

    def child(name: str) -> Child:
        end = f"trap 'sleep 0.1; echo {name} >> {log}; exit' TERM; touch {tmp_path}/{name}; "
        return Child(name, ["sh", "-c", end + "while :; do sleep 0.05; done"])

    def ready():
        until(lambda: all((tmp_path / name).exists() for name in ("web", "worker")))
        raise KeyboardInterrupt

    with HTTPServer(("127.0.0.1", 0), Up) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        base = Base(server.socket, NONE, server.server_address)
        with pytest.raises(KeyboardInterrupt):
            supervisor.run(base, [child("web"), child("worker")], ready=ready)
        server.shutdown()
        thread.join()
    assert log.read_text().split() == ["worker", "web"]
    assert capsys.readouterr().out == "Stopping …\n"


@pytest.mark.parametrize(
    ("host", "reached"),
    [("127.0.0.1", "http://127.0.0.1"), ("0.0.0.0", "http://127.0.0.1"), ("::", "http://[::1]")],  # noqa: S104
)
def test_the_address_of_a_port_is_one_that_this_machine_reaches(host, reached):
    with listening.listen(host, 0) as listener:
        base = Base(listener, NONE, listening.own_address(listener))
        assert base.url == f"{reached}:{listener.getsockname()[1]}"
        socket.create_connection(base.address, timeout=5).close()


def test_a_socket_that_is_meant_for_another_process_is_not_taken(monkeypatch):
    monkeypatch.setenv("LISTEN_FDS", "1")
    monkeypatch.setenv("LISTEN_PID", "1")
    with listening.listen("127.0.0.1", 0) as listener:
        assert listener.fileno() != listening.FIRST_INHERITED
        assert listener.getsockname()[0] == "127.0.0.1"
