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


def test_each_field_says_what_gateways_read_there():
    assert wrong_types(openapi.SECTIONS, {"x-tyk-api-gateway": types()}) == {}


def test_what_is_typed_in_an_input_changes_its_member_and_no_other():
    parts = reading.read(BUSY, openapi.SECTIONS)
    hidden = [cell.name for cell in reading.cells(parts) if cell.shown is None]
    assert hidden == ["global_response_headers"]
    without = {**BUSY, "x-tyk-api-gateway": {**BUSY["x-tyk-api-gateway"]}}
    without["x-tyk-api-gateway"]["middleware"] = {
        **BUSY["x-tyk-api-gateway"]["middleware"],
        "global": {"zebra": 1.0},
    }
    assert try_each_input(without, openapi.SECTIONS) > 50


def test_a_document_is_read_and_written_byte_for_byte_and_a_new_operation_is_one_that_gateways_take():
    for each in (BUSY, document(), {"openapi": "3.0.3"}):
        parts = reading.read(each, openapi.SECTIONS)
        assert compact(writing.write(each, parts, {}).definition) == compact(each)
    parts = reading.read(document(), openapi.SECTIONS)
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
