"""Figures read from a replica, page by page, with the same server in its place. tests/machines has a real one."""

import re
from datetime import UTC, datetime

import pytest
from django.db import DEFAULT_DB_ALIAS, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard.analytics.models import Record
from dashboard.analytics.reports import search
from orgs import scope
from orgs.db.reading import REPLICA
from tests import make
from tests.analytics import screens
from tests.analytics.rest_wire import dates
from tests.analytics.screens import ago, push

OF_TRAFFIC = re.compile(r"\b(FROM|JOIN) \"?(record|rollup|rollup_cut|ingest_state)\b")


@pytest.fixture
def pages(replica, redis, client_for, rest):
    """Asks each page and route that shows figures of an organisation; gives the answers by address."""
    alpha = make.organisation("Alpha", "alpha")
    ann = make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR)
    one = {"OrgID": alpha.id, "TimeStamp": ago(minutes=5), "APIKey": "a" * 16}
    push(redis, one, {**one, "ResponseCode": 500})
    with scope.org(alpha.id):
        record = Record.objects.first()
    browser, program = client_for(ann), rest(ann)
    today = dates(datetime.now(UTC).date(), datetime.now(UTC).date())
    in_browser = ["", "analytics/", "analytics/keys/", "analytics/?format=csv&table=requests", "errors/"]
    in_browser += ["errors/?by=key", "logs/", "logs/?format=csv"]
    in_browser += [f"logs/{search.microseconds(record.ts)}/{record.id}/"]
    routes = [f"usage/{today}", f"usage/apis/{today}", f"activity/keys/{today}"]
    routes += [f"activity/errors/{today}", "logs"]

    def ask() -> dict[str, bytes]:
        found = {page: browser.get(f"/o/alpha/{page}") for page in in_browser}
        found |= {route: program.get(f"/api/{route}") for route in routes}
        assert {response.status_code for response in found.values()} == {200}
        return {address: response.getvalue() for address, response in found.items()}

    return ask


def test_what_is_said_of_traffic_comes_from_the_replica_alone_and_is_the_same(pages, monkeypatch):
    # Of two answers a minute apart each would begin with a minute of its own.
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)
    pages()  # the first proves that organisations are kept apart
    with (
        CaptureQueriesContext(connections[DEFAULT_DB_ALIAS]) as primary,
        CaptureQueriesContext(connections[REPLICA]) as replica,
    ):
        answers = pages()
    of_traffic = [query["sql"] for query in replica if OF_TRAFFIC.search(query["sql"])]
    others = [query["sql"] for query in replica if "orgs_" in query["sql"] or "apis_" in query["sql"]]
    assert (len(of_traffic) > 40, others) == (True, [])
    assert [query["sql"] for query in primary if OF_TRAFFIC.search(query["sql"])] == []
    monkeypatch.delitem(connections.settings, REPLICA)
    exact = [address for address in answers if "csv" in address or re.match("usage|activity|logs$", address)]
    own = pages()
    assert len(exact) == 7
    assert {address: own[address] for address in exact} == {address: answers[address] for address in exact}
