"""`gunicorn dashboard.wsgi` alone: no supervisor, nothing collected."""

import http.client
import io
import os
import re
import socket
import subprocess
import sys

import pytest
from django.test.client import RequestFactory

from dashboard import wsgi
from dashboard.web.limits import LARGEST_BODY
from tests.entry.conftest import until

ENGINES = ("DATABASE_URL", "DATABASE_MIGRATE_URL", "REDIS_URL")


def get(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def answers(port: int) -> bool:
    try:
        return get(port, "/hello")[0] == 200
    except OSError:
        return False


def test_pages_and_their_files_are_there_before_anything_was_collected(run, committed, redis):
    environment = {name: os.environ[name] for name in ENGINES} | {"DEMONSTRATION": "", "HTTPS": "off"}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port, descriptor = listener.getsockname()[1], listener.fileno()
        run(
            "-m",
            "gunicorn",
            "dashboard.wsgi",
            "--bind",
            f"fd://{descriptor}",
            "--no-control-socket",
            environment=environment,
            pass_fds=[descriptor],
        )
    until(lambda: answers(port))
    for path, status in (("/sign-in/", 200), ("/nosuch/", 404)):
        answer, page = get(port, path)
        assert answer == status
        files = re.findall('(?:href|src)="(/static/[^"]+)"', page)
        assert files
        assert {file: get(port, file)[0] for file in files} == dict.fromkeys(files, 200)


def test_what_a_web_process_has_loaded_is_not_looked_through_for_garbage():
    program = (
        "import django, gc; django.setup();"
        "from dashboard.web import gunicorn_settings; gunicorn_settings.settle();"
        "from keys.finding import views;"
        "print(any(each is views.key_list for each in gc.get_objects()), gc.get_freeze_count() > 100_000)"
    )
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "dashboard.settings"}
    said = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert said.stdout == "False True\n"


def test_a_mount_below_a_path_is_refused_and_not_half_served(settings):
    begun = []
    environ = RequestFactory().get("/sign-in/").environ | {"SCRIPT_NAME": "/gate"}
    body = wsgi.application(environ, lambda *arguments: begun.append(arguments))
    assert b"".join(body) == b"Gatehouse is served at the root of a host name, not below a path.\n"
    assert begun[0][0] == "404 Not Found"


@pytest.mark.parametrize(
    ("sent", "announced"),
    [(0, 0), (5, 5), (LARGEST_BODY, LARGEST_BODY), (LARGEST_BODY + 9, LARGEST_BODY + 1)],
)
def test_a_chunked_body_is_said_to_be_too_large_and_never_cut_to_what_is_taken(sent, announced):
    def application(environ, _):
        return environ["CONTENT_LENGTH"], len(environ["wsgi.input"].read())

    body = {"wsgi.input": io.BytesIO(b"x" * sent), "wsgi.input_terminated": True}
    environ = {"HTTP_TRANSFER_ENCODING": "Chunked", **body}
    assert wsgi.of_known_length(application)(environ, None) == (str(announced), announced)
