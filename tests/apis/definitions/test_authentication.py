"""How callers prove who they are, in words."""

import pytest

from apis.definitions.authentication import OTHERS, Credentials, credentials, ways

WORDS = {
    "use_oauth2": "OAuth 2.0",
    "use_openid": "OpenID Connect",
    "use_basic_auth": "basic",
    "use_mutual_tls_auth": "mutual TLS",
    "use_go_plugin_auth": "Go plugin",
    "enable_jwt": "JWT",
    "enable_coprocess_auth": "plugin",
    "enable_signature_checking": "HMAC",
    "custom_plugin_auth_enabled": "custom plugin",
}


def test_each_way_has_its_word_and_takes_the_place_of_the_token():
    assert {name: ways({name: True}) for name in OTHERS} == WORDS


def test_all_that_is_switched_on_is_asked_for_the_token_first_in_one_order():
    everything = dict.fromkeys(reversed(OTHERS), True)
    assert ways(everything) == ", ".join(WORDS.values())
    assert ways(everything | {"use_standard_auth": True}) == ", ".join(["token", *WORDS.values()])


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        ({}, "token"),
        ({"use_standard_auth": True}, "token"),
        ({"use_standard_auth": False}, "token"),
        ({"use_keyless": False, "enable_jwt": False}, "token"),
        ({"auth": {"use_certificate": True}, "auth_configs": {}}, "client certificate"),
        ({"auth": {"use_certificate": True}, "auth_configs": {"authToken": {}}}, "token"),
        # As good as an empty object to gateways.
        ({"auth": {"use_certificate": True}, "auth_configs": {"authToken": None}}, "token"),
        ({"use_keyless": True, "use_standard_auth": True, "enable_jwt": True}, "keyless"),
    ],
)
def test_nothing_else_is_the_token_and_keyless_comes_before_all(definition, words):
    assert ways(definition) == words


def test_every_name_under_which_a_credential_is_sent_is_known_switched_on_or_not():
    definition = {
        "auth": {"auth_header_name": "X-One", "param_name": "one", "signature": {"header": "X-Signed"}},
        "auth_configs": {
            "authToken": {
                "auth_header_name": "X-Two",
                "use_param": False,
                "param_name": "two",
                "cookie_name": "c2",
            },
            "jwt": {"auth_header_name": "X-Three"},
            "oidc": None,
        },
        "upstream_auth": {"basic_auth": {"header": {"enabled": True, "name": "X-Upstream"}}},
        "version_data": {
            "versions": {
                "v1": {"global_headers": {"X-Put-In": "a", "Content-Type": "b"}},
                "v2": {"extended_paths": {"transform_headers": [{"add_headers": {"X-Put-In-Too": "c"}}]}},
            }
        },
    }
    assert credentials(definition) == Credentials(
        headers=frozenset(
            {"X-One", "X-Two", "X-Three", "X-Signed", "X-Upstream", "X-Put-In", "X-Put-In-Too"}
        ),
        parameters=frozenset({"one", "two", "c2"}),
    )


def test_a_document_names_them_in_its_own_way():
    document = {
        "components": {
            "securitySchemes": {
                "a": {"type": "apiKey", "in": "header", "name": "X-Scheme"},
                "b": {"type": "apiKey", "in": "query", "name": "scheme"},
            },
            "parameters": {"p": {"in": "header", "name": "X-Request-Id"}},
        },
        "x-tyk-api-gateway": {
            "server": {
                "authentication": {
                    "securitySchemes": {
                        "a": {"header": {"enabled": True, "name": "X-Token"}, "query": {"name": "token"}},
                        "b": {"cookie": {"enabled": False, "name": "cookie"}, "header": None},
                    }
                }
            }
        },
    }
    assert credentials(document) == Credentials(
        headers=frozenset({"X-Scheme", "X-Token"}), parameters=frozenset({"scheme", "token", "cookie"})
    )


@pytest.mark.parametrize(
    "odd", [None, [], {"auth": 5, "auth_configs": [], "header": {}, "param_name": 3}, "text"]
)
def test_whatever_a_definition_is_its_names_can_be_asked_for(odd):
    assert credentials(odd) == Credentials(frozenset(), frozenset())
