"""The whole of `serve`, with its real children, on a directory and a port of its own."""

import contextlib
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from dashboard.engines.supervisor import only_instance
from tests.entry.conftest import HERE, directory, free_port, holders, port_of, read_until, runner, until


@pytest.fixture(scope="module")
def installation() -> Iterator[Path]:
    """A directory in which `serve` was ready once."""
    with directory() as var:
        with runner(var) as run:
            read_until(run("manage.py", "serve", "--port", "0"), "Gatehouse is ready")
        yield var


@contextlib.contextmanager
def another(installation: Path) -> Iterator[Path]:
    """A copy of the installation, with its own address of Valkey: nothing has to be made before it is ready."""
    with directory() as var:
        subprocess.run(["cp", "-a", f"{installation}/.", var], check=True)
        (var / "valkey.url").unlink()
        yield var


@pytest.fixture
def var(installation) -> Iterator[Path]:
    with another(installation) as path:
        yield path


@pytest.fixture(scope="module")
def serving(installation):
    """One `serve` for all tests which change nothing about it: its directory, its process, its runner."""
    with another(installation) as var, runner(var) as run:
        serve = run("manage.py", "serve", "--port", "0")
        read_until(serve, "Gatehouse is ready")
        yield var, serve, run


def status_of_hello(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/hello")
    status = connection.getresponse().status
    connection.close()
    return status


def children(pid: int) -> dict[int, str]:
    """Process ids, names and command lines of what `pid` started and what has not ended."""
    found = {}
    for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with suppress(FileNotFoundError, ProcessLookupError):  # it ends just now
            names = (Path(f"/proc/{each}/{file}").read_text() for file in ("comm", "cmdline"))
            found[int(each)] = " ".join(name.strip().replace("\0", " ") for name in names)
    return found


# As forks, and as the commands that they are after a deploy.
WEB, WORKER = "^gatehouse-web |-m gunicorn", "^worker |manage.py worker"


def child(pid: int, pattern: str) -> int | None:
    with suppress(FileNotFoundError):
        return next((each for each, command in children(pid).items() if re.search(pattern, command)), None)
    return None


def end_of(serve: subprocess.Popen) -> int:
    """Its exit status. Where it does not end, what still runs below it is said."""
    with suppress(subprocess.TimeoutExpired):
        return serve.wait(180)
    raise AssertionError(f"it does not end: {children(serve.pid)}")


class Caller(threading.Thread):
    """Asks for /hello a hundred times a second, on a new connection each, and keeps what went wrong."""

    def __init__(self, port: int):
        super().__init__()
        self.port, self.ended, self.answers, self.refused, self.others = port, threading.Event(), 0, 0, []

    def run(self):
        while not self.ended.wait(0.01):
            try:
                self.answers += status_of_hello(self.port) == 200
            except ConnectionRefusedError:
                self.refused += 1
            except (OSError, http.client.HTTPException) as error:
                self.others.append(type(error).__name__)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()


def answers_grow(caller: Caller) -> None:
    before = caller.answers
    until(lambda: caller.answers > before + 3)


def test_killed_web_processes_come_back_without_one_refused_connection(run):
    serve = run("manage.py", "serve", "--port", "0")
    port, killed = port_of(serve), []
    with Caller(port) as caller:
        for _ in range(3):
            answers_grow(caller)
            gunicorn = child(serve.pid, WEB)
            for each in [gunicorn, *children(gunicorn)]:
                os.kill(each, signal.SIGKILL)
                killed.append(each)
            until(lambda: child(serve.pid, WEB) not in (None, gunicorn))  # noqa: B023
        answers_grow(caller)
    assert caller.refused == 0
    # Connections that the killed processes had taken, one each at most; those that waited are answered.
    assert len(caller.others) <= len(killed)


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A copy of the code, to be changed under a running `serve`."""
    copied = shutil.copytree(
        HERE, tmp_path / "code", ignore=shutil.ignore_patterns(".*", "var", "tests", "__pycache__")
    )
    return Path(copied)


def body_of_hello(port: int) -> str:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", "/hello")
        return connection.getresponse().read().decode()


def test_a_deploy_runs_the_code_on_disk_fails_no_request_and_keeps_the_old_if_the_new_does_not_start(
    run, checkout
):
    hello = checkout / "dashboard" / "hello.py"
    serve = run("manage.py", "serve", "--port", "0", cwd=checkout)
    port = port_of(serve)
    web, worker = child(serve.pid, WEB), child(serve.pid, WORKER)
    with Caller(port) as caller:
        answers_grow(caller)
        hello.write_text(hello.read_text().replace('"ok"', '"new"'))
        serve.send_signal(signal.SIGHUP)
        read_until(serve, "The code that lies on disk is running.")
        until(lambda: child(serve.pid, WORKER) not in (None, worker))
        until(lambda: web not in children(serve.pid))
        assert "new" in body_of_hello(port)
        web = child(serve.pid, WEB)
        hello.write_text("this is not Python")
        serve.send_signal(signal.SIGHUP)
        read_until(serve, "The new version")
        answers_grow(caller)
    assert (caller.refused, caller.others) == (0, [])
    assert child(serve.pid, WEB) == web


def test_a_deploy_asked_for_too_early_is_followed_as_soon_as_it_can_be(run):
    serve = run("manage.py", "serve", "--port", "0")
    read_until(serve, "Starting PostgreSQL")
    serve.send_signal(signal.SIGHUP)
    port = port_of(serve)
    assert serve.stdout.readline() == "The code that lies on disk is running.\n"
    assert status_of_hello(port) == 200


@pytest.mark.parametrize(
    ("file", "command"), [("preparation.py", "manage.py prepare"), ("wsgi.py", "-m gunicorn")]
)
def test_sigterm_ends_all_in_the_midst_of_a_deploy(run, checkout, file, command):
    """The preparation, or the new version's start, takes two minutes."""
    serve = run("manage.py", "serve", "--port", "0", cwd=checkout)
    read_until(serve, "Gatehouse is ready")
    slow = checkout / "dashboard" / file
    slow.write_text(f"import time\ntime.sleep(120)\n{slow.read_text()}")
    serve.send_signal(signal.SIGHUP)
    until(lambda: child(serve.pid, command))
    numbers = list(children(serve.pid))
    serve.terminate()
    assert end_of(serve) == 0
    assert serve.stdout.read() == "Stopping …\n"
    # What was just being started is not waited for: it dies with its parent.
    until(lambda: [each for each in numbers if Path(f"/proc/{each}").exists()] == [])


def test_a_killed_worker_and_a_killed_postmaster_come_back(run, var):
    serve = run("manage.py", "serve", "--port", "0")
    port = port_of(serve)
    for pattern in (WORKER, "/postgres -D", "valkey-server"):
        victim = child(serve.pid, pattern)
        os.kill(victim, signal.SIGKILL)
        until(lambda: child(serve.pid, pattern) not in (None, victim))  # noqa: B023
    until(lambda: status_of_hello(port) == 200)


def test_sigterm_ends_every_child_and_leaves_nothing_running(run, var):
    serve = run("manage.py", "serve", "--port", "0")
    read_until(serve, "Gatehouse is ready")
    numbers = list(children(serve.pid))
    serve.terminate()
    assert serve.wait(180) == 0
    assert [each for each in numbers if Path(f"/proc/{each}").exists()] == []
    assert holders(var) == []


def test_a_killed_supervisor_takes_its_children_along_and_the_next_one_serves(run, var):
    port = free_port()
    serve = run("manage.py", "serve", "--port", str(port))
    read_until(serve, "Gatehouse is ready")
    serve.kill()
    read_until(run("manage.py", "serve", "--port", str(port)), "Gatehouse is ready")
    assert status_of_hello(port) == 200


def test_a_socket_held_by_the_parent_keeps_callers_waiting_while_all_of_it_is_restarted(run):
    listener = socket.create_server(("127.0.0.1", 0))
    with listener, Caller(listener.getsockname()[1]) as caller:
        for _ in range(2):
            serve = start_with_socket(run, listener)
            read_until(serve, "Gatehouse is ready")
            answers_grow(caller)
            serve.terminate()
            assert serve.wait(180) == 0
        serve = start_with_socket(run, listener)
        read_until(serve, "Gatehouse is ready")
        answers_grow(caller)
    assert (caller.refused, caller.others) == (0, [])


def start_with_socket(run, listener: socket.socket) -> subprocess.Popen:
    """As systemd does it: the socket is descriptor 3, and the environment says so."""
    program = (
        "import os, sys; os.dup2(int(sys.argv[1]), 3);"
        "os.environ |= {'LISTEN_FDS': '1', 'LISTEN_PID': str(os.getpid())};"
        "os.execv(sys.executable, [sys.executable, 'manage.py', 'serve'])"
    )
    return run("-c", program, str(listener.fileno()), pass_fds=(listener.fileno(),))


def test_a_second_instance_on_the_same_directory_is_one_clear_sentence(serving):
    var, _, run = serving
    second = run("manage.py", "serve", "--port", "0")
    assert second.communicate(timeout=60)[1] == (
        f"CommandError: Gatehouse is already running on {var}: stop it first, or set GATEHOUSE_VAR.\n"
    )
    assert second.returncode == 1


def test_a_port_in_use_is_one_clear_sentence(run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        serve = run("manage.py", "serve", "--port", str(port))
        assert serve.communicate(timeout=60)[1] == (
            f"CommandError: Port {port} of 127.0.0.1 cannot be had: Address already in use.\n"
        )
    assert serve.returncode == 1


def test_secrets_that_were_made_are_for_nobody_else_to_read(serving):
    var = serving[0]
    files = [var / "valkey.url", *sorted((var / "secrets").iterdir())]
    assert [(file.name, oct(file.stat().st_mode & 0o777)) for file in files] == [
        ("valkey.url", "0o600"),
        ("admin_secret", "0o600"),
        ("node_secret", "0o600"),
        ("secret_key", "0o600"),
    ]


def test_locks_are_for_nobody_else_to_hold(serving):
    files = [file for file in sorted(serving[0].rglob("*.lock")) if file.stat().st_uid == os.geteuid()]
    assert {"children.lock", "instance.lock"} <= {file.name for file in files}
    assert {oct(file.stat().st_mode & 0o777) for file in files} == {"0o600"}


def test_a_lock_of_an_earlier_version_is_closed_to_others(tmp_path):
    (tmp_path / "instance.lock").touch(0o644)
    with only_instance(tmp_path):
        assert oct((tmp_path / "instance.lock").stat().st_mode & 0o777) == "0o600"


def test_no_command_line_names_a_secret(serving):
    var, serve, _ = serving
    secrets = [file.read_text().strip() for file in (var / "secrets").iterdir()]
    secrets.append(re.search(":([^:@]+)@", (var / "valkey.url").read_text())[1])
    commands = " ".join(children(serve.pid).values())
    assert re.findall("/valkey-server |postgres -D|gatehouse-web /|worker /", commands) == [
        "postgres -D",
        "/valkey-server ",
        "gatehouse-web /",
        "worker /",
    ]
    assert [secret for secret in secrets if secret in commands] == []


def test_a_database_that_is_away_at_the_start_is_one_clear_sentence(run):
    url = "postgresql://someone:the-password@127.0.0.1:1/gatehouse"
    urls = {"DATABASE_URL": url, "DATABASE_MIGRATE_URL": url}
    serve = run("manage.py", "serve", "--port", "0", environment=urls)
    assert serve.communicate(timeout=60)[1] == (
        'DATABASE_MIGRATE_URL: PostgreSQL cannot be used: connection to server at "127.0.0.1", port 1 failed: '
        "Connection refused.\n"
    )
    assert serve.returncode == 1
