"""A plain OpenAPI document made an API."""

import pytest

from apis.definitions.kinds import problems
from apis.definitions.oas.importing import NO_DEFAULT, NO_SECURITY, NO_SERVER, RELATIVE, Asked, extended
from apis.definitions.pointer import Problem
from tests.apis.examples import openapi

EXTENSION = "x-tyk-api-gateway"


def plain(**members):
    document = openapi(servers=[{"url": "https://orders.example/v1"}]) | members
    return {name: value for name, value in document.items() if name != EXTENSION}


def test_without_a_word_it_listens_at_the_root_and_is_open_as_the_document_is():
    made, faults = extended(plain(), Asked())
    assert faults == []
    assert made == plain() | {
        EXTENSION: {
            "info": {"name": "Orders", "state": {"active": True}},
            "server": {"listenPath": {"value": "/", "strip": True}},
            "upstream": {"url": "https://orders.example/v1"},
            "middleware": {
                "global": {"contextVariables": {"enabled": True}, "trafficLogs": {"enabled": True}}
            },
        }
    }
    assert problems(made, may_use_references=False) == []


def test_what_is_asked_for_comes_before_what_the_document_says():
    asked = Asked("http://u.example", "/o/", "o.example", "orders", True, True, True, True)
    document = plain()
    document["paths"]["/more"] = {
        "get": {"responses": {"200": {"description": "", "content": {"text/plain": {"example": "x"}}}}}
    }
    made, faults = extended(document, asked)
    extension = made[EXTENSION]
    assert faults == []
    assert extension["info"]["id"] == "orders"
    assert extension["server"] == {
        "listenPath": {"value": "/o/", "strip": True},
        "customDomain": {"enabled": True, "name": "o.example"},
        "authentication": {"enabled": True, "securitySchemes": {"key": {"enabled": True}}},
    }
    assert extension["upstream"] == {"url": "http://u.example"}
    allow, check = {"enabled": True}, {"enabled": True, "errorResponseCode": 422}
    assert extension["middleware"]["operations"] == {
        "list": {"allow": allow},
        "order": {"allow": allow, "validateRequest": check},
        "read": {"allow": allow},
        "moreGET": {"allow": allow, "mockResponse": {"enabled": True, "fromOASExamples": {"enabled": True}}},
    }
    assert made["paths"]["/more"]["get"]["operationId"] == "moreGET"
    assert problems(made, may_use_references=False) == []


def test_a_renewed_document_keeps_the_extension_but_for_operations_that_are_gone():
    present = openapi(
        operations={"list": {"block": {"enabled": True}, "odd": 1}, "gone": {"block": {"enabled": True}}},
        extension={"info": {"name": "Mine", "id": "x"}, "odd": [1]},
    )
    made, faults = extended(plain(info={"title": "New", "version": "2"}), Asked(api_id="y"), present)
    assert faults == []
    assert made[EXTENSION] == present[EXTENSION] | {
        "middleware": {"operations": {"list": {"block": {"enabled": True}, "odd": 1}}}
    }
    asked = Asked(upstream_url="http://new.example", allow_list=True)
    made, _ = extended(plain(), asked, present)
    assert made[EXTENSION]["upstream"] == {"url": "http://new.example"}
    assert made[EXTENSION]["middleware"]["operations"]["list"] == {
        "block": {"enabled": False},
        "odd": 1,
        "allow": {"enabled": True},
    }


@pytest.mark.parametrize(
    ("servers", "url", "fault"),
    [
        (None, "", Problem("/servers", NO_SERVER)),
        ([], "", Problem("/servers", NO_SERVER)),
        ([{"url": "/v1"}], "", Problem("/servers/0/url", RELATIVE)),
        ([{"url": "http://[x"}], "", Problem("/servers/0/url", RELATIVE)),
        ([{"url": "http://{h}/"}], "", Problem("/servers/0/url", NO_DEFAULT)),
        ([{"url": "http://{h}/", "variables": {"h": {"default": "a.example"}}}], "http://a.example/", None),
        ([{"url": "http://a.example"}], "http://a.example", None),
    ],
)
def test_the_upstream_is_the_first_server_with_its_defaults(servers, url, fault):
    made, faults = extended(plain(servers=servers), Asked())
    assert (made[EXTENSION]["upstream"]["url"], faults) == (url, [fault] if fault else [])


def test_what_is_no_document_is_said_and_nobody_is_asked_for_what_is_not_named():
    document = plain(openapi="2.0", paths=[])
    made, faults = extended(document, Asked(authentication=True))
    assert made is document
    assert [fault.pointer for fault in faults] == ["/openapi", "/paths"]
    for servers, place in (("x", "/servers"), ([{"url": 1}], "/servers/0/url")):
        assert [fault.pointer for fault in extended(plain(servers=servers), Asked())[1]] == [place]
    _, faults = extended(plain(security=[]), Asked(authentication=True))
    assert faults == [Problem("/security", NO_SECURITY)]
    made, faults = extended(plain(security=[]), Asked(authentication=False))
    assert ("authentication" in made[EXTENSION]["server"], faults) == (False, [])
