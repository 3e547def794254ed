"""How callers prove who they are, in words."""

import pytest

from apis.definitions.authentication import OTHERS, ways

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
