"""MCP proxies: what is said of tools, resources and prompts, and what gateways are given of it."""

import pytest

from apis.definitions import kinds
from apis.definitions.oas import mcp
from tests.apis.examples import openapi

AT = "/x-tyk-api-gateway/middleware"
ON = {"enabled": True}


def proxy(**middleware):
    return mcp.marked(openapi(extension={"middleware": middleware}))


def said(document, *, trusted=False):
    found = kinds.problems(document, may_use_references=trusted, org_id="a" * 24)
    return [(problem.pointer, problem.message) for problem in found]


def test_rules_of_tools_become_paths_of_the_classic_half_and_their_names_stand_beside_it():
    limit = {"rateLimit": ON | {"rate": 5, "per": "1m"}}
    tools = {"get-weather": {"allow": ON, **limit}, "drop": {"block": ON}}
    document = proxy(mcpTools=tools, mcpResources={"data:x/*": {}}, mcpPrompts={})
    assert said(document) == []
    assert kinds.kind(document) == "mcp"
    served = kinds.classic_for_gateways(document, lambda api: None, {})
    assert (served["application_protocol"], served["json_rpc_version"], served["is_oas"]) == (
        "mcp",
        "2.0",
        True,
    )
    assert "x-gatehouse-kind" not in served
    paths = served["version_data"]["versions"]["Default"]["extended_paths"]
    assert {
        kind: [(each["path"], each["method"]) for each in entries] for kind, entries in paths.items()
    } == {
        "white_list": [("/mcp-tool:get-weather", "POST")],
        "rate_limit": [("/mcp-tool:get-weather", "POST")],
        "black_list": [("/mcp-tool:drop", "POST")],
    }
    beside = kinds.document_for_gateways(document)
    assert "x-gatehouse-kind" not in beside
    assert beside["x-tyk-api-gateway"]["middleware"] == {
        "mcpTools": {"get-weather": {"allow": ON}, "drop": {}},
        "mcpResources": {"data:x/*": {}},
    }
    [older] = kinds.additions(document)
    assert older == (
        f"{AT}: gateways that know nothing of MCP, those of 3.x among them, send requests on to the upstream and look "
        "at no tool, resource or prompt; for some are allowed by name, they answer 403 to every request."
    )


def test_a_proxy_of_which_nothing_more_is_said_is_known_by_gateways_all_the_same():
    served = kinds.document_for_gateways(proxy())
    assert served is not None
    assert "middleware" not in served["x-tyk-api-gateway"]


NONE_OF_IT = "must not be there: gateways do none of it for MCP"
BODY = {"transformRequestBody": ON | {"path": "/etc/passwd"}}
SECRET = {"add": [{"name": "a", "value": "$secret_env.X"}]}
BAD = [
    *((proxy(mcpTools={"t": {name: ON}}), f"{AT}/mcpTools/t/{name}", NONE_OF_IT)
      for name in mcp.RESTRICTED),
    (proxy(mcpTools={"a(": {}}), f"{AT}/mcpTools/a(", None),
    (proxy(mcpTools={"a**": {}}), f"{AT}/mcpTools/a**", None),
    (proxy(mcpTools={"t": {"rateLimit": {"rate": "5"}}}), f"{AT}/mcpTools/t/rateLimit/rate", "must be a whole number"),
    (openapi(extension={"middleware": {"mcpTools": {"t": {}}}}), f"{AT}/mcpTools", None),
    ({**openapi(), "x-gatehouse-kind": "x"}, "/x-gatehouse-kind", 'must be "mcp", or not be there'),
]  # fmt: skip


@pytest.mark.parametrize(("document", "place", "message"), BAD)
def test_what_gateways_do_not_do_or_read_is_refused_by_its_place(document, place, message):
    [(pointer, words)] = said(document, trusted=True)
    assert (pointer, message or words) == (place, words)


@pytest.mark.parametrize(
    ("primitive", "place"),
    [
        (BODY, "transformRequestBody/path"),
        ({"virtualEndpoint": ON | {"functionName": "f", "body": "eA=="}}, "virtualEndpoint/body"),
        ({"postPlugins": [ON | {"functionName": "f", "path": "p"}]}, "postPlugins/0/path"),
        ({"transformRequestHeaders": ON | SECRET}, "transformRequestHeaders/add/0/value"),
    ],
)  # fmt: skip
def test_rules_of_what_reaches_the_host_hold_for_tools(primitive, place):
    document = proxy(mcpTools={"t": primitive})
    assert f"{AT}/mcpTools/t/{place}" in [pointer for pointer, _ in said(document)]
    assert said(document, trusted=True) == []


def test_what_is_said_of_a_tools_scopes_is_kept_and_told_to_nobody():
    found = kinds.additions(proxy(mcpTools={"t": {"security": [{"key": ["read"]}]}}))
    assert f"{AT}/mcpTools/t/security/0/key: gateways are not told of it" in " ".join(found)
