"""Differences between definitions."""

from hypothesis import given
from hypothesis import strategies as st

from apis.definitions.difference import Row, rows

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=2), below, max_size=3),
    max_leaves=10,
)


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


@given(values)
def test_nothing_differs_from_itself(value):
    assert rows(value, value) == []


@given(values, values)
def test_the_way_back_has_the_same_rows_turned_round(before, after):
    there = {(row.pointer, row.before, row.after) for row in rows(before, after)}
    back = {(row.pointer, row.after, row.before) for row in rows(after, before)}
    assert there == back
