"""A definition as the fields of a form, and back."""

import copy

from apis.definitions import starter
from apis.definitions.classic import problems
from tests.apis.definitions.test_classic import RECORDED, definition_of

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
    made = starter.apply(starter.new(), VALUES)
    assert problems(made, may_use_references=False) == []
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


def test_every_field_is_said_and_read_back():
    values = VALUES | {
        "domain": "api.example",
        "authentication": "keyless",
        "auth_header_name": "X-Key",
        "rate": 10,
        "per": 60,
        "active": False,
        "strip_listen_path": False,
    }
    assert starter.fields(starter.apply(starter.new(), values)) == values


def test_fields_that_say_what_they_said_change_nothing():
    given = [definition_of(case) for recorded in RECORDED.values() for case in recorded]
    sound = [each for each in given if each and not problems(each, may_use_references=True)]
    assert len(sound) > 40
    for definition in sound:
        before = copy.deepcopy(definition)
        assert starter.apply(definition, starter.fields(definition)) == before
        assert definition == before


def test_another_way_of_authenticating_stays_until_one_of_the_two_is_chosen():
    definition = starter.apply(starter.new(), VALUES) | {
        "enable_jwt": True,
        "jwt_source": "x",
        "use_standard_auth": False,
    }
    assert starter.fields(definition)["authentication"] == "other"
    kept = starter.apply(definition, starter.fields(definition) | {"name": "New"})
    assert kept == definition | {"name": "New"}
    token = starter.apply(definition, starter.fields(definition) | {"authentication": "token"})
    assert token == definition | {"enable_jwt": False, "use_standard_auth": True}


def test_the_header_is_changed_where_gateways_read_it():
    definition = starter.new() | {
        "auth_configs": {"authToken": {"auth_header_name": "X-Old", "use_param": True}}
    }
    assert starter.fields(definition)["auth_header_name"] == "X-Old"
    made = starter.apply(definition, starter.fields(definition) | {"auth_header_name": "X-New"})
    assert made["auth_configs"] == {"authToken": {"auth_header_name": "X-New", "use_param": True}}


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


def test_fields_are_put_where_nothing_or_nonsense_stood():
    changed = {"listen_path": "/x/", "rate": 10, "auth_header_name": "X-Key"}
    for definition in ({}, {"proxy": None, "auth": [], "global_rate_limit": "none"}):
        assert starter.apply(definition, starter.fields(definition) | changed) == {
            "proxy": {"listen_path": "/x/"},
            "global_rate_limit": {"rate": 10},
            "auth": {"auth_header_name": "X-Key"},
        }


def test_the_header_of_the_token_comes_before_the_older_member_unless_it_is_empty():
    old = {"auth": {"auth_header_name": "Old"}}
    new = {"auth_configs": {"authToken": {"auth_header_name": "New"}}}
    none = {"auth_configs": {"authToken": {}}}
    assert [starter.fields(old | each)["auth_header_name"] for each in ({}, new, none)] == [
        "Old",
        "New",
        "Old",
    ]
    made = starter.apply(old | none, starter.fields(old | none) | {"auth_header_name": "Both"})
    assert made == {
        "auth": {"auth_header_name": "Both"},
        "auth_configs": {"authToken": {"auth_header_name": "Both"}},
    }


def test_keyless_switches_every_other_way_off_that_is_there_and_writes_no_more():
    definition = {"enable_jwt": True, "use_openid": False, "use_standard_auth": True}
    made = starter.apply(definition, starter.fields(definition) | {"authentication": "keyless"})
    assert made == {
        "enable_jwt": False,
        "use_openid": False,
        "use_standard_auth": False,
        "use_keyless": True,
    }


def test_a_new_definition_is_nobody_elses():
    first = starter.new()
    first["proxy"]["listen_path"] = "/mine/"
    assert starter.new()["proxy"]["listen_path"] == ""
