"""A browser, and a server with the demonstration's data behind real HTTP."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from dashboard.analytics.ingest import drain, partitions
from dashboard.demonstration import seed
from dashboard.demonstration.push import LIST
from orgs.models import Organisation
from tests.alerts import build as alerts
from tests.conftest import _copy_database, _drop_database
from tests.keys.adoption import build as elsewhere
from tests.keys.certificates import build as certificates
from tests.keys.oauth import build as oauth
from tests.keys.policies import build as policies

CHROMIUM = Path("/usr/bin/chromium")
# As root in a container, and without looking for a network that may not be there.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
HOURS = 26


@pytest.fixture(scope="module")
def _browser(django_db_setup) -> Iterator[Any]:
    """Debian's chromium under Playwright, for all tests of a file."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="needs the extra `browser` of pyproject.toml"
    )
    if not CHROMIUM.exists():
        pytest.skip(f"needs Debian's chromium ({CHROMIUM})")
    # While Playwright's loop runs in this thread, Django keeps other connections than before and after it, and closes
    # only those: one that an earlier test left open would outlive the database that is dropped after the next one.
    connections.close_all()
    with pytest.MonkeyPatch.context() as environment:
        # Django would refuse to speak to the database beside a loop.
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "yes")
        with playwright.sync_playwright() as running:
            browser = running.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
            yield browser
            browser.close()


@pytest.fixture
def chromium(_browser) -> Iterator[Any]:
    """The browser; its windows are closed after the test."""
    yield _browser
    for window in _browser.contexts:
        window.close()


@dataclass
class Account:
    email: str
    password: str


@dataclass
class Site:
    """A running Gatehouse with the demonstration's data, and the traffic of a day."""

    url: str
    slug: str
    administrator: Account
    super_user: Account


def furnish(redis, org: Organisation) -> None:
    """What the demonstration has nothing of, so that each page is linked from somewhere."""
    protected = oauth.api(org)
    oauth.client(org, protected, policies.policy(org, protected, name="Gold", tags=["plan"]))
    certificates.uploaded(org, certificates.made("client").pem)
    failing = alerts.found(org, datetime.now(UTC) - timedelta(hours=3))
    alerts.left(failing, last_error="it answers 500", attempts=3)
    elsewhere.write(redis, org, protected, name="ab" * 32, alias="Made elsewhere")
    elsewhere.find(redis)


@pytest.fixture(scope="session")
def _kept(django_db_setup) -> Iterator[dict[str, tuple[Any, list]]]:
    """What was made once: by the name of its database what was answered, and the keys of Valkey."""
    kept: dict[str, tuple[Any, list]] = {}
    yield kept
    for database in kept:
        _drop_database(database)


@pytest.fixture
def made_once(committed, redis, _kept) -> Callable[[str, Callable[[], Any]], Any]:
    """Answers what a function does, and has the database and Valkey as it left them: by it, or as a copy of that."""

    def once(name: str, make: Callable[[], Any]) -> Any:
        database = connections["default"].settings_dict["NAME"]
        copy = f"{database}_{name}"
        if copy in _kept:
            connections.close_all()
            _copy_database(database, copy)
            for key, milliseconds, value in _kept[copy][1]:
                redis.restore(key, milliseconds, value)
        else:
            made = make()
            connections.close_all()
            _copy_database(copy, database)
            keys = [(key, max(redis.pttl(key), 0), redis.dump(key)) for key in redis.scan_iter()]
            _kept[copy] = made, keys
        return _kept[copy][0]

    return once


@pytest.fixture
def site(server, redis, node_client, tmp_path, made_once) -> Site:
    slug, *accounts = made_once("site", lambda: demonstrated(redis, tmp_path))
    node_client.get("/register/node", headers={"x-tyk-hostname": "gateway-1"})
    return Site(server, slug, *accounts)


def demonstrated(redis, directory: Path) -> tuple[str, Account, Account]:
    """The demonstration's data with its traffic, in the database: slug, administrator, super-user."""
    demonstration = seed.seed(directory)
    now = datetime.now(UTC)
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    hours = [this_hour - timedelta(hours=back) for back in range(HOURS)]
    traffic = seed.traffic(demonstration)
    records = [record for hour in hours for at, record in traffic.hour(hour) if at < now.timestamp()]
    partitions.ensure({hour.date() for hour in hours})
    redis.rpush(LIST, *records)
    while drain.tick(redis):
        pass
    organisation = demonstration["organisations"][0]
    furnish(redis, Organisation.everyone.get(slug=organisation["slug"]))
    people = (organisation["users"][0], demonstration["super_user"])
    return organisation["slug"], *(Account(person["email"], person["password"]) for person in people)
