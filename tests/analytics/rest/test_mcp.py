"""The figures of MCP proxies over REST."""

from django.db import connection
from django.test.utils import CaptureQueriesContext

from apis.publishing import publish
from dashboard.analytics.rest import mcp, reading
from orgs import scope
from tests import make
from tests.analytics import screens
from tests.analytics.rest_wire import ID, data, week
from tests.analytics.screens import ago, push, sheet
from tests.apis.examples import openapi, plain

JSON = "application/json"
NOTHING_NAMED = dict.fromkeys(mcp.MEMBERS, "")
FORECAST = {"mcp_method": "tools/call", "mcp_primitive_type": "tool", "mcp_primitive_name": "the forecast"}
ADD = FORECAST | {"mcp_primitive_name": "=1+1"}
LISTED = NOTHING_NAMED | {"mcp_method": "tools/list"}


def test_mcp_proxies_are_counted_apart_from_other_apis_and_by_what_was_called(
    committed, redis, rest, monkeypatch
):
    alpha, beta = make.organisation("Alpha", "alpha"), make.organisation("Beta", "beta")
    ann = rest(make.user("ann@alpha.example", alpha, screens.ADMINISTRATOR))
    span = week("UTC")
    assert data(ann, f"/api/usage/mcp/{span}") == []
    one, two = (ann.post("/api/mcps", openapi(f"/{name}/"), JSON).json()["ID"] for name in ("one", "two"))
    with scope.org(alpha.id):
        other = publish.create(alpha.id, plain("/other/"), author=None).api_id
    common = {"OrgID": alpha.id, "TimeStamp": ago(minutes=5), "RawPath": "/", "APIKey": "c" * 16}

    def came(api: str, status: int, call: dict | None, **more: object) -> dict:
        wire = zip(
            ("JSONRPCMethod", "PrimitiveType", "PrimitiveName"), (call or NOTHING_NAMED).values(), strict=True
        )
        stats = {"IsMCP": call is not None, **dict(wire)}
        return {**common, "APIID": api, "ResponseCode": status, "MCPStats": stats, **more}

    push(
        redis,
        came(one, 200, FORECAST, Tags=["gold"]),
        came(one, 404, FORECAST),
        came(one, 200, LISTED),
        came(two, 200, FORECAST, APIKey="b" * 16),
        came(two, 200, ADD),
        came(two, 500, None),  # of a gateway that does not say what was called
        came(other, 500, FORECAST),
        came(one, 200, FORECAST, OrgID=beta.id),
    )
    hits = {
        path: sum(row["hits"] for row in data(ann, f"/api/{path.replace('…', span)}"))
        for path in (
            "usage/mcp/…",
            f"usage/mcp/…?api_id={one}",
            f"usage/mcp/…?api_id={other}",
            "usage/mcp/…?mcp_method=tools/call",
            "usage/mcp/…?mcp_method=tools/call&mcp_primitive_name=the+forecast",
            f"usage/mcp/…?mcp_primitive_type=tool&api_id={two}",
            "usage/mcp/…?mcp_method=tools",
            "usage/mcp/…?tags=gold&mcp_method=tools/call",
            "activity/mcp/keys/cccccccccccccccc/…",
            "activity/mcp/keys/cccccccccccccccc/…?mcp_method=tools/call",
            "activity/mcp/keys/none/…",
        )
    }
    assert list(hits.values()) == [6, 3, 0, 4, 3, 2, 0, 1, 5, 3, 0]

    def lines(path: str, **params: str) -> list[tuple]:
        rows = data(ann, f"/api/activity/mcp/primitives{path}/{span}", **params)
        assert [row["id"] for row in rows] == [
            {**ID, "api_id": row["id"]["api_id"], "api_name": row["id"]["api_name"]}
            | {name: row["id"][name] for name in mcp.MEMBERS}
            for row in rows
        ]
        return [
            (row["id"]["api_id"], {name: row["id"][name] for name in mcp.MEMBERS}, row["hits"], row["error"])
            for row in rows
        ]

    def in_order(rows: list[tuple]) -> list[tuple]:
        return sorted(rows, key=str)

    assert in_order(lines("")) == in_order(
        [(one, FORECAST, 2, 1), (one, LISTED, 1, 0), (two, FORECAST, 1, 0), (two, ADD, 1, 0)]
    )
    by_type = {"mcp_primitive_type": "tool"}
    assert in_order(lines("", group_by="mcp_primitive_type", mcp_primitive_type="tool")) == in_order(
        [(one, NOTHING_NAMED | by_type, 2, 1), (two, NOTHING_NAMED | by_type, 2, 0)]
    )
    assert lines("/errors") == [(one, FORECAST, 2, 1)]
    assert lines("", limit="1") == [(one, FORECAST, 2, 1)]
    found = [row.get("MCPStats") for row in data(ann, "/api/logs", api=two)]
    wire = dict(zip(FORECAST, ("JSONRPCMethod", "PrimitiveType", "PrimitiveName"), strict=True))
    told = [{"IsMCP": True, **{wire[name]: part for name, part in call.items()}} for call in (FORECAST, ADD)]
    assert sorted(found, key=str) == sorted([None, *told], key=str)
    file = sheet(ann.get(f"/api/activity/mcp/primitives/{span}", {"type": "csv", "api_id": two}))
    assert sorted((row["api_id"], row["mcp_primitive_name"], row["hits"], row["error"]) for row in file) == [
        (two, "'=1+1", "1", "0"),
        (two, "the forecast", "1", "0"),
    ]
    file = sheet(ann.get(f"/api/usage/mcp/{span}", {"type": "csv"}))
    assert [(row["hits"], row["success"], row["error"]) for row in file] == [("6", "4", "2")]
    owner = rest(make.user("otto@alpha.example", alpha, {"owned_analytics": "read"}))
    assert data(owner, f"/api/usage/mcp/{span}") == []
    assert data(owner, f"/api/activity/mcp/primitives/{span}", mcp_method="tools/call") == []
    assert owner.get(f"/api/usage/mcp/{span}", {"api_id": one}).status_code == 403
    stranger = rest(make.user("bob@beta.example", beta, screens.ADMINISTRATOR))
    assert data(stranger, f"/api/usage/mcp/{span}") == []
    assert data(stranger, f"/api/activity/mcp/primitives/{span}") == []
    for name, value in (
        ("group_by", "name"),
        ("type", "xml"),
        ("limit", "0"),
        ("limit", "٣"),
    ):
        answer = ann.get(f"/api/activity/mcp/primitives/{span}", {name: value})
        assert (answer.status_code, answer.json()["Message"].partition(":")[0]) == (400, name)
    with CaptureQueriesContext(connection) as captured:
        assert len(data(ann, f"/api/usage/mcp/{span}", mcp_method="tools/call")) == 1
    # Of the primitives that are looked for the names alone are read.
    assert len([query for query in captured if "latency_max" in query["sql"]]) == 1
    monkeypatch.setattr(reading, "MOST_ROWS", 1)
    for path in ("usage/mcp", "activity/mcp/primitives", "activity/mcp/keys/cccccccccccccccc"):
        answer = ann.get(f"/api/{path}/{span}", {"mcp_method": "tools/call", "api_id": one}).json()
        assert (sum(row["hits"] for row in answer["data"]), answer["cut"]) == (2, {"rows": 2})
