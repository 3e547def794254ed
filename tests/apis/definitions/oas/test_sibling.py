"""What gateways are given of a document: only what they act on, typed, and nothing without end."""

import copy
import time
from itertools import pairwise

import pytest

from apis.definitions.kinds import additions, classic_for_gateways, document_for_gateways, problems
from tests.apis.examples import openapi

ON = {"enabled": True}
MOCK = ON | {"code": 299, "body": "mocked", "headers": [{"name": "A", "value": "b", "odd": 1}], "odd": 1}
EXAMPLE = ON | {"fromOASExamples": ON}
CHECK = ON | {"errorResponseCode": 422}
EXTENSION = "x-tyk-api-gateway"


def said(document):
    return [(problem.pointer, problem.message) for problem in problems(document, may_use_references=False)]


def test_a_gateway_is_given_plugins_and_what_they_need_and_every_other_path_bare():
    document = openapi(operations={"list": {"mockResponse": MOCK}, "order": {"validateRequest": CHECK}})
    assert said(document) == []
    assert classic_for_gateways(document, {}.get, {})["is_oas"] is True
    bare = {"responses": {"default": {"description": ""}}}
    text = {"type": "string"}
    assert document_for_gateways(document) == {
        "openapi": "3.0.3",
        "info": {"title": "oas", "version": "1"},
        "paths": {
            "/orders": {
                "get": {**bare, "operationId": "list"},
                "post": {
                    **bare,
                    "operationId": "order",
                    "requestBody": {
                        "required": False,
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "required": ["what"],
                                    "properties": {"what": text},
                                }
                            }
                        },
                    },
                },
            },
            "/orders/{id}": {
                "get": {
                    **bare,
                    "operationId": "read",
                    "parameters": [{"name": "id", "in": "path", "required": True, "schema": text}],
                }
            },
        },
        EXTENSION: {
            "info": {"name": "oas", "state": {"active": True}},
            "server": {"listenPath": {"value": "/"}},
            "upstream": {"url": ""},
            "middleware": {
                "operations": {
                    "list": {
                        "mockResponse": {
                            "enabled": True,
                            "code": 299,
                            "body": "mocked",
                            "headers": [{"name": "A", "value": "b"}],
                        }
                    },
                    "order": {"validateRequest": CHECK},
                }
            },
        },
    }


def test_of_tokens_a_gateway_is_given_what_is_said_of_their_claims_and_no_more():
    scheme = ON | {
        "source": "c2VjcmV0",
        "signingMethod": "hmac",
        "allowedIssuers": ["i"],
        "defaultPolicies": ["p"],
    }
    scheme |= {"scopes": {"claims": ["scp"], "scopeToPolicyMapping": [{"scope": "s", "policyId": "p"}]}}
    server = {"authentication": ON | {"securitySchemes": {"j": scheme, "k": ON}}}
    jwt = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    document = openapi(
        extension={"server": server}, components={"securitySchemes": {"j": jwt}}, security=[{"j": []}]
    )
    given = document_for_gateways(document)
    assert (given["security"], given["components"]) == ([{"j": []}], {"securitySchemes": {"j": jwt}})
    assert given[EXTENSION]["server"]["authentication"] == {
        "enabled": True,
        "securitySchemes": {"j": {"enabled": True, "allowedIssuers": ["i"], "scopes": {"claims": ["scp"]}}},
    }
    assert ["allowedIssuers: gateways of 3.x" in told for told in additions(document)] == [False, True]


def checked(schema, **components):
    document = openapi(operations={"order": {"validateRequest": CHECK}})
    document["paths"]["/orders"]["post"]["requestBody"]["content"]["application/json"]["schema"] = schema
    document["components"]["schemas"] = components
    return document


REF = {"$ref": "#/components/schemas/A"}
THERE = "/paths/~1orders/post/requestBody/content/application~1json/schema"


@pytest.mark.parametrize(
    ("schema", "written"),
    [
        ({"type": ["string", "null"], "title": "T", "x-own": 1}, {"nullable": True, "type": "string"}),
        ({"exclusiveMinimum": 3}, {"minimum": 3, "exclusiveMinimum": True}),
        ({"minimum": 3, "exclusiveMinimum": True}, {"minimum": 3, "exclusiveMinimum": True}),
        ({"const": "x"}, {"enum": ["x"]}),
        ({"type": "array"}, {"type": "array", "items": {}}),
        (
            {"type": ["string", "integer"]},
            {"allOf": [{"anyOf": [{"type": "string"}, {"type": "integer"}]}]},
        ),
        ({"additionalProperties": False, "not": {"type": "null"}}, {"additionalProperties": False,
            "not": {"nullable": True}}),
        (True, {}),
    ],
)  # fmt: skip
def test_schemas_are_written_in_the_words_of_3_0(schema, written):
    document = checked(schema)
    assert said(document) == []
    body = document_for_gateways(document)["paths"]["/orders"]["post"]["requestBody"]
    assert body["content"]["application/json"]["schema"] == written


def twice(name):
    """A schema with two properties of another one."""
    return {
        "properties": {
            "x": {"$ref": f"#/components/schemas/{name}"},
            "y": {"$ref": f"#/components/schemas/{name}"},
        }
    }


DOUBLING = {name: twice(after) for name, after in pairwise("ABCDEFGHIJKLMNOPQRSTU")} | {"U": {}}


@pytest.mark.parametrize(
    ("document", "pointer", "message"),
    [
        (checked({"type": "odd"}), f"{THERE}/type", "must be one of string, number, integer, boolean, array, object"),
        (checked({"minLength": -1}), f"{THERE}/minLength", "must be a whole number from 0"),
        (checked({"minimum": "1"}), f"{THERE}/minimum", "must be a number"),
        (checked({"required": "a"}), f"{THERE}/required", "must be a list of texts"),
        (checked({"properties": []}), f"{THERE}/properties", "must be an object"),
        (checked({"nullable": 1}), f"{THERE}/nullable", "must be true or false"),
        (checked("x"), THERE, "must be an object"),
        (checked({"pattern": "(?=a)"}), f"{THERE}/pattern", None),
        (checked({"pattern": "(a"}), f"{THERE}/pattern", None),
        (checked({"$ref": "#/info"}), f"{THERE}/$ref", None),
        (checked(REF, A={"allOf": [REF]}), "/components/schemas",
            "must not lead back to itself by $ref in the same place"),
        (
            checked(REF, **DOUBLING),
            "/paths/~1orders/post",
            "must not be more than 10,000 schemas, written out",
        ),
    ],
)  # fmt: skip
def test_what_a_gateway_could_not_read_or_end_is_refused_by_its_place(document, pointer, message):
    began = time.process_time()
    found = dict(said(document))
    assert pointer in found
    assert message in (None, found[pointer])
    assert time.process_time() - began < 5


def test_a_schema_may_come_back_below_itself_but_no_example_can():
    tree = {"type": "object", "properties": {"children": {"type": "array", "items": REF}}}
    assert said(checked(REF, A=tree)) == []
    document = openapi(operations={"list": {"mockResponse": EXAMPLE}})
    document["components"]["schemas"] = {"A": tree}
    answer = {"description": "", "content": {"application/json": {"schema": REF}}}
    document["paths"]["/orders"]["get"]["responses"] = {"200": answer}
    place = f"/{EXTENSION}/middleware/operations/list/mockResponse/fromOASExamples"
    assert said(document) == [(place, "must have an example: the schema of an answer leads back to itself")]
    document["components"]["schemas"]["A"] = tree | {"example": {}}
    assert said(document) == []


def test_a_long_chain_of_schemas_is_followed():
    names = [f"S{number}" for number in range(2_000)]
    chain = {
        name: {"properties": {"x": {"$ref": f"#/components/schemas/{after}"}}}
        for name, after in pairwise(names)
    }
    document = checked({"$ref": "#/components/schemas/S0"}, **chain, S1999={})
    assert said(document) == []
    assert len(document_for_gateways(document)["components"]["schemas"]) == 2_000


def test_what_gateways_do_not_look_at_is_said():
    document = checked({"if": {}, "description": "x"})
    assert additions(document)[0] == f"{THERE}/if: gateways do not look at this when they check a request."


def test_paths_that_are_the_same_to_gateways_are_given_once():
    document = openapi(operations={"read": {"mockResponse": MOCK}})
    item = document["paths"]["/orders/{id}"]
    document["paths"]["/orders/{other}"] = {"put": {}}
    document["paths"]["/orders/{a:[0-9]+}"] = {"put": {}}
    assert said(document) == []
    assert sorted(document_for_gateways(document)["paths"]) == ["/orders", "/orders/{id}"]
    document["paths"] = {"/orders/{a:[0-9]+}": copy.deepcopy(item)}
    assert said(document) == [
        ("/paths/~1orders~1{a:[0-9]+}", "must have plain parameters and be unlike every other path")
    ]
