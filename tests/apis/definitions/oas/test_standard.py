import pytest

from apis.definitions.oas import standard
from apis.definitions.oas.document import plain_problems
from tests.apis.examples import openapi

GOOD = {
    "openapi": "3.1.0",
    "x-anything": 5,
    "info": {"title": "Orders", "version": "1", "license": {"name": "MIT", "x-of": []}, "contact": {}},
    "servers": [{"url": "https://{port}.example", "variables": {"port": {"default": "a", "enum": ["a"]}}}],
    "tags": [{"name": "orders", "externalDocs": {"url": "https://docs.example"}}],
    "paths": {
        "x-of-paths": ["not", "a", "path"],
        "/Orders": {"get": {"responses": {"200": {"description": "ok"}}}},
        "/orders": {
            "parameters": [
                {"name": "id", "in": "query", "schema": True},
                {"$ref": "#/components/parameters/a"},
            ],
            "post": {
                "deprecated": False,
                "description": None,
                "requestBody": {"content": {"application/json": {"schema": {"type": ["object", "null"]}}}},
                "responses": {"default": {"description": "", "headers": {"a": {"required": True}, "A": {}}}},
            },
        },
    },
    "components": {
        "parameters": {"a": {"name": "a", "in": "header"}},
        "schemas": {"Any": True, "Described": {"description": 5}},
        "securitySchemes": {
            "key": {"type": "oauth2", "flows": {"implicit": {"scopes": {"read": "Reading"}}}}
        },
    },
    "security": [{"key": ["read"]}],
}


def at(path, value):
    """GOOD with another value at a place."""

    def put(there, steps):
        if not steps:
            return value
        step, *rest = steps
        made = list(there) if isinstance(there, list) else dict(there or {})
        made[step] = put(there[step] if isinstance(there, list) else (there or {}).get(step), rest)
        return made

    return put(GOOD, [int(step) if step.isdigit() and step != "200" else step for step in path.split()])


def test_what_the_standard_says_and_what_it_does_not_name_is_let_through():
    assert plain_problems(GOOD) == []
    assert plain_problems(openapi()) == []


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("servers", {}, "/servers: must be a list"),
        ("servers 0 url", 5, "/servers/0/url: must be text"),
        ("servers 0", {}, "/servers/0/url: is required"),
        ("servers 0 variables port", {"default": 80}, "/servers/0/variables/port/default: must be text"),
        ("tags 0", "orders", "/tags/0: must be an object"),
        ("info contact", "ada@orders.example", "/info/contact: must be an object"),
        ("paths /orders parameters 0", {"in": "query"}, "/paths/~1orders/parameters/0/name: is required"),
        ("paths /orders post deprecated", "no", "/paths/~1orders/post/deprecated: must be true or false"),
        ("paths /orders post tags", "orders", "/paths/~1orders/post/tags: must be a list"),
        ("paths /orders post requestBody", {}, "/paths/~1orders/post/requestBody/content: is required"),
        ("paths /orders post responses 200", "ok", "/paths/~1orders/post/responses/200: must be an object"),
        ("webhooks made post responses", [], "/webhooks/made/post/responses: must be an object"),
        ("components examples a", 1, "/components/examples/a: must be an object"),
        (
            "components securitySchemes key flows implicit scopes read",
            True,
            "/components/securitySchemes/key/flows/implicit/scopes/read: must be text",
        ),
    ],
)
def test_each_member_that_is_not_as_the_standard_says_is_named(path, value, said):
    document = at(path, value)
    assert [str(problem) for problem in standard.problems(document)] == [said]
    assert [str(problem) for problem in plain_problems(document)] == [said]


def test_what_is_said_already_is_not_said_again():
    assert [str(problem) for problem in plain_problems(at("info title", 5))] == [
        "/info/title: must be text and not empty"
    ]
