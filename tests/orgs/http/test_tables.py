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
