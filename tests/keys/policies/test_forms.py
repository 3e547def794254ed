"""What is typed of a policy, and what is asked of the list."""

import json

import pytest
from django.http import QueryDict

from apis.definitions.pointer import Problem
from keys.keys.session import Api
from keys.policies import fields
from keys.policies.forms import JsonForm, ListForm, PolicyForm

OWN = [Api("x", "Orders", ("v1",))]
BASE = {"name": "Gold", "tags": ["a, b"], "meta_data": {"z": [1]}, "rate": 5, "per": 1, "odd": True}


def form(*, base=None, **typed):
    """A form that was sent with these fields beside those that have to be."""
    sent = QueryDict(mutable=True)
    for name, value in ({"name": "Gold", "state": "active"} | typed).items():
        sent.setlist(name, value if isinstance(value, list) else [value])
    return PolicyForm(sent, own=OWN, base=base)


@pytest.mark.parametrize(
    ("typed", "members"),
    [
        ({}, {}),
        ({"rate": "10.0", "per": "1.5"}, {"rate": 10, "per": 1.5}),
        ({"quota_max": "-1"}, {"quota_max": -1}),
        ({"tags": " a ,, b,a"}, {"tags": ["a", "b"]}),
        ({"meta_data": ' {"a": {"b": 1.5}} '}, {"meta_data": {"a": {"b": 1.5}}}),
        (
            {"access_rights": ["x"]},
            {"access_rights": {"x": {"api_id": "x", "api_name": "Orders", "versions": ["v1"]}}},
        ),
        (
            {"partition_per_api": "on"},
            {"partitions": dict.fromkeys(fields.FLAGS, False) | {"per_api": True}},
        ),
    ],
)
def test_fields_become_members(typed, members):
    sent = form(**typed)
    assert sent.is_valid()
    assert sent.definition == fields.new() | {"name": "Gold"} | members
    assert json.dumps(sent.definition["rate"]) in ("0", "10")


def test_what_is_shown_and_sent_back_says_what_it_said():
    shown = PolicyForm(own=OWN, base=BASE)
    sent = form(base=BASE, **{name: shown[name].value() for name in ("rate", "per", "tags", "meta_data")})
    assert sent.is_valid()
    assert sent.definition == BASE


def test_no_limit_is_an_empty_field():
    shown = PolicyForm(own=OWN)
    assert {name: shown[name].value() for name in fields.NUMBERS} == dict.fromkeys(fields.NUMBERS, "")


def test_of_a_form_that_is_not_valid_the_draft_has_what_was_typed_and_the_definition_does_not():
    sent = form(base=BASE, rate="abc", per="7", tags="c", meta_data='{"z": [1]}')
    assert not sent.is_valid()
    assert sent.draft == BASE | {"rate": "abc", "per": 7, "tags": ["c"]}
    assert sent.definition == BASE | {"per": 7, "tags": ["c"]}


@pytest.mark.parametrize(
    ("pointer", "field", "text"),
    [
        ("/name", "name", "is wrong"),
        ("/rate", "rate", "is wrong"),
        ("/partitions/per_api", "partition_per_api", "is wrong"),
        ("/partitions/other", "__all__", "/partitions/other: is wrong"),
        ("/partitions", "__all__", "/partitions: is wrong"),
        ("/access_rights/x/limit/per", "access_rights", "/access_rights/x/limit/per: is wrong"),
        ("/access_rights_array/0/api_id", "access_rights", "/access_rights_array/0/api_id: is wrong"),
        ("/meta_data/policies", "meta_data", "/meta_data/policies: is wrong"),
        ("/id", "__all__", "/id: is wrong"),
        ("", "__all__", "is wrong"),
    ],
)
def test_a_problem_is_said_at_the_field_that_it_is_about(pointer, field, text):
    sent = form()
    sent.is_valid()
    sent.refuse([Problem(pointer, "is wrong")])
    assert sent.errors == {field: [text]}


@pytest.mark.parametrize("text", ["[]", "{", "x"])
def test_what_is_carried_along_has_to_be_an_object(text):
    assert form(base_text=text).errors == {"base_text": ["Is no policy."]}


def test_a_page_sent_to_search_has_all_that_was_typed():
    typed = QueryDict("name=Gold&rate=abc&access_rights=x&access_rights=y&partition_acl=on&base_text={}")
    shown = PolicyForm(own=OWN, typed=typed)
    names = ("name", "rate", "access_rights", "partition_acl", "partition_quota", "base_text")
    assert [shown[name].value() for name in names] == ["Gold", "abc", ["x", "y"], True, False, "{}"]


def test_json_is_the_policy_that_stands_there_and_begins_as_a_new_one():
    assert json.loads(JsonForm()["text"].value()) == fields.new()
    sent = JsonForm({"text": '{"name": "Gold", "odd": [1]}'})
    assert sent.is_valid()
    assert sent.definition == {"name": "Gold", "odd": [1]}
    sent.refuse([Problem("/odd/0", "is wrong")])
    assert sent.errors == {"text": ["Line 1: /odd/0: is wrong"]}


@pytest.mark.parametrize(
    ("asked", "order"),
    [
        ("", ("-updated_at", "-id")),
        ("name", ("name", "id")),
        ("-name", ("-name", "-id")),
        ("updated_at", ("updated_at", "id")),
        ("-updated_at", ("-updated_at", "-id")),
    ],
)
def test_a_list_is_in_the_order_asked_for_which_no_two_rows_share_else_last_changed_first(asked, order):
    sent = ListForm({"sort": asked})
    assert sent.is_valid()
    assert sent.order == order
