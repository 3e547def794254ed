import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection

import pytest
from django.conf import settings


@pytest.fixture
def gunicorn(committed) -> Iterator[str]:
    """The application as it is really served, on a free port of loopback; its URL without a slash at the end.

    Waits until it answers, which shows that a missing secret is refused.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        command = [sys.executable, "-m", "gunicorn", "dashboard.wsgi", "--bind", f"fd://{listener.fileno()}"]
        command += ["--threads", "8", "--log-level", "error", "--keep-alive", "75"]
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
