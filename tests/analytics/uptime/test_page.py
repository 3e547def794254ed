"""The page of upstreams."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apis.publishing import publish
from dashboard.analytics.uptime import looks, page, reader
from dashboard.analytics.uptime.looks import Check, Target
from orgs import scope
from tests import make
from tests.keys import build
from tests.nodes.test_views import text_of
from tests.orgs.http.files import file_of


def looked(org, api_id, url, *found):
    """found: (minutes ago, whether it is up, ms)."""
    now = timezone.now()
    target = Target(org.id, api_id, url)
    checks = [
        Check(target, now - timedelta(minutes=minutes), up, up, 200 if up else 0, latency)
        for minutes, up, latency in found
    ]
    with scope.every_org():
        looks.add_hours(checks)
        looks.set_latest(checks)


def filled(cast):
    orders = build.api(cast.acme)
    looked(cast.acme, orders.api_id, "http://a/", (60 * 100, False, 0), (3, True, 10), (1, True, 30))
    looked(cast.acme, orders.api_id, "http://b/", (2, True, 8), (1, False, 0))
    looked(cast.acme, "gone", "http://c/?key=x", (11, False, 0))
    looked(cast.acme, orders.api_id, "http://long-ago/", (60 * 24 * 8, False, 0))
    looked(cast.globex, "theirs", "http://secret-of-globex/", (1, True, 5))
    return orders


def test_each_organisation_reads_of_its_own_with_what_is_down_first(client_for, cast):
    filled(cast)
    analyst = make.user("a@acme.example", cast.acme, {"analytics": "read"})
    answer = client_for(analyst).get("/o/acme/uptime/")
    rows = [
        (row["name"], row["url"], row["state"], row["day"], row["week"], row["latency"])
        for row in answer.context["rows"]
    ]
    assert rows == [
        ("Orders", "http://b/", "down", "50.00 %", "50.00 %", 8),
        ("", "http://c/?…", "unknown", "0.00 %", "0.00 %", None),
        ("Orders", "http://a/", "up", "100.00 %", "66.67 %", 20),
    ]
    text = text_of(answer)
    assert (text.count("3 upstreams: 1 down"), text.count(", no answer"), text.count("globex")) == (1, 1, 0)
    assert text.count(" UTC , 7 days those since ") == 1
    assert "api-detail" not in text and 'href="/o/acme/apis/' not in answer.content.decode()
    assert answer.content.decode().count("secret-of-globex") == 0
    admin = client_for(cast.acme_admin).get("/o/acme/uptime/").content.decode()
    assert admin.count('<th scope="row"><a class="cut" href="/o/acme/apis/') == 2
    assert ("key=x" in admin, "key=x" in answer.content.decode()) == (True, False)
    assert client_for(cast.acme_member).get("/o/acme/uptime/").status_code == 403
    lines = file_of(client_for(analyst).get("/o/acme/uptime/?format=csv"))
    assert [(line[2], line[3], *line[7:]) for line in lines] == [
        ("upstream", "now", *page.CSV_HEADER[7:]),
        ("http://b/", "down", "2", "1", "8", "2", "1"),
        ("http://c/?…", "unknown", "1", "1", "", "1", "1"),
        ("http://a/", "up", "2", "0", "20", "3", "1"),
    ]


def test_who_owns_an_api_reads_of_the_upstreams_of_that_alone(client_for, cast):
    orders = filled(cast)
    owner = make.user("o@acme.example", cast.acme, {"owned_analytics": "read"})
    client = client_for(owner)
    assert text_of(client.get("/o/acme/uptime/")).count("You own no API here") == 1
    with scope.org(cast.acme.id):
        publish.keep(orders, {"user_owners": [owner.id]}, author=owner, started_from=orders.revision)
    answer, lines = client.get("/o/acme/uptime/"), file_of(client.get("/o/acme/uptime/?format=csv"))
    assert [row["url"] for row in answer.context["rows"]] == ["http://b/", "http://a/"]
    assert text_of(answer).count("2 upstreams: 1 down") == 1
    assert [line[2] for line in lines] == ["upstream", "http://b/", "http://a/"]


@pytest.mark.parametrize("count", [1, 3])
def test_one_upstream_takes_as_many_queries_as_three(client_for, cast, django_assert_num_queries, count):
    for number in range(count):
        looked(cast.acme, f"api-{number}", "http://a/", (1, True, 10))
    client = client_for(cast.acme_admin)
    client.get("/")  # the first request of a process also proves the isolation
    # savepoint, session, user, how many there are, upstreams, their sums, names, the clock, release
    with django_assert_num_queries(9):
        client.get("/o/acme/uptime/")


def test_an_empty_page_says_how_to_switch_it_on(client_for, cast):
    page = text_of(client_for(cast.acme_admin).get("/o/acme/uptime/"))
    counts = [
        page.count(said)
        for said in ("No upstream is looked at yet", '"enable_uptime_analytics": true', '"check_list"')
    ]
    assert counts == [1, 1, 1]


@pytest.mark.parametrize(
    ("checks", "failures", "shown"),
    [
        (None, None, ""),
        (0, 0, ""),
        (4, None, "100.00 %"),
        (3, 1, "66.67 %"),
        (1_000_000, 1, "99.99 %"),
        (1_000_000, 999_999, "0.01 %"),
        (5, 5, "0.00 %"),
    ],
)
def test_a_share_never_hides_the_one_that_is_otherwise(checks, failures, shown):
    assert reader.share(checks, failures) == shown
