"""The one choice of how callers of an OpenAPI document prove who they are."""

import copy

import pytest

from apis.definitions import kinds
from apis.definitions.fields import schemes
from apis.definitions.fields.schemes import SEVERAL, authenticate_by, way
from apis.definitions.fields.texts import Unshowable
from apis.definitions.oas.security import OPEN as OPEN_ALL
from tests.apis.examples import openapi

# What gateways then ask for, in words.
WORDS = {
    "token": "token",
    "keyless": "keyless",
    "jwt": "JWT",
    "basic": "basic",
    "oauth": "OAuth 2.0",
    # A classic definition says of it that it is none of the others.
    "external oauth": "token",
    "hmac": "HMAC",
    "oidc": "OpenID Connect",
    "custom": "custom plugin",
    "mtls": "mutual TLS",
}
BARE = {name: value for name, value in openapi().items() if name not in ("components", "security")}
OPEN = BARE | {"x-tyk-api-gateway": {**BARE["x-tyk-api-gateway"], "server": {"listenPath": {"value": "/x/"}}}}


def test_each_way_is_offered():
    assert dict(schemes.WAYS).keys() == WORDS.keys()


@pytest.mark.parametrize("base", [openapi(), OPEN], ids=["by token", "open"])
@pytest.mark.parametrize("chosen", WORDS)
def test_each_way_is_what_gateways_ask_for_and_the_others_end(base, chosen):
    made = copy.deepcopy(base)
    authenticate_by(made, chosen)
    assert (way(made), kinds.auth(made), kinds.problems(made, may_use_references=True)) == (
        chosen,
        WORDS[chosen],
        [],
    )
    opened = [OPEN_ALL] if chosen == "keyless" and "security" in made else []
    assert kinds.additions(made) == opened
    for back in ("jwt", "token"):
        authenticate_by(made, back)
        assert (way(made), kinds.auth(made)) == (back, WORDS[back])


def test_what_is_open_to_everyone_asks_for_no_certificate():
    made = copy.deepcopy(OPEN)
    authenticate_by(made, "mtls")
    assert kinds.as_classic(made)["use_mutual_tls_auth"] is True
    authenticate_by(made, "keyless")
    assert kinds.as_classic(made).get("use_mutual_tls_auth", False) is False


def test_where_all_of_security_counts_nothing_of_another_way_is_left_in_it():
    made = openapi()
    said = made["x-tyk-api-gateway"]["server"]["authentication"]
    said |= {"securityProcessingMode": "compliant", "security": [["key"]]}
    authenticate_by(made, "jwt")
    assert (way(made), kinds.auth(made), said["security"]) == ("jwt", "JWT", [])


def test_a_scheme_that_is_there_is_taken_and_a_name_of_another_kind_is_not():
    there = {
        "jwtAuth": {"type": "http", "scheme": "basic"},
        "mine": {"type": "http", "scheme": "Bearer", "bearerFormat": "JWT", "zebra": 1},
    }
    made = openapi() | {"components": {"securitySchemes": there}}
    authenticate_by(made, "jwt")
    assert (made["security"], made["components"]["securitySchemes"]) == ([{"mine": []}], there)
    del there["mine"]
    assert schemes.scheme_name(openapi() | {"components": {"securitySchemes": there}}, "jwt") == "jwtAuth2"


def test_what_is_several_or_of_another_shape_is_no_one_way():
    both = openapi(extension={"server": {"clientCertificates": {"enabled": True}}})
    both["x-tyk-api-gateway"]["server"]["authentication"] = {
        "enabled": True,
        "hmac": {"enabled": True},
    }
    certificate = openapi()
    certificate["x-tyk-api-gateway"]["server"]["authentication"]["certificateAuth"] = {"enabled": True}
    assert (way(both), way(certificate)) == (SEVERAL, SEVERAL)
    for wrong in (
        {"security": {"key": []}},
        {"security": ["key"]},
        {"components": 5},
        {"components": {"securitySchemes": {"key": [1]}}},
        {"x-tyk-api-gateway": {"server": {"authentication": {"enabled": True, "securitySchemes": []}}}},
        {
            "x-tyk-api-gateway": {
                "server": {"authentication": {"enabled": True, "securitySchemes": {"key": 1}}}
            }
        },
        {"x-tyk-api-gateway": {"server": {"authentication": {"enabled": True, "hmac": 1}}}},
        {"x-tyk-api-gateway": {"server": {"authentication": 1}}},
        {"x-tyk-api-gateway": {"server": {"authentication": {"enabled": False, "certificateAuth": 5}}}},
        {
            "x-tyk-api-gateway": {
                "server": {"authentication": {"securityProcessingMode": "compliant", "security": [["a", {}]]}}
            }
        },
    ):
        with pytest.raises(Unshowable):
            way(openapi() | wrong)
        assert schemes.scheme_name(openapi() | wrong, "jwt") == "jwtAuth"
