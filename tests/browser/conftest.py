"""A browser, and a server with the demonstration's data behind real HTTP."""

from collections.abc import Iterator
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


@pytest.fixture
def chromium(monkeypatch) -> Iterator[Any]:
    """Debian's chromium under Playwright."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="needs the extra `browser` of pyproject.toml"
    )
    if not CHROMIUM.exists():
        pytest.skip(f"needs Debian's chromium ({CHROMIUM})")
    # While Playwright's loop runs in this thread, Django keeps other connections than before and after it, and closes
    # only those: one that an earlier test left open would outlive the database that is dropped after this one.
    connections.close_all()
    # Django would refuse to speak to the database beside a loop.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "yes")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        browser.close()


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


@pytest.fixture
def site(server, redis, node_client, tmp_path) -> Site:
    demonstration = seed.seed(tmp_path)
    now = datetime.now(UTC)
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    hours = [this_hour - timedelta(hours=back) for back in range(HOURS)]
    traffic = seed.traffic(demonstration)
    records = [record for hour in hours for at, record in traffic.hour(hour) if at < now.timestamp()]
    partitions.ensure({hour.date() for hour in hours})
    redis.rpush(LIST, *records)
    while drain.tick(redis):
        pass
    node_client.get("/register/node", headers={"x-tyk-hostname": "gateway-1"})
    organisation = demonstration["organisations"][0]
    furnish(redis, Organisation.everyone.get(slug=organisation["slug"]))
    accounts = [
        Account(person["email"], person["password"])
        for person in (organisation["users"][0], demonstration["super_user"])
    ]
    return Site(server, organisation["slug"], *accounts)
