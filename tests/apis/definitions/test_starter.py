"""What every new API starts from, and what pages say of a definition."""

from apis.definitions import starter
from apis.definitions.classic import problems

VALUES = {
    "name": "Orders",
    "listen_path": "/orders/",
    "target_url": "http://orders.internal/",
    "strip_listen_path": True,
    "domain": "",
    "authentication": "token",
    "auth_header_name": "Authorization",
    "rate": 0,
    "per": 0,
    "active": True,
}


def test_a_new_api_has_what_both_gateways_need_to_load_and_serve_it_with_token_authentication():
    made = starter.new()
    made["name"] = "Orders"
    made["proxy"] |= {"listen_path": "/orders/", "target_url": "http://orders.internal/"}
    assert problems(made, may_use_references=False) == []
    assert starter.fields(made) == VALUES
    assert made == {
        "name": "Orders",
        "api_id": "",
        "org_id": "",
        "active": True,
        "use_keyless": False,
        "use_standard_auth": True,
        "auth": {"auth_header_name": "Authorization"},
        "definition": {"location": "header", "key": "x-api-version"},
        "version_data": {
            "not_versioned": True,
            "versions": {"Default": {"name": "Default", "use_extended_paths": True, "extended_paths": {}}},
        },
        "proxy": {
            "listen_path": "/orders/",
            "target_url": "http://orders.internal/",
            "strip_listen_path": True,
            "preserve_host_header": False,
        },
    }


def test_a_definition_that_says_nothing_or_nonsense_of_a_field_shows_it_empty():
    empty = VALUES | {
        "name": "",
        "listen_path": "",
        "target_url": "",
        "strip_listen_path": False,
        "auth_header_name": "",
        "active": False,
    }
    nulls = dict.fromkeys(("name", "proxy", "auth", "auth_configs", "global_rate_limit", "domain", "active"))
    assert starter.fields({}) == empty
    assert starter.fields(nulls) == empty
    assert starter.fields({"proxy": [], "auth": "x", "auth_configs": 1, "global_rate_limit": True}) == empty
    assert starter.fields({"auth_configs": {"authToken": None, "jwt": {"auth_header_name": "J"}}}) == empty


def test_the_header_of_the_token_comes_before_the_older_member_unless_it_is_empty():
    old = {"auth": {"auth_header_name": "Old"}}
    new = {"auth_configs": {"authToken": {"auth_header_name": "New"}}}
    none = {"auth_configs": {"authToken": {}}}
    assert [starter.fields(old | each)["auth_header_name"] for each in ({}, new, none)] == [
        "Old",
        "New",
        "Old",
    ]


def test_a_new_definition_is_nobody_elses():
    first = starter.new()
    first["proxy"]["listen_path"] = "/mine/"
    assert starter.new()["proxy"]["listen_path"] == ""
