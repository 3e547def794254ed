"""Which gateways load an API."""

import copy

from apis.definitions import segments
from apis.definitions.oas.made import EXTENSION


def document(gateway_tags):
    return {"openapi": "3.0.3", EXTENSION: {"info": {}, "server": {"a": 1, "gatewayTags": gateway_tags}}}


def test_a_tag_more_or_less_leaves_all_else_as_it_is():
    cases = (
        ({"x": 1}, {"x": 1, "tags": ["eu"]}, {"x": 1, "tags": []}),
        ({"tags": None}, {"tags": ["eu"]}, {"tags": []}),
        (
            {"tags": ["us", "eu", "us"], "tags_disabled": True},
            {"tags": ["us", "eu"], "tags_disabled": False},
            {"tags": ["us", "us"], "tags_disabled": True},
        ),
        (document(None), document({"enabled": True, "tags": ["eu"]}), document({"tags": []})),
        (
            document({"enabled": False, "tags": ["us", "eu"], "z": 1}),
            document({"enabled": True, "tags": ["us", "eu"], "z": 1}),
            document({"enabled": False, "tags": ["us"], "z": 1}),
        ),
        (
            {EXTENSION: {"server": None}},
            {EXTENSION: {"server": {"gatewayTags": {"enabled": True, "tags": ["eu"]}}}},
            {EXTENSION: {"server": {"gatewayTags": {"tags": []}}}},
        ),
    )
    for definition, more, less in cases:
        before = copy.deepcopy(definition)
        assert (segments.with_tag(definition, "eu"), segments.without_tag(definition, "eu")) == (more, less)
        assert definition == before
