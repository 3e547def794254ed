"""An OpenAPI document as an API: what is wrong with it, by its own pointers, and what gateways are given."""

import base64

import pytest

from apis.definitions import kinds
from apis.definitions.facts import Names, Targets
from apis.definitions.listen_path import Address
from tests.apis.examples import openapi

ORG, OTHER = "a" * 24, "b" * 24
AT = "/x-tyk-api-gateway"
OPERATIONS = f"{AT}/middleware/operations"
HOST = "must not refer to the gateway's host ({})"


def said(document, *, trusted=False):
    return [
        (problem.pointer, problem.message)
        for problem in kinds.problems(document, may_use_references=trusted, org_id=ORG)
    ]


def test_a_document_is_told_from_a_classic_definition_and_says_what_columns_ask():
    document = openapi("/orders/", extension={"info": {"name": "Orders", "id": "o", "orgId": ORG}})
    assert said(document) == []
    assert said({**openapi(security=[]), "components": None}) == []
    assert kinds.kind(document) == "oas"
    assert kinds.names(document) == Names("Orders", "o", ORG)
    assert kinds.address(document) == Address("", "/orders/")
    assert kinds.targets(document) == Targets("http://upstream.example/", [])
    assert (kinds.versions(document), kinds.auth(document)) == (["Default"], "token")
    assert kinds.categories(document) == []
    assert kinds.kind({"openapi": "3.0.0", "proxy": {}}) == "classic"
    assert kinds.names({"openapi": 3, "x-tyk-api-gateway": {"info": []}}) == Names("", "", "")


def test_the_normal_form_names_ids_and_organisation_and_keeps_the_rest_in_its_order():
    document = {"x-own": [1], **openapi(extension={"info": {"odd": 1, "id": "x", "name": "N"}})}
    made = kinds.normal_form(document, id="c" * 24, api_id="orders", org_id=ORG)
    info = {"odd": 1, "id": "orders", "name": "N", "dbId": "c" * 24, "orgId": ORG, "state": {"active": True}}
    assert made["x-tyk-api-gateway"]["info"] == info
    assert list(made) == list(document)
    assert {**made, "x-tyk-api-gateway": 0} == {**document, "x-tyk-api-gateway": 0}
    again = kinds.normal_form(made, id="c" * 24, api_id="orders", org_id=ORG, active=False)
    assert again["x-tyk-api-gateway"]["info"] == info | {"state": {"active": False}}


def in_extension(**sections):
    return openapi(extension=sections)


def with_paths(**paths):
    return openapi(paths={f"/{name}": item for name, item in paths.items()})


UPSTREAM = f"{AT}/upstream/url"
REWRITE = {"enabled": True, "pattern": "(.*)"}
BAD = [
    (openapi(openapi="2.0"), "/openapi", "must be a version of OpenAPI 3.0 or 3.1, such as 3.0.3"),
    (openapi(openapi=3.1), "/openapi", "must be a version of OpenAPI 3.0 or 3.1, such as 3.0.3"),
    (openapi(info={"title": "T"}), "/info/version", "must be text and not empty"),
    (openapi(paths=[]), "/paths", "must be an object"),
    (openapi(paths={"orders": {}}), "/paths/orders", "must begin with a slash"),
    (with_paths(a={"get": []}), "/paths/~1a/get", "must be an object"),
    (
        with_paths(a={"get": {"operationId": "x"}, "put": {"operationId": "x"}}),
        "/paths/~1a/put/operationId",
        "must be another than that of /paths/~1a/get",
    ),
    (
        openapi(security=[{"none": []}]),
        "/security/0/none",
        "must be the name of a scheme in /components/securitySchemes",
    ),
    (
        with_paths(a={"get": {"responses": {"200": {"$ref": "http://elsewhere.example/x"}}}}),
        "/paths/~1a/get/responses/200/$ref",
        "must begin with #/: what lies outside of the document is not fetched",
    ),
    (
        with_paths(a={"get": {"responses": {"default": {"$ref": "#/components/responses/none"}}}}),
        "/paths/~1a/get/responses/default/$ref",
        "must lead to something in the document",
    ),
    (openapi() | {"x-tyk-api-gateway": "x"}, AT, "must be an object: it says where and how gateways serve the API"),
    (in_extension(server="x"), f"{AT}/server", "must be an object"),
    (in_extension(Upstream={}), f"{AT}/Upstream", None),
    (in_extension(info={"name": ""}), f"{AT}/info/name", "must not be empty"),
    (in_extension(server={"listenPath": {"value": "x"}}), f"{AT}/server/listenPath/value", "must begin with a slash"),
    (in_extension(server={"listenPath": None}), f"{AT}/server/listenPath/value", "must not be empty"),
    (in_extension(upstream={"url": ""}), UPSTREAM, "must not be empty"),
    (in_extension(upstream={"url": "tyk://self"}), UPSTREAM, "must be tyk:// and the ID of an own API"),
    (
        in_extension(upstream={"rateLimit": {"enabled": True, "rate": 1, "per": "5x"}}),
        f"{AT}/upstream/rateLimit/per",
        "must be a duration such as 10s or 1m30s",
    ),
    (
        in_extension(upstream={"loadBalancing": {"enabled": True, "targets": [{"url": "tyk://x", "weight": 1}]}}),
        f"{AT}/upstream/loadBalancing/targets/0/url",
        "must not be an internal target",
    ),
    (
        in_extension(upstream={"loadBalancing": {"enabled": True, "targets": [{"url": "x", "weight": 10**9}]}}),
        f"{AT}/upstream/loadBalancing/targets/0/weight",
        "must not be below 0 nor, with the others, above 10,000",
    ),
    (
        openapi(operations={"list": {"urlRewrite": REWRITE | {"rewriteTo": "http://$1/"}}}),
        f"{OPERATIONS}/list/urlRewrite/rewriteTo",
        "must name its host in full, without variables",
    ),
    (
        openapi(operations={"list": {"urlRewrite": REWRITE | {"triggers": [{"rewriteTo": "//$1/"}]}}}),
        f"{OPERATIONS}/list/urlRewrite/triggers/0/rewriteTo",
        None,
    ),
    (
        openapi(operations={"list": {"transformRequestBody": {"enabled": True, "path": "/etc/passwd"}}}),
        f"{OPERATIONS}/list/transformRequestBody/path",
        None,
    ),
    (
        openapi(operations={"list": {"virtualEndpoint": {"enabled": True, "functionName": "f", "body": "x"}}}),
        f"{OPERATIONS}/list/virtualEndpoint/functionName",
        "is for super-users only: it reaches the gateway's host",
    ),
    (
        openapi(operations={"list": {"mockResponse": {"enabled": True, "code": 42}}}),
        f"{OPERATIONS}/list/mockResponse/code",
        "must be a status from 200 to 599",
    ),
    (
        in_extension(
            server={
                "listenPath": {"value": "/a/"},
                "clientCertificates": {"enabled": True, "allowlist": [OTHER + "0" * 64]},
            }
        ),
        f"{AT}/server/clientCertificates/allowlist/0",
        "must be the ID of an own certificate, uploaded before, not a file of the gateway's host",
    ),
    (openapi(info={"title": "T", "version": "1", "description": "env://HOME"}), "/info/description", HOST.format("env://")),
    (with_paths(a={"get": {"description": "$secret_x"}}), "/paths/~1a/get/description", HOST.format("$secret_")),
    (openapi(components={"examples": {"e": {"value": ["vault://x"]}}}, security=[]), "/components/examples/e/value/0", HOST.format("vault://")),
    (
        openapi(operations={"list": {"mockResponse": {"enabled": True, "body": base64.b64encode(b"file://x").decode()}}}),
        f"{OPERATIONS}/list/mockResponse/body",
        HOST.format("file://") + ", in base64 neither",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("document", "pointer", "message"), BAD)
def test_a_fault_is_named_by_its_place_in_the_document(document, pointer, message):
    found = dict(said(document))
    assert pointer in found
    assert message in (None, found[pointer])


def test_super_users_may_use_the_host():
    plugin = {"enabled": True, "functionName": "f", "path": "/opt/x.so"}
    document = openapi(
        operations={"list": {"postPlugins": [plugin]}}, info={"title": "env://X", "version": "1"}
    )
    assert said(document, trusted=True) == []
    assert len(said(document)) == 3


def test_gateways_are_given_the_classic_form_alone_where_nothing_needs_the_document():
    document = openapi(operations={"order": {"block": {"enabled": True}}})
    assert kinds.document_for_gateways(document) is None
    served = kinds.classic_for_gateways(document, {}.get, {})
    assert "is_oas" not in served
    assert served["version_data"]["versions"]["Default"]["global_headers_remove"] == ["X-Tyk-Internal"]


def test_internal_targets_are_named_by_what_nobody_chooses():
    rewrite = {"enabled": True, "pattern": "x", "rewriteTo": "tyk://other/x"}
    document = openapi(operations={"list": {"urlRewrite": rewrite}})
    assert kinds.targets(document).apis == ["other"]
    [served] = kinds.classic_for_gateways(document, {"other": "d" * 24}.get, {})["version_data"]["versions"][
        "Default"
    ]["extended_paths"]["url_rewrites"]
    assert served["rewrite_to"] == f"tyk://{'d' * 24}/x"


def test_what_is_not_derived_is_said_once_and_never_dropped_silently():
    document = openapi(
        operations={
            "list": {
                "rateLimit": {"enabled": True, "rate": 1, "per": "1s"},
                "futureThing": {"enabled": True},
            },
            "gone": {"block": {"enabled": True}},
        },
        extension={
            "upstream": {"url": "http://u.example/", "authentication": {"enabled": False}},
            "odd": [1],
        },
    )
    assert said(document) == []
    assert kinds.additions(document) == [
        "There is no operation 'gone' in `paths`: what the extension says of it has no effect.",
        f"{OPERATIONS}/list/futureThing: is not known here. It is kept, and gateways are not told of it.",
        f"{AT}/odd: is not known here. It is kept, and gateways are not told of it.",
        f"{OPERATIONS}/list/rateLimit: gateways of 3.x limit no single operation.",
    ]


def test_a_place_of_the_classic_form_is_found_in_the_document():
    document = openapi()
    assert kinds.place(document, "/proxy/listen_path") == f"{AT}/server/listenPath/value"
    assert kinds.place(document, "/api_id") == f"{AT}/info/id"
    assert kinds.place(document, "/nobody/knows") == AT
    assert kinds.place({"proxy": {}}, "/api_id") == "/api_id"
    assert [kinds.member(each) for each in (document, {}, None)] == ["", "api_definition", "api_definition"]


def test_policies_are_named_by_their_place():
    scheme = {"enabled": True, "signingMethod": "hmac", "defaultPolicies": ["p1"]}
    jwt = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    server = {
        "listenPath": {"value": "/a/"},
        "authentication": {"enabled": True, "securitySchemes": {"j": scheme}},
    }
    document = openapi(
        extension={"server": server}, components={"securitySchemes": {"j": jwt}}, security=[{"j": []}]
    )
    there = f"{AT}/server/authentication/securitySchemes/j/defaultPolicies/0"
    assert kinds.policies(document) == [(there, "p1")]
    assert kinds.classic_for_gateways(document, {}.get, {"p1": "e" * 24})["jwt_default_policies"] == [
        "e" * 24
    ]
    assert said({"openapi": "3.0.0", "a": [[]] * 3} | {"x" * 1_001: 1}) == [
        ("", "has a member whose name is longer than 1,000 characters")
    ]
