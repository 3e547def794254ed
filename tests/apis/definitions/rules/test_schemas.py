"""Schemas with which one body ends a gateway, and those which it can check."""

import base64
import json

import pytest

from apis.definitions.pointer import Problem
from apis.definitions.rules import schemas, trusted

OUT = ["must have no $ref but such that begin with #/"]
RING = ["must not lead back to itself by $ref in the same place"]
BOTH = {"a": {"$ref": "#/definitions/b"}, "b": {"$ref": "#/definitions/a"}}


@pytest.mark.parametrize(
    ("schema", "faults"),
    [
        ({"$ref": "#"}, OUT),
        ({"$ref": "#a", "id": "#a"}, OUT),
        ({"properties": {"a": {"$ref": "http://127.0.0.1/schema.json"}}}, OUT),
        ({"properties": {"a": {"items": [{"$ref": "file:///etc/passwd"}]}}}, OUT),
        ({"definitions": BOTH, "$ref": "#/definitions/a"}, RING),
        ({"definitions": {"a": {"allOf": [{"$ref": "#/definitions/a"}]}}}, RING),
        ({"definitions": {"a": {"not": {"anyOf": [{"$ref": "#/definitions/a"}]}}}}, RING),
        ({"definitions": {"a": {"dependencies": {"x": {"$ref": "#/definitions/a"}}}}}, RING),
        ({"properties": {"a": {"$ref": "#/properties/a"}}}, RING),
        ({"allOf": [{"oneOf": [{"$ref": "#/allOf/0"}]}]}, RING),
        ({"definitions": {"tree": {"properties": {"kids": {"items": {"$ref": "#/definitions/tree"}}}}}}, []),
        ({"definitions": {"a/b": {"type": "object"}}, "$ref": "#/definitions/a~1b"}, []),
        ({"$ref": "#/definitions/none"}, []),
        ({"properties": {"$ref": {"type": "string"}}}, []),
        ({"allOf": 5, "dependencies": ["a"], "not": None}, []),
        (None, []),
    ],
)
def test_a_schema_must_not_lead_out_or_back_to_itself(schema, faults):
    assert list(schemas.faults(schema)) == faults


def test_a_chain_of_many_references_takes_no_time():
    chain = {str(n): {"allOf": [{"$ref": f"#/definitions/{n + 1}"}] * 2} for n in range(3_000)}
    assert list(schemas.faults({"definitions": chain})) == []


def test_both_forms_of_a_schema_are_judged_for_everybody():
    blob = base64.b64encode(json.dumps({"$ref": "#"}).encode()).decode()
    paths = {"validate_json": [{"schema": {"$ref": "#"}}, {"schema_b64": blob}, None, {"schema_b64": "no"}]}
    definition = {"version_data": {"versions": {"Default": {"extended_paths": paths}}}}
    below = "/version_data/versions/Default/extended_paths/validate_json"
    assert list(trusted.problems(definition)) == [
        Problem(f"{below}/0/schema", OUT[0]),
        Problem(f"{below}/1/schema_b64", OUT[0]),
    ]
