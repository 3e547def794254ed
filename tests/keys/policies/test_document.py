"""What may stand in a policy object, and its one form."""

import json

import pytest

from apis.definitions.pointer import Problem
from keys.policies import document

ID, ORG = "a" * 24, "b" * 24


def said(**members):
    return [str(problem) for problem in document.problems({"name": "Gold", **members})]


def normal(present=None, **members):
    return document.normal_form({"name": "Gold", **members}, id=ID, org_id=ORG, updated=7, present=present)


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"name": " "}, "/name: must not be empty"),
        ({"name": "n" * 201}, "/name: must not be longer than 200 characters"),
        ({"name": 1}, "/name: must be text"),
        ({"_id": "short"}, "/_id: must be 24 hexadecimal digits"),
        ({"id": "a/b"}, "/id: must be letters, digits and . _ ~ : = @ + - after a letter, digit or _"),
        ({"id": "search"}, "/id: must be letters, digits and . _ ~ : = @ + - after a letter, digit or _"),
        ({"state": "on"}, "/state: must be one of active, draft, deny"),
        ({"rate": "10"}, "/rate: must be a number"),
        ({"rate": -2}, "/rate: must be -1 (unlimited) or more"),
        ({"rate": 10}, "/per: must be more than 0 where there is a rate: in how many seconds"),
        (
            {"quota_max": 10},
            "/quota_renewal_rate: must be more than 0 where there is a quota: after how many seconds",
        ),
        ({"quota_max": 1.5}, "/quota_max: must be a whole number"),
        ({"quota_max": 2**63}, f"/quota_max: must be between {-(2**63)} and {2**63 - 1}"),
        ({"key_expires_in": -2}, "/key_expires_in: must be seconds; 0 is never"),
        ({"last_updated": 5}, "/last_updated: must be text"),
        ({"tags": ["t"] * 101}, "/tags: must not be more than 100"),
        ({"tags": ["a\0b"]}, ": must not hold a NUL character".removeprefix(": ")),
        ({"Rate": 10}, '/Rate: differs from "rate" only by upper and lower case'),
        ({"access_rights": []}, "/access_rights: must be an object"),
        (
            {"access_rights": {"a": {}, "A": {}}},
            '/access_rights/A: differs from "a" only by upper and lower case',
        ),
        (
            {"access_rights": {"a": {"api_id": "b"}}},
            "/access_rights/a/api_id: must be the API ID under which the entry stands",
        ),
        (
            {"access_rights": {"a": {"apiid": "b"}}},
            "/access_rights/a/apiid: must be the API ID under which the entry stands",
        ),
        (
            {"access_rights_array": [{"api_id": "a", "apiid": "b"}]},
            "/access_rights_array/0/apiid: must be the same as api_id",
        ),
        (
            {"access_rights": {"a": {"limit": {"rate": 5}}}},
            "/access_rights/a/limit/per: must be more than 0 where there is a rate: in how many seconds",
        ),
        (
            {"access_rights_array": [{"api_id": "a"}, {"api_id": ""}]},
            "/access_rights_array/1/api_id: must not be empty",
        ),
        (
            {"access_rights_array": [{"api_id": "a"}, {"api_id": "a"}]},
            "/access_rights_array: must not name an API twice",
        ),
        (
            {"access_rights": {"a": {}}, "access_rights_array": [{"api_id": "b"}]},
            "/access_rights_array: must name the same APIs as access_rights, or be left out",
        ),
        (
            {"partitions": {"per_api": True, "quota": True}},
            "/partitions/per_api: must not be set beside another partition: gateways refuse the keys",
        ),
        (
            {"meta_data": {"policies": []}},
            "/meta_data/policies: must be left out: gateways take a list of this name for the policies of the "
            "key, of whatever organisation",
        ),
        (
            {"meta_data": {"rate_limit_pattern": ""}},
            "/meta_data/rate_limit_pattern: must be left out: gateways count requests by it, which another "
            "organisation's key may share",
        ),
        ({"more": "x" * 200_000}, "must not be longer than 200,000 characters"),
    ],
)
def test_each_fault_is_said_where_it_is(members, problem):
    assert said(**members) == [problem]


def test_what_is_no_object_is_no_policy():
    assert document.problems([]) == [Problem("", "must be an object")]


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"_id": None, "id": None, "access_rights": None, "tags": None, "meta_data": None, "partitions": None},
        {"_id": "", "id": "", "rate": -1, "per": -1, "quota_max": -1, "quota_renewal_rate": -1},
        {"rate": 0, "per": 0, "quota_max": 0, "key_expires_in": -1, "last_updated": ""},
        {"_id": {"$oid": "A" * 24}, "id": "ns:gold", "auth_types": {"a": "token"}, "unknown": [1]},
        {"access_rights": {"a": None}, "partitions": {"per_api": True}},
        {"meta_data": {"Policies": [], "upstream": {"policies": ["deeper"]}}},
    ],
)
def test_what_clients_send_is_accepted(members):
    assert said(**members) == []


def test_the_form_that_is_stored_has_what_clients_look_for_and_is_a_form_of_itself():
    right = {
        "api_id": "x",
        "api_name": "X",
        "versions": ["v1"],
        "allowed_urls": [{"url": "/", "methods": ["GET"]}],
    }
    wanted = {
        "_id": ID,
        "id": ID,
        "name": "Gold",
        "org_id": ORG,
        "rate": 0,
        "per": 0,
        "quota_max": 0,
        "quota_renewal_rate": 0,
        "throttle_interval": 0,
        "throttle_retry_limit": 0,
        "max_query_depth": 0,
        "key_expires_in": 0,
        "meta_data": {},
        "hmac_enabled": False,
        "state": "active",
        "active": True,
        "is_inactive": False,
        "access_rights": {"x": right},
        "access_rights_array": [right],
        "tags": [],
        "partitions": {
            "quota": False,
            "rate_limit": False,
            "acl": False,
            "complexity": False,
            "per_api": False,
        },
        "last_updated": "7",
        "unknown": {"kept": [1]},
    }
    by_map = normal(
        org_id="c" * 24, access_rights={"x": {**right, "api_id": ""}}, unknown={"kept": [1]}, tags=None
    )
    by_list = normal(access_rights_array=[right], unknown={"kept": [1]})
    assert (by_map, by_list) == (wanted, wanted)
    again = document.normal_form(json.loads(json.dumps(wanted)), id=ID, org_id=ORG, updated=7)
    assert again == wanted
    assert document.problems(wanted) == []


@pytest.mark.parametrize(
    ("members", "state"),
    [
        ({}, ("active", True, False)),
        ({"active": True}, ("active", True, False)),
        ({"active": False}, ("draft", False, False)),
        ({"active": True, "is_inactive": True}, ("deny", False, True)),
        ({"state": "draft", "active": True}, ("draft", False, False)),
        ({"state": "deny"}, ("deny", False, True)),
        ({"state": "active", "active": False, "is_inactive": True}, ("active", True, False)),
    ],
)
def test_the_state_decides_what_gateways_and_clients_are_told(members, state):
    form = normal(**members)
    assert (form["state"], form["active"], form["is_inactive"]) == state


@pytest.mark.parametrize(
    ("state", "change", "then"),
    [
        ("active", {"is_inactive": True}, "deny"),
        ("active", {"active": False}, "draft"),
        ("active", {"active": False, "is_inactive": True}, "deny"),
        ("draft", {"active": True}, "active"),
        ("draft", {"is_inactive": True}, "deny"),
        ("deny", {"active": True, "is_inactive": False}, "active"),
        ("deny", {"state": "active"}, "active"),
        ("active", {"state": "deny"}, "deny"),
        ("deny", {"state": ""}, "deny"),
        ("deny", {}, "deny"),
    ],
)
def test_who_changes_a_flag_of_what_he_has_read_changes_the_state(state, change, then):
    present = normal(state=state)
    assert normal(present=present, **present | change) == normal(present=present, state=then)


def test_an_id_stays_where_none_is_given():
    assert normal(present=normal(id="gold"))["id"] == "gold"
    assert normal(present=normal(id="gold"), id="silver")["id"] == "silver"
    assert document.resolves_as(normal(id="gold")) == "gold"
    assert document.resolves_as(normal()) == ID


@pytest.mark.parametrize(
    ("partitions", "grants"),
    [
        ({}, True),
        ({"acl": True}, True),
        ({"acl": True, "quota": True}, True),
        ({"per_api": True}, True),
        ({"quota": True}, False),
        ({"rate_limit": True, "complexity": True}, False),
    ],
)
def test_a_policy_opens_something_unless_it_only_limits(partitions, grants):
    assert document.grants_rights(normal(partitions=partitions, access_rights={"a": {}})) == grants
    assert document.grants_rights(normal(partitions=partitions)) is False


def test_an_api_goes_from_both_forms_of_the_rights():
    left = document.without_apis(normal(access_rights={"a": {}, "b": {}}), {"a"})
    assert left == normal(access_rights={"b": {}})
    assert document.opened_apis(left) == ["b"]


def test_when_it_was_stored_makes_no_difference():
    assert document.same(normal(), {**normal(), "last_updated": "8"}) is True
    assert document.same(normal(), normal(rate=-1)) is False
