"""Differences between definitions."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apis.definitions.difference import Row, rows

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=2), below, max_size=3),
    max_leaves=10,
)

# How long others keep the machine busy is no fault.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def test_each_changed_added_and_removed_member_is_one_row():
    before = {"a": 1, "b": {"c": [1, 2], "d": "x"}, "e": None}
    after = {"a": 1, "b": {"c": [1, 3, 4], "d/": "x"}, "e": 0}
    assert rows(before, after) == [
        Row("/b/c/1", "2", "3"),
        Row("/b/c/2", None, "4"),
        Row("/b/d", '"x"', None),
        Row("/b/d~1", None, '"x"'),
        Row("/e", "null", "0"),
    ]


def test_what_python_calls_equal_but_json_does_not_is_a_difference():
    assert rows({"a": 1, "b": 0}, {"a": True, "b": 0.0}) == [Row("/a", "1", "true"), Row("/b", "0", "0.0")]


def test_a_change_of_kind_is_one_row():
    assert rows({"a": {"b": 1}}, {"a": [1]}) == [Row("/a", '{"b":1}', "[1]")]


@UNHURRIED
@given(values)
def test_nothing_differs_from_itself(value):
    assert rows(value, value) == []


@UNHURRIED
@given(values, values)
def test_the_way_back_has_the_same_rows_turned_round(before, after):
    there = {(row.pointer, row.before, row.after) for row in rows(before, after)}
    back = {(row.pointer, row.after, row.before) for row in rows(after, before)}
    assert there == back


def test_no_more_rows_are_made_than_are_asked_for():
    before, after = [1, 2, 3], [4, 5, 6]
    whole = [Row("/0", "1", "4"), Row("/1", "2", "5"), Row("/2", "3", "6")]
    assert [rows(before, after, most) for most in (None, 4, 3, 2, 0)] == [whole, whole, whole, whole[:2], []]


def test_values_that_are_no_documents_differ_as_a_whole():
    assert rows(1, None) == [Row("", "1", "null")]
    assert rows({}, []) == [Row("", "{}", "[]")]
    assert rows("a", "a") == []


def test_what_is_gone_from_the_end_of_a_list_is_one_row_each():
    assert rows({"a": [1, [2], None]}, {"a": [1]}) == [Row("/a/1", "[2]", None), Row("/a/2", "null", None)]


def test_an_empty_object_or_list_is_something():
    assert rows({}, {"a": {}, "b": []}) == [Row("/a", None, "{}"), Row("/b", None, "[]")]


def test_members_come_in_the_order_of_the_document_before_and_new_ones_behind_them():
    assert [row.pointer for row in rows({"z": 1, "a": 1}, {"m": 2, "a": 2, "z": 2})] == ["/z", "/a", "/m"]
    assert rows({"a": 1, "b": 2}, {"b": 2, "a": 1}) == []
