"""A small fixed cast, on a real PostgreSQL as the application's role and a real Valkey.

Each test process has a copy of the migrated database and a Valkey of its own (`manage.py test` starts the servers).
"""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import hypothesis
import psycopg
import pytest
import redis as redis_package
from django.conf import settings
from django.db import connections
from django.template import Context, Template
from django.test import Client
from django.test.signals import template_rendered

from apis.gateways import redis_client

# Here and not first in a test: it sets logging up again, whose handler would keep the stderr of that test.
from dashboard import wsgi
from dashboard.analytics.explaining import reading as explaining
from dashboard.analytics.radius import definitions
from dashboard.analytics.radius import reading as radius
from dashboard.analytics.replay import reading as replay
from dashboard.analytics.reports import reader, search
from dashboard.analytics.reports.errors import reader as errors
from dashboard.engines import embedded
from keys import openers
from keys.history import then
from keys.hygiene import findings
from orgs.db import reading
from orgs.models import Organisation, User
from orgs.signing_in import passwords
from orgs.signing_in.credentials import access_key_hash, new_access_key
from tests import make


def pytest_configure(config):
    if "SCRATCH_SUPERUSER_URL" not in os.environ:
        pytest.exit(
            "Run the tests with `python3 manage.py test [pytest arguments]`: it starts their servers.", 4
        )
    # Hashing that is slow on purpose has its own tests; the cast signs in often.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # A busy machine is slow, which is no fault of what is tested. So pages are patient even with what they could do
    # without, except where that is the test.
    explaining.PATIENCE = radius.PATIENCE = replay.PATIENCE = then.PATIENCE = "60s"
    reader.TIMEOUT = openers._PATIENCE = findings._PATIENCE = "60s"
    errors.PATIENCE = search.PATIENCE = redis_client.HASTE = 60.0
    definitions.SECONDS = replay.SECONDS = 60.0
    hypothesis.settings.register_profile(
        "without deadline", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    hypothesis.settings.load_profile("without deadline")


# Files that take a minute or so. Begun last, they would leave the other processors without work.
LONGEST = ("tests/test_hostile.py", "tests/browser/test_pages.py", "tests/entry/test_supervisor.py")
LONGEST += (
    "tests/dashboard/management/commands/test_bench.py",
    "tests/test_walk.py",
    "tests/test_headers.py",
)


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


@pytest.fixture(scope="session", autouse=True)
def _told_of_pages_only(django_test_environment) -> None:
    """Answers know the context of their page; Django has told them that of each part of it, and copied it each time."""

    def render(template: Template, context: Context) -> str:
        if context.template is template:
            template_rendered.send(sender=template, template=template, context=context)
        return template.nodelist.render(context)

    Template._render = render  # which Django takes back at the end


def _superuser(statement: str) -> None:
    with psycopg.connect(os.environ["SCRATCH_SUPERUSER_URL"], autocommit=True) as connection:
        connection.execute(statement)


def _copy_database(name: str, template: str = "gatehouse") -> None:
    """Make `name` anew as a copy of `template`, to which nobody may be connected."""
    _drop_database(name)
    _superuser(f'CREATE DATABASE "{name}" TEMPLATE "{template}" OWNER gatehouse_owner')


def _drop_database(name: str) -> None:
    _superuser(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def django_db_setup(request, django_db_blocker) -> Iterator[None]:
    """A copy of the migrated database for this process; processes which tests start find it in the environment."""
    name = f"gatehouse_{getattr(request.config, 'workerinput', {}).get('workerid', 'alone')}"
    _copy_database(name)
    for alias, variable in (("default", "DATABASE_URL"), ("owner", "DATABASE_MIGRATE_URL")):
        os.environ[variable] = os.environ[variable].replace("/gatehouse?", f"/{name}?")
        settings.DATABASES[alias]["NAME"] = connections[alias].settings_dict["NAME"] = name
    yield
    connections.close_all()
    _drop_database(name)


@pytest.fixture
def committed(django_db_setup, django_db_blocker) -> Iterator[None]:
    """Real commits, seen by other connections and processes; afterwards the database is copied anew."""
    with django_db_blocker.unblock():
        yield
        connections.close_all()
        _copy_database(connections["default"].settings_dict["NAME"])


@pytest.fixture
def replica(committed, monkeypatch) -> Iterator[dict]:
    """The database itself as its own replica (orgs.db.reading): what Django knows of it, which may be changed."""
    facts = connections.settings["default"] | {"ATOMIC_REQUESTS": False, "READ_ONLY": True}
    monkeypatch.setitem(connections.settings, reading.REPLICA, facts)
    monkeypatch.setattr(reading, "_alone_until", 0.0)
    monkeypatch.setattr(reading, "_proved", False)
    yield facts
    connections[reading.REPLICA].close()
    del connections[reading.REPLICA]


@pytest.fixture(scope="session")
def _valkey() -> Iterator[str]:
    with embedded.start(None, scratch=True, postgresql=False) as engines:
        os.environ["REDIS_URL"] = settings.REDIS_URL = engines.redis_url
        yield engines.redis_url


@pytest.fixture
def redis(_valkey) -> Iterator[redis_package.Redis]:
    """A client of an empty Valkey, the one that the application talks to."""
    with redis_package.Redis.from_url(_valkey) as client:
        client.flushall()
        yield client


@dataclass
class Cast:
    """acme and globex do not know of each other; members have no rights until a test gives some."""

    acme: Organisation
    globex: Organisation
    acme_admin: User
    acme_member: User
    globex_admin: User
    globex_member: User
    super_user: User


@pytest.fixture
def cast(request) -> Cast:
    """Two organisations with an administrator and a member each, and a super-user; committed if the test is."""
    request.getfixturevalue("committed" if "committed" in request.fixturenames else "db")
    acme, globex = Organisation.everyone.bulk_create(
        Organisation(owner_name=name, slug=slug)
        for name, slug in (("Acme Retail", "acme"), ("Globex", "globex"))
    )
    people = User.everyone.bulk_create(
        User(
            email=email,
            org=org,
            permissions=granted,
            is_superuser=org is None,
            password=_password_of(email, settings.PASSWORD_HASHERS[0]),
            password_email=email,
        )
        for email, org, granted in (
            ("ada@acme.example", acme, {"IsAdmin": "admin"}),
            ("max@acme.example", acme, {}),
            ("gus@globex.example", globex, {"IsAdmin": "admin"}),
            ("mia@globex.example", globex, {}),
            ("sue@platform.example", None, {}),
        )
    )
    return Cast(acme, globex, *people)


@cache
def _password_of(email: str, hasher: str) -> str:
    """The hash of the password of somebody who is the first with this address. hasher: the preferred one."""
    return passwords.hashed(make.PASSWORD, passwords.salt_of_nobody(email))


@pytest.fixture
def client_for() -> Callable[[User | None], Client]:
    """A browser in which the person is signed in; None is nobody."""

    return make.signed_in


@pytest.fixture
def rest() -> Callable[[User], Client]:
    """A client which sends the person's access key; earlier keys of the person end."""

    def with_key(user: User) -> Client:
        key = new_access_key()
        User.everyone.filter(pk=user.pk).update(access_key_hash=access_key_hash(key))
        user.access_key_hash = access_key_hash(key)
        return Client(headers={"Authorization": key})

    return with_key


@pytest.fixture
def admin_client() -> Client:
    """A client which sends the admin secret."""
    return Client(headers={"admin-auth": settings.ADMIN_SECRET})


@pytest.fixture
def node_client() -> Client:
    """A client which sends the node secret, as a gateway does."""
    return Client(headers={"Authorization": settings.NODE_SECRET})


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128  # a browser opens more connections at once than the usual five

    def process_request_thread(self, request, client_address):
        try:
            super().process_request_thread(request, client_address)
        finally:
            connections.close_all()


class _QuietHandler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass


@pytest.fixture
def server(committed) -> Iterator[str]:
    """The application behind real HTTP on a free port of loopback; its URL without a slash at the end."""
    with _Server(("127.0.0.1", 0), _QuietHandler) as http:
        http.set_app(wsgi.application)
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


@contextmanager
def serving(workers: int = 1, threads: int = 8, *arguments: str) -> Iterator[str]:
    """The application as it is really served, on a free port of loopback; its URL without a slash at the end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        command = [sys.executable, "-m", "gunicorn", "dashboard.wsgi", "--bind", f"fd://{listener.fileno()}"]
        command += ["--config", "python:dashboard.web.gunicorn_settings"]
        command += ["--workers", str(workers), "--threads", str(threads), "--log-level", "error", *arguments]
        environment = os.environ | {"HTTPS": "0", "LOG_LEVEL": "CRITICAL"}
        process = subprocess.Popen(
            command, cwd=settings.BASE_DIR, env=environment, pass_fds=[listener.fileno()]
        )
        try:
            _await_answer(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=120)  # a web process that missed the signal is waited for 30 seconds


def _await_answer(port: int) -> None:
    """The socket is open already, so the first request simply waits until somebody answers it."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=120)) as connection:
        connection.request("GET", "/register/ping")
        response = connection.getresponse()
        assert (response.status, response.read()) == (
            401,
            b'{"Status":"Error","Message":"Not authorised","Meta":null}',
        )


@pytest.fixture
def start_gunicorn(committed) -> Callable[..., AbstractContextManager[str]]:
    """Starts the application as it is really served, on a free port of loopback, and gives its URL."""
    return serving


@pytest.fixture
def gunicorn(start_gunicorn) -> Iterator[str]:
    """The application as it is really served; its URL without a slash at the end."""
    with start_gunicorn() as url:
        yield url
