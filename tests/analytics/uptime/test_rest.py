"""Whether upstreams answer, over REST."""

from apis.publishing import publish
from orgs import scope
from tests import make
from tests.analytics.uptime.test_page import filled, looked


def test_uptime_is_told_to_who_may_see_traffic_of_what_he_may_see(cast, rest):
    orders = filled(cast)
    client = rest(make.user("a@acme.example", cast.acme, {"analytics": "read"}))
    answer = client.get("/api/uptime").json()
    assert list(answer) == ["data", "pages", "day_from", "week_from"]
    assert [
        (
            row["api_name"],
            row["url"],
            row["state"],
            row["week_checks"],
            row["week_failures"],
            row["day_latency"],
        )
        for row in answer["data"]
    ] == [
        ("Orders", "http://b/", "down", 2, 1, 8),
        ("", "http://c/?…", "unknown", 1, 1, None),
        ("Orders", "http://a/", "up", 3, 1, 20),
    ]
    assert set(answer["data"][0]) == {
        *("org_id", "api_id", "api_name", "url", "state", "since", "last_check", "status"),
        *("day_checks", "day_failures", "week_checks", "week_failures", "day_latency"),
    }
    assert [row["url"] for row in client.get("/api/uptime", {"api_id": "gone"}).json()["data"]] == [
        "http://c/?…"
    ]
    assert client.get("/api/uptime", {"api_id": "\0"}).status_code == 400
    assert client.get("/api/uptime", {"p": "x"}).status_code == 400
    # The same address of two organisations is counted for each.
    looked(cast.globex, orders.api_id, "http://b/", (1, True, 5))
    everybody = rest(cast.super_user).get("/api/uptime", {"p": "-1"}).json()["data"]
    assert [row["day_checks"] for row in everybody if row["url"] == "http://b/"] == [2, 1]
    assert any(row["url"] == "http://c/?key=x" for row in everybody)
    owner = make.user("o@acme.example", cast.acme, {"owned_analytics": "read"})
    assert rest(owner).get("/api/uptime").json()["data"] == []
    assert rest(owner).get("/api/uptime", {"api_id": orders.api_id}).status_code == 403
    with scope.org(cast.acme.id):
        publish.keep(orders, {"user_owners": [owner.id]}, author=owner, started_from=orders.revision)
    assert {row["api_id"] for row in rest(owner).get("/api/uptime").json()["data"]} == {orders.api_id}
    assert rest(cast.acme_member).get("/api/uptime").status_code == 403
