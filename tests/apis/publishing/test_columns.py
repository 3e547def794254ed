"""What an API's row repeats of its definition."""

import pytest

from apis.publishing.columns import columns
from tests.apis.examples import plain


def test_the_row_repeats_what_others_ask():
    definition = plain(
        "/a/{id}/", api_id="one", domain="A.example:8080", jwt_default_policies=["b", "a", "b"]
    )
    definition["proxy"]["target_url"] = "tyk://orders/" + "x" * 3_000
    assert columns(definition) == {
        "api_id": "one",
        "name": "Payments",
        "active": True,
        "domain": "a.example",
        "listen_path": "/a/{id}/",
        "listen_port": 0,
        "claimed_domain": "a.example",
        "path_head": "/a/",
        "versions": ["Default"],
        "auth": "token",
        "target_url": definition["proxy"]["target_url"][:2_000],
        "calls": ["orders"],
        "policies": ["a", "b"],
        "kind": "classic",
        "categories": [],
    }


@pytest.mark.parametrize(
    ("domain", "stored", "claimed"),
    [
        ("", "", ""),
        ("A.example", "a.example", "a.example"),
        ("{region}.example", "{region}.example", ""),
        ("{a}.{b}.example", "{a}.{b}.example", ""),
    ],
)
def test_a_domain_with_a_variable_claims_every_domain(domain, stored, claimed):
    row = columns(plain(domain=domain))
    assert (row["domain"], row["claimed_domain"]) == (stored, claimed)


@pytest.mark.parametrize(
    ("members", "active"), [({}, True), ({"active": False}, False), ({"active": True}, True)]
)
def test_an_api_is_active_as_its_definition_says(members, active):
    assert columns(plain(**members))["active"] is active


@pytest.mark.parametrize(
    ("members", "auth"),
    [
        ({"use_keyless": True}, "keyless"),
        ({"use_standard_auth": True}, "token"),
    ],
)
def test_who_may_call_is_said_in_the_row(members, auth):
    assert columns(plain(**members))["auth"] == auth


def test_a_port_of_its_own_is_in_the_row_for_what_has_no_path():
    row = columns(plain("/ignored/", protocol="tcp", listen_port=9443))
    assert (row["listen_port"], row["listen_path"], row["path_head"]) == (9443, "", "")


def test_the_fixed_beginning_of_a_path_is_in_the_row():
    row = columns(plain("/v1/{customer}/orders/", listen_port=9443))
    assert (row["listen_port"], row["listen_path"], row["path_head"]) == (0, "/v1/{customer}/orders/", "/v1/")


def test_versions_are_in_the_row_by_the_names_that_keys_open():
    versions = {"b": {"name": "v2"}, "a": {"name": "v1"}}
    row = columns(plain(version_data={"not_versioned": False, "versions": versions}))
    assert row["versions"] == ["v2", "v1"]


def test_a_target_is_kept_to_the_last_letter_that_a_list_shows():
    for length in (1_999, 2_000, 2_001):
        definition = plain()
        definition["proxy"]["target_url"] = "http://a.example/".ljust(length, "x")
        row = columns(definition)
        assert row["target_url"] == definition["proxy"]["target_url"][:2_000]
        assert row["calls"] == []


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ({"graphql": {"enabled": False, "execution_mode": "executionEngine"}}, "classic"),
        ({"graphql": {"enabled": True}}, "graphql"),
        ({"graphql": {"enabled": True, "execution_mode": "proxyOnly"}}, "graphql"),
        ({"graphql": {"enabled": True, "execution_mode": "executionEngine"}}, "udg"),
        ({"graphql": {"enabled": True, "execution_mode": "supergraph"}}, "supergraph"),
        ({"graphql": {"enabled": True, "execution_mode": "subgraph"}}, "subgraph"),
        ({"protocol": "tls", "listen_port": 6000}, "tcp"),
    ],
)
def test_its_kind_is_said_as_clients_filter_by_it(members, kind):
    assert columns(plain(**members))["kind"] == kind


@pytest.mark.parametrize(
    ("name", "categories"),
    [
        ("Orders", []),
        ("Orders #eu", ["eu"]),
        ("Orders #eu #retail team #eu", ["eu", "retail team"]),
        ("Orders#eu", []),
        ("C# #", []),
    ],
)
def test_words_behind_the_name_are_categories(name, categories):
    assert columns(plain(name=name))["categories"] == categories
