"""What the home page says of traffic that needs attention."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from dashboard.analytics.reports import attention
from dashboard.analytics.reports.attention import Failing
from dashboard.analytics.reports.traffic import Owners
from orgs import scope
from tests import make
from tests.analytics.screens import push

NOON = datetime(2026, 11, 26, 12)


@pytest.mark.parametrize(
    ("hits", "failed", "hits_before", "failed_before", "up"),
    [
        (1000, 9, 1000, 0, False),  # too few to say anything
        (1000, 40, 1000, 4, True),
        (10_000, 400, 10_000, 250, False),  # less than twice as much, and no chance
        (2000, 40, 1000, 20, False),  # twice the traffic, twice the errors
        (1000, 24, 1000, 10, False),  # chance
        (1000, 10, 0, 0, True),  # there was no traffic a week before
    ],
)
def test_an_api_fails_more_than_a_week_before_by_more_than_chance(
    hits, failed, hits_before, failed_before, up
):
    assert Failing("x", hits, failed, hits_before, failed_before, NOON).is_up is up


def stamp(instant: datetime) -> list[int]:
    return [int(instant.timestamp()), 0]


def requests(cast, at: datetime, count: int, **members) -> list[dict]:
    common = {"OrgID": cast.acme.id, "APIID": "orders", "TimeStamp": stamp(at), "RequestTime": 5}
    return [{**common, "Latency": {"Total": 5, "Upstream": 0}, **members} for _ in range(count)]


def said(cast, person) -> list:
    with scope.org(cast.acme.id):
        return list(attention.items(cast.acme, person, timezone.now()))


@pytest.mark.usefixtures("committed")
def test_an_api_that_fails_and_refused_calls_are_told_of_with_both_weeks(
    redis, cast, client_for, monkeypatch
):
    now = timezone.now()
    hour = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    refused = {"ResponseCode": 401, "RequestTime": 0, "Latency": {"Total": 0, "Upstream": 0}}
    push(
        redis,
        *requests(cast, hour - timedelta(days=7), 100, ResponseCode=200),
        *requests(cast, hour - timedelta(days=7), 1, ResponseCode=503),
        # Most requests came in another hour than most errors, some of which are of the hour that is running.
        *requests(cast, hour - timedelta(hours=1), 60, ResponseCode=200),
        *requests(cast, hour, 35, ResponseCode=503),
        *requests(cast, now, 5, ResponseCode=503),
        *requests(cast, hour, 10, **refused),
        # An upstream refuses, too.
        *requests(cast, hour, 15, ResponseCode=403, APIID="carts"),
    )
    failing, refusals = said(cast, cast.acme_admin)
    since, worst = (now - timedelta(days=1)).replace(minute=0), hour
    begins = f"{since.day} {since:%b %H:%M}"
    assert failing.text == (
        f"orders answered 40 requests with 5xx (36.4 %) since {begins}, most from {worst.day} {worst:%b %H:%M} to "
        f"{worst + timedelta(hours=1):%H:%M}; in the same hours a week before 1 (0.99 %)."
    )
    assert failing.bad
    [row] = client_for(cast.acme_admin).get(failing.url).context["rows"]
    assert (row["status"], row["api"], row["hits"]) == (503, "orders", "40")
    assert refusals.text == (
        f"10 requests (8 %) were refused by gateways since {begins}: 10 without a valid key (401)."
    )
    assert not refusals.bad
    rows = client_for(cast.acme_admin).get(refusals.url).context["rows"]
    assert [(row["status"], row["hits"]) for row in rows] == [(403, "15"), (401, "10")]
    assert said(cast, make.user("ned@acme.example", cast.acme, {"apis": "read", "log": "read"})) == []
    # Of more APIs than are named it is said how many they are.
    monkeypatch.setattr(attention, "MOST_NAMED", 0)
    monkeypatch.setattr(attention, "REFUSED_SHARE", 8.0)
    assert [item.text for item in said(cast, cast.acme_admin)] == [
        "1 more API fails more often than a week before.",
        refusals.text,
    ]
    monkeypatch.setattr(attention, "REFUSED_SHARE", 8.1)
    assert len(said(cast, cast.acme_admin)) == 1


def test_a_week_before_is_the_same_time_on_the_clock():
    owners = Owners(("acme",), ZoneInfo("Europe/Berlin"))
    # Clocks went back on 25 October 2026.
    assert attention._a_week_before(datetime(2026, 10, 26, 11, tzinfo=UTC), owners) == datetime(
        2026, 10, 19, 10, tzinfo=UTC
    )


@pytest.mark.usefixtures("committed")
def test_as_many_errors_as_a_week_before_are_calm(redis, cast, client_for):
    now = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    for at in (now, now - timedelta(days=7)):
        push(redis, *requests(cast, at, 50, ResponseCode=200), *requests(cast, at, 20, ResponseCode=500))
    refused = {"ResponseCode": 429, "RequestTime": 0, "Latency": {"Total": 0, "Upstream": 0}}
    push(redis, *requests(cast, now, 9, **refused))
    assert said(cast, cast.acme_admin) == []
    page = client_for(cast.acme_admin).get("/o/acme/")
    assert page.context["attention"] == []
    assert b"Nothing needs attention at" in page.content
