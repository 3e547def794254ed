"""The heads of lists."""

import pytest

from orgs.http.tables import Column, Head, heads

COLUMNS = (
    Column("Name", "name", "name"),
    Column("Target", lesser=True),
    Column("Updated", "time", "updated_at"),
)


@pytest.mark.parametrize(
    ("asked", "name", "updated"),
    [
        ({}, ("?sort=-name", "ascending"), ("?sort=updated_at", "none")),
        ({"q": "a b"}, ("?q=a+b&sort=-name", "ascending"), ("?q=a+b&sort=updated_at", "none")),
        ({"sort": "-name"}, ("?sort=name", "descending"), ("?sort=updated_at", "none")),
        ({"sort": "updated_at"}, ("?sort=name", "none"), ("?sort=-updated_at", "ascending")),
        ({"sort": "-updated_at"}, ("?sort=name", "none"), ("?sort=updated_at", "descending")),
    ],
)
def test_a_second_click_turns_the_order_round_and_keeps_the_filters(asked, name, updated):
    assert heads(COLUMNS, asked, default="name") == [
        Head("Name", "col-name", *name),
        Head("Target", "lesser"),
        Head("Updated", "col-time", *updated),
    ]


def test_a_column_that_is_all_there_is_to_say_of_it_has_no_class_and_no_order():
    columns = (
        Column("State"),
        Column("Rank", "number", "rank", lesser=True),
        Column("", "actions", lesser=True),
    )
    assert heads(columns) == [
        Head("State", ""),
        Head("Rank", "col-number lesser", "?sort=rank", "none"),
        Head("", "col-actions lesser"),
    ]


def test_what_is_sorted_from_the_most_down_is_never_turned_round():
    columns = (
        Column("Requests", "number", "requests", falling=True),
        Column("5xx", sort="errors", falling=True),
    )
    for asked in ({"sort": "requests"}, {}):
        assert heads(columns, asked, default="requests") == [
            Head("Requests", "col-number", "?sort=requests", "descending"),
            Head("5xx", "", "?sort=errors", "none"),
        ]


def test_an_empty_order_is_none_and_a_filter_is_written_as_an_address():
    (name, *_) = heads(COLUMNS, {"q": "a&b=ü", "sort": ""}, default="-name")
    assert name == Head("Name", "col-name", "?q=a%26b%3D%C3%BC&sort=name", "descending")
