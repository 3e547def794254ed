"""A policy as fields and back: nothing else changes."""

import copy

import pytest

from keys.keys.session import Api
from keys.policies import document, fields

APIS = [Api("x", "X", ("v1", "v2")), Api("y", "Y")]
RIGHT = {"api_id": "x", "api_name": "X", "versions": ["v1"], "limit": {"rate": 5, "per": 1}}
POLICY = {
    "name": "Gold",
    "state": "draft",
    "rate": 10,
    "per": 60,
    "quota_max": -1,
    "partitions": {"acl": True, "quota": False},
    "access_rights": {"x": RIGHT},
    "tags": ["a"],
    "meta_data": {"b": 1},
    "unknown": {"kept": True},
}
SHOWN = {
    "name": "Gold",
    "state": "draft",
    "access_rights": ["x"],
    "rate": 10,
    "per": 60,
    "quota_max": -1,
    "quota_renewal_rate": 0,
    "throttle_interval": 0,
    "throttle_retry_limit": 0,
    "max_query_depth": 0,
    "key_expires_in": 0,
    "partition_quota": False,
    "partition_rate_limit": False,
    "partition_acl": True,
    "partition_complexity": False,
    "partition_per_api": False,
    "tags": ["a"],
    "meta_data": {"b": 1},
}


def test_the_fields_of_a_policy_are_what_the_form_shows():
    assert fields.fields(POLICY) == SHOWN
    assert fields.fields(POLICY | {"access_rights": None, "access_rights_array": [RIGHT]}) == SHOWN


def test_put_back_as_they_are_they_change_nothing():
    before = copy.deepcopy(POLICY)
    assert fields.apply(POLICY, SHOWN, APIS) == before
    assert before == POLICY


@pytest.mark.parametrize(
    ("changed", "members"),
    [
        ({"name": "Silver"}, {"name": "Silver"}),
        ({"rate": 5, "quota_max": 0}, {"rate": 5, "quota_max": 0}),
        ({"partition_quota": True}, {"partitions": {"acl": True, "quota": True}}),
        ({"tags": [], "meta_data": {}}, {"tags": [], "meta_data": {}}),
        ({"state": "deny"}, {"state": "deny"}),
        ({"key_expires_in": 60}, {"key_expires_in": 60}),
        ({"access_rights": []}, {"access_rights": {}}),
        (
            {"access_rights": ["y", "x", "y"]},
            {"access_rights": {"x": RIGHT, "y": {"api_id": "y", "api_name": "Y", "versions": ["Default"]}}},
        ),
        (
            {"access_rights": ["zzzz"]},
            {"access_rights": {"zzzz": {"api_id": "zzzz", "api_name": "", "versions": []}}},
        ),
    ],
)
def test_a_field_that_changes_changes_its_member_alone(changed, members):
    assert fields.apply(POLICY, SHOWN | changed, APIS) == POLICY | members


def test_a_changed_choice_of_apis_stands_in_one_form():
    listed = {"name": "Gold", "access_rights_array": [RIGHT]}
    made = fields.apply(listed, fields.fields(listed) | {"access_rights": ["x", "y"]}, APIS)
    assert (list(made["access_rights"]), "access_rights_array" in made) == (["x", "y"], False)
    assert made["access_rights"]["x"] == RIGHT


@pytest.mark.parametrize(
    "policy",
    [
        {"name": 1, "state": [], "access_rights": [], "access_rights_array": {"a": 1}},
        {"rate": {}, "quota_max": True, "tags": "a", "meta_data": [], "partitions": 7},
        {"access_rights_array": [None, {"api_id": 1}, "x"], "tags": [1], "name": None},
    ],
)
def test_of_what_is_no_policy_the_fields_are_those_of_a_new_one_and_it_stays_as_it_is(policy):
    shown = fields.fields(policy)
    assert shown == fields.fields(fields.new())
    assert fields.apply(policy, shown, APIS) == policy


def test_a_text_for_a_number_is_shown_as_it_stands():
    assert fields.fields({"rate": "ten"})["rate"] == "ten"


@pytest.mark.parametrize(
    ("members", "state"),
    [
        ({"is_inactive": True}, "deny"),
        ({"active": False}, "draft"),
        ({"state": "odd"}, "active"),
        ({"state": "draft", "is_inactive": True}, "draft"),
    ],
)
def test_a_state_is_said_or_follows(members, state):
    assert fields.fields(members)["state"] == state


def test_the_editor_shows_what_makes_the_same_document_again():
    facts = {"id": "a" * 24, "org_id": "b" * 24, "updated": 7}
    stored = document.normal_form(POLICY, **facts)
    written = fields.editable(stored)
    assert stored.keys() - written.keys() == {
        "_id",
        "org_id",
        "active",
        "is_inactive",
        "access_rights_array",
        "last_updated",
    }
    assert document.normal_form(written, **facts, present=stored) == stored
