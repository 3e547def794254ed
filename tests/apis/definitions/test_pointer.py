"""JSON pointers."""

import pytest

from apis.definitions.pointer import Problem, child, pointer, steps, summary, walk


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("",), "/"),
        (("a", 0, "b"), "/a/0/b"),
        (("a/b", "m~n"), "/a~1b/m~0n"),
        (("~1", "~0", "/~"), "/~01/~00/~1~0"),
    ],
)
def test_a_path_and_its_pointer_are_each_others_way_back(path, text):
    assert (pointer(path), steps(text)) == (text, [str(step) for step in path])


def test_a_child_is_one_step_longer():
    assert [child("", "a"), child("/a", 0), child("/a", "b/~")] == ["/a", "/a/0", "/a/b~1~0"]


def test_a_problem_of_the_whole_document_is_said_without_a_place():
    assert [str(Problem("/a", "must be text")), str(Problem("", "must be an object"))] == [
        "/a: must be text",
        "must be an object",
    ]


def test_a_walk_is_of_every_value_parents_first_and_names_only_members():
    assert list(walk({"a": [1, {"b": None}], "c": "x"})) == [
        ((), None, {"a": [1, {"b": None}], "c": "x"}),
        (("a",), "a", [1, {"b": None}]),
        (("a", 0), None, 1),
        (("a", 1), None, {"b": None}),
        (("a", 1, "b"), "b", None),
        (("c",), "c", "x"),
    ]


def test_a_walk_begins_where_it_is_told_and_is_as_deep_as_the_value():
    assert list(walk(1, ("a", 0))) == [(("a", 0), None, 1)]
    value = None
    for _ in range(3_000):
        value = [value]
    assert sum(1 for _ in walk(value)) == 3_001


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, []),
        (2, ["/0: x", "/1: x"]),
        (3, ["/0: x", "/1: x", "and 1 more"]),
        (1_002, ["/0: x", "/1: x", "and 1,000 more"]),
    ],
)
def test_a_summary_says_how_many_it_leaves_out(count, shown):
    assert summary([Problem(f"/{number}", "x") for number in range(count)], 2) == shown
