"""The form of OpenAPI documents: what it says of a member is what gateways know, and nothing but that changes."""

from apis.definitions import kinds
from apis.definitions.document import compact
from apis.definitions.fields import openapi, reading, writing
from apis.definitions.oas.document import types
from tests.apis.definitions.fields.test_classic import try_each_input, wrong_types
from tests.apis.examples import openapi as document

BUSY = document(
    operations={"list": {"allow": {"enabled": True, "zebra": 1.0}, "zebra": None}, "read": {}},
    extension={
        "server": {"eventHandlers": [{"trigger": "HostUp", "type": "log", "zebra": 1.0}], "zebra": 1.0},
        "middleware": {
            "operations": {"list": {"allow": {"enabled": True}, "urlRewrite": {"triggers": [1.0]}}},
            "global": {
                "transformRequestHeaders": {"add": [{"name": "A", "value": "b"}]},
                "transformResponseHeaders": {"add": [{"name": "A", "value": "b", "zebra": 1}]},
            },
        },
    },
)
BEARER = {
    "components": {"securitySchemes": {"mine": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}},
    "security": [],
}
TYPES = {
    "x-tyk-api-gateway": types(),
    "components": {"securitySchemes": {"*": {"name": "string"}}},
}


def test_each_field_says_what_gateways_read_there():
    assert wrong_types(openapi.sections(document()), TYPES) == {}


def test_what_is_typed_in_an_input_changes_its_member_and_no_other():
    parts = reading.read(BUSY, openapi.sections(BUSY))
    hidden = [cell.name for cell in reading.cells(parts) if cell.shown is None]
    assert hidden == ["global_response_headers"]
    without = {**BUSY, "x-tyk-api-gateway": {**BUSY["x-tyk-api-gateway"]}}
    without["x-tyk-api-gateway"]["middleware"] = {
        **BUSY["x-tyk-api-gateway"]["middleware"],
        "global": {"zebra": 1.0},
    }
    assert try_each_input(without, openapi.sections(without)) > 50


def test_a_document_is_read_and_written_byte_for_byte_and_a_new_operation_is_one_that_gateways_take():
    for each in (BUSY, document(), {"openapi": "3.0.3"}):
        parts = reading.read(each, openapi.sections(each))
        assert compact(writing.write(each, parts, {}).definition) == compact(each)
    parts = reading.read(document(), openapi.sections(document()))
    said = {
        "operations_0_key": "list",
        "operations_0_mock": True,
        "operations_0_mock_code": 204,
        "global_headers": [{"name": "X-One", "value": "1"}],
        "request_headers": True,
    }
    made = writing.write(document(), parts, said).definition
    assert made["x-tyk-api-gateway"]["middleware"] == {
        "global": {"transformRequestHeaders": {"enabled": True, "add": [{"name": "X-One", "value": "1"}]}},
        "operations": {"list": {"mockResponse": {"enabled": True, "code": 204}}},
    }
    assert kinds.problems(made, may_use_references=False) == []


def operations_after(said, **before):
    base = document(operations=before)
    made = writing.write(base, reading.read(base, openapi.sections(base)), said)
    return made, made.definition["x-tyk-api-gateway"]["middleware"]["operations"]


def test_headers_and_bodies_are_lists_of_the_operations_that_have_them():
    headers = {"enabled": False, "add": [{"name": "A", "value": "b"}], "zebra": 1}
    template = {"enabled": True, "body": "e30=", "format": "json"}
    said = {
        "request_headers_of_0_remove": True,
        "request_body_of_0_format": "xml",
        "request_body_of_1_key": "list",
        "request_body_of_1_template": "e30=",
        "response_headers_of_0_key": "read",
        "response_headers_of_0_removed": ["B"],
        "operations_0_block": True,
    }
    made, after = operations_after(
        said,
        list={"allow": {"enabled": True}, "transformRequestHeaders": headers},
        order={"transformRequestBody": template, "zebra": None},
    )
    assert after == {
        "list": {
            "allow": {"enabled": True},
            "block": {"enabled": True},
            "transformRequestBody": {"enabled": True, "body": "e30="},
        },
        "order": {"transformRequestBody": {**template, "format": "xml"}, "zebra": None},
        "read": {"transformResponseHeaders": {"enabled": True, "remove": ["B"]}},
    }
    here = "/x-tyk-api-gateway/middleware/operations"
    owners = [
        made.owner(f"{here}/{at}")
        for at in (
            "list/transformRequestBody/body",
            "read/transformResponseHeaders/remove",
            "list/block/enabled",
        )
    ]
    assert owners == ["request_body_of_1_template", "response_headers_of_0_removed", "operations_0_block"]
    assert kinds.problems(made.definition, may_use_references=False) == []


def test_an_operation_that_goes_goes_with_its_headers_and_one_of_which_all_goes_goes_too():
    headers = {"transformRequestHeaders": {"enabled": True, "remove": ["A"]}}
    _, after = operations_after(
        {
            "operations_0_remove": True,
            "request_headers_of_0_removed": ["B"],
            "request_headers_of_1_remove": True,
        },
        list=headers,
        order=headers,
        read={},
    )
    assert after == {"read": {}}


def test_tokens_are_described_where_their_scheme_stands_or_will():
    for base, name in ((document(), "jwtAuth"), (document(**BEARER), "mine")):
        parts = reading.read(base, openapi.sections(base))
        said = {
            "authentication": "jwt",
            "jwt_signing_method": "rsa",
            "jwt_source": "https://keys.example/jwks.json",
            "jwt_identity": "sub",
            "jwt_policies": ["p"],
        }
        made = writing.write(base, parts, said).definition
        classic = kinds.as_classic(made)
        assert (kinds.auth(made), classic["auth_configs"]["jwt"]["name"]) == ("JWT", name)
        assert [classic[key] for key in ("jwt_signing_method", "jwt_source", "jwt_identity_base_field")] == [
            "rsa",
            "https://keys.example/jwks.json",
            "sub",
        ]
        assert kinds.problems(made, may_use_references=False) == []


def test_a_key_has_its_name_in_the_scheme_and_versions_are_apis_by_their_ids():
    bare = {name: value for name, value in document().items() if name not in ("components", "security")}
    parts = reading.read(bare, openapi.sections(bare))
    said = {
        "authentication": "token",
        "auth_header_name": "X-Key",
        "versioned": True,
        "version_name": "v1",
        "default_version": "self",
        "version_location": "header",
        "version_key": "x-api-version",
        "versions_0_name": "v2",
        "versions_0_api": "other",
    }
    made = writing.write(bare, parts, said).definition
    assert (made["security"], made["components"]["securitySchemes"]) == (
        [{"authToken": []}],
        {"authToken": {"type": "apiKey", "in": "header", "name": "X-Key"}},
    )
    versioning = kinds.versioning(made)
    assert (versioning.name, versioning.default, versioning.apis) == ("v1", "self", {"v2": "other"})
