import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from http.client import HTTPConnection

import pytest
from django.conf import settings


@contextmanager
def _gunicorn(workers: int = 1) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        command = [sys.executable, "-m", "gunicorn", "dashboard.wsgi", "--bind", f"fd://{listener.fileno()}"]
        command += ["--workers", str(workers), "--threads", "8", "--keep-alive", "75", "--log-level", "error"]
        environment = os.environ | {"HTTPS": "0", "LOG_LEVEL": "CRITICAL"}
        process = subprocess.Popen(
            command, cwd=settings.BASE_DIR, env=environment, pass_fds=[listener.fileno()]
        )
        try:
            _await_answer(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=30)


def _await_answer(port: int) -> None:
    """The socket is open already, so the first request simply waits until somebody answers it."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", "/register/ping")
        response = connection.getresponse()
        assert (response.status, response.read()) == (
            401,
            b'{"Status":"Error","Message":"Not authorised","Meta":null}',
        )


@pytest.fixture
def start_gunicorn(committed) -> Callable[..., AbstractContextManager[str]]:
    """Starts the application as it is really served, on a free port of loopback, and gives its URL."""
    return _gunicorn


@pytest.fixture
def gunicorn(start_gunicorn) -> Iterator[str]:
    """The application as it is really served; its URL without a slash at the end."""
    with start_gunicorn() as url:
        yield url
