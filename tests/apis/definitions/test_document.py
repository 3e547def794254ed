"""Definition text."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apis.definitions import document
from apis.definitions.pointer import pointer, walk
from orgs.http.strict_json import BadJson

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b/", "~", 'q"', "{,"]), below, max_size=3)
    ),
    max_leaves=12,
)


def test_every_value_has_its_line():
    text = '{\n "a": [1,\n {"b~/": "x,{"}],\n "c": {},\n "d": [],\n "e": null}'
    assert document.lines(text, [pointer(path) for path, _, _ in walk(json.loads(text))]) == {
        "": 1,
        "/a": 2,
        "/a/0": 2,
        "/a/1": 3,
        "/a/1/b~0~1": 3,
        "/c": 4,
        "/d": 5,
        "/e": 6,
    }


@given(values)
def test_the_lines_of_any_document_name_each_of_its_values(value):
    pointers = sorted(pointer(path) for path, _, _ in walk(value))
    assert sorted(document.lines(document.pretty(value), [*pointers, "/not/there"])) == pointers


@given(values)
def test_text_written_and_read_again_is_the_same(value):
    assert document.parse(document.compact(value)) == value == document.faithful(value)
    assert json.loads(document.pretty(value)) == value


@pytest.mark.parametrize(
    "text", ["", "{", '{"a":1,"a":2}', "NaN", '"\\u0000"', '"\\ud800"', "[" * 100_000, " " * 1_000_001]
)
def test_text_that_two_readers_could_read_differently_is_refused(text):
    with pytest.raises(BadJson):
        document.parse(text)


def test_only_the_lines_that_are_asked_for_are_looked_up():
    assert document.lines('{"a": [1,\n2]}', ["/a/1", "/b"]) == {"/a/1": 2}


def test_the_mark_that_editors_write_before_a_text_is_no_value_of_it():
    text = '\ufeff{"a": [1,\n2]}'
    assert (document.parse(text), document.lines(text, ["/a/1"])) == ({"a": [1, 2]}, {"/a/1": 2})


def test_lines_are_found_in_one_pass_even_below_a_name_of_half_a_megabyte():
    text = '{"' + "x" * 500_000 + '": [' + "1,\n" * 150_000 + "1]}"
    began = time.process_time()
    found = document.lines(text, [f"/{'x' * 500_000}/{index}" for index in (0, 149_999)])
    assert (list(found.values()), time.process_time() - began < 5) == ([1, 150_000], True)


def test_what_indenting_would_make_too_long_to_send_back_is_shown_without_blanks():
    value = [1] * 10
    for _ in range(60):
        value = [value]
    assert document.pretty(value).startswith("[\n")
    value = [value[0]] * 1_000
    assert document.pretty(value) == document.compact(value)


def test_a_text_of_the_largest_length_is_read_and_one_longer_is_not():
    text = "1".ljust(document.LARGEST)
    assert document.parse(text) == 1
    with pytest.raises(BadJson) as raised:
        document.parse(text + " ")
    assert str(raised.value) == "it is longer than 1,000,000 characters"


def test_indented_text_of_the_largest_length_is_shown_so_and_one_longer_is_not():
    fitting = ["x" * (document.LARGEST - 8)]
    assert document.pretty(fitting) == f'[\n  "{fitting[0]}"\n]'
    assert len(document.pretty(fitting)) == document.LARGEST
    assert document.pretty([fitting[0] + "x"]) == f'["{fitting[0]}x"]'


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": 1}', {"a": 1}),
        ("{}", {}),
        ("[]", None),
        ("null", None),
        ('"a"', None),
        ("", None),
        ('{"a": 1, "a": 2}', None),
    ],
)
def test_the_object_of_a_text_is_none_where_there_is_no_object(text, found):
    assert document.object_in(text) == found


def test_both_forms_are_written_in_their_order_and_letters_as_they_are():
    value = {"z": "ü", "a": [True, None, 1.5, {}]}
    assert document.compact(value) == '{"z":"ü","a":[true,null,1.5,{}]}'
    assert document.pretty(value) == (
        '{\n  "z": "ü",\n  "a": [\n    true,\n    null,\n    1.5,\n    {}\n  ]\n}'
    )


def nested(depth):
    value = None
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (float("nan"), "it cannot be written as JSON"),
        ({"a": float("inf")}, "it cannot be written as JSON"),
        ({"a": {1, 2}}, "it cannot be written as JSON"),
        (nested(100_000), "it cannot be written as JSON"),
        ({1: "a", "1": "b"}, "the member 1 is there twice"),
        ("x" * document.LARGEST, "it is longer than 1,000,000 characters"),
        ("a\0b", "the text holds a NUL character"),
    ],
    ids=["not a number", "infinite", "a set", "deep", "twice", "long", "NUL"],
)
def test_what_no_text_says_has_no_faithful_form(value, said):
    with pytest.raises(BadJson) as raised:
        document.faithful(value)
    assert str(raised.value) == said


def test_a_faithful_form_is_what_a_reader_sees():
    assert document.faithful({1: (2, 3)}) == {"1": [2, 3]}


def test_lines_are_asked_for_by_escaped_names_and_found_below_empty_ones():
    text = '{"": {"": 1,\n"a/b": [\n[2]]}}'
    assert document.lines(text, ["/", "//", "//a~1b/0/0", "//a/b", "/0"]) == {
        "/": 1,
        "//": 1,
        "//a~1b/0/0": 3,
    }


LINES = '{\n "a": 1,\n "b": {\r\n "c": [\n1, {"d": 2}]},\n "e": {}\n}'


def test_what_is_not_there_has_the_line_of_what_would_hold_it():
    wanted = ["/a", "/b/c/1/d", "/b/c/1/zebra", "/b/c/9", "/b/x/y", "/x", ""]
    assert document.nearest_lines(LINES, wanted) == {
        "/a": 2,
        "/b/c/1/d": 5,
        "/b/c/1/zebra": 5,
        "/b/c/9": 4,
        "/b/x/y": 3,
        "/x": 1,
        "": 1,
    }


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{\n"a":\n}', 3),
        ('{"b": {"a": 1},\n"a": "a",\n"c": ["a", "a"],\n"a": 3}', 4),
        ('[\n{"a": 1},\n{"a": 1,\n\n"a": 2}]', 5),
        ('{"x": 1,\n"b": "\\u0000"}', 2),
        ('{"x": 1,\n"b":\n[1, 99999999999999999999]}', 3),
        ("[" * 100 + "]" * 100, 1),
        ("", 1),
    ],
)
def test_what_is_no_json_is_so_in_a_line(text, line):
    with pytest.raises(BadJson) as refused:
        document.parse(text)
    assert document.line_of_fault(text, str(refused.value)) == line


def test_an_excerpt_has_the_lines_around_and_no_more_than_a_page_has_room_for():
    text = "one\r\n" + "x" * 900 + "\nthree\nfour"
    assert document.excerpt(text, 1) == [(1, "one"), (2, "x" * 200)]
    assert document.excerpt(text, 3) == [(2, "x" * 200), (3, "three"), (4, "four")]
    assert document.excerpt("{}", 1) == []
