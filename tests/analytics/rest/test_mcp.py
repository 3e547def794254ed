"""The figures of MCP proxies over REST."""

from apis.publishing import publish
from orgs import scope
from tests import make
from tests.analytics import screens
from tests.analytics.rest_wire import ID, data, week
from tests.analytics.screens import ago, push
from tests.apis.examples import openapi, plain

JSON = "application/json"


def test_mcp_proxies_are_counted_apart_from_other_apis(committed, redis, rest):
    alpha, beta = make.organisation("Alpha", "alpha"), make.organisation("Beta", "beta")
    ann = rest(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))
    span = week("UTC")
    assert data(ann, f"/api/usage/mcp/{span}") == []
    proxies = [ann.post("/api/mcps", openapi(f"/{name}/"), JSON).json()["ID"] for name in ("one", "two")]
    with scope.org(alpha.id):
        other = publish.create(alpha.id, plain("/other/"), author=None)
    common = {"OrgID": alpha.id, "TimeStamp": ago(minutes=5), "ResponseCode": 200, "APIKey": "c" * 16}
    called = (
        (proxies[0], "/tools", 200),
        (proxies[0], "/tools", 404),
        (proxies[1], "/", 200),
        (other.api_id, "/", 200),
        (other.api_id, "/", 500),
    )
    push(
        redis,
        *({**common, "APIID": api, "RawPath": path, "ResponseCode": code} for api, path, code in called),
        {**common, "APIID": proxies[1], "RawPath": "/", "APIKey": "b" * 16},
        {**common, "OrgID": beta.id, "APIID": proxies[0]},
    )
    hits = {
        path: sum(row["hits"] for row in data(ann, f"/api/{path.replace('…', span)}"))
        for path in (
            "usage/mcp/…",
            f"usage/mcp/…?api_id={proxies[0]}",
            f"usage/mcp/…?api_id={other.api_id}",
            "activity/mcp/primitives/…",
            "activity/mcp/keys/cccccccccccccccc/…",
            "activity/mcp/keys/none/…",
        )
    }
    assert list(hits.values()) == [4, 2, 0, 4, 3, 0]
    rows = data(ann, f"/api/activity/mcp/primitives/{span}", sort="-1")
    named = {"path": "/tools", "api_id": proxies[0]}
    assert sorted((row["id"]["path"], row["hits"], row["error"]) for row in rows) == [
        ("/", 2, 0),
        ("/tools", 2, 1),
    ]
    [failing] = data(ann, f"/api/activity/mcp/primitives/errors/{span}")
    assert (failing["id"] | {"api_name": ""}) == {**ID, **named}
    assert len(data(ann, f"/api/activity/mcp/primitives/{span}", limit="1")) == 1
    owner = rest(make.user("otto@alpha.example", alpha, {"owned_analytics": "read"}))
    assert data(owner, f"/api/usage/mcp/{span}") == []
    assert owner.get(f"/api/usage/mcp/{span}", {"api_id": proxies[0]}).status_code == 403
    stranger = rest(make.user("bob@beta.example", beta, screens.ADMINISTRATOR))
    assert data(stranger, f"/api/usage/mcp/{span}") == []
    for name, value in (
        ("mcp_method", "tools/call"),
        ("mcp_primitive_type", "tool"),
        ("mcp_primitive_name", "x"),
        ("group_by", "name"),
        ("type", "csv"),
        ("limit", "0"),
        ("limit", "٣"),
    ):
        answer = ann.get(f"/api/activity/mcp/primitives/{span}", {name: value})
        assert (answer.status_code, answer.json()["Message"].partition(":")[0]) == (400, name)
