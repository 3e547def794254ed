"""Values of members as the texts of a form, and back."""

import pytest

from apis.definitions.fields.description import Field
from apis.definitions.fields.texts import KINDS, Unshowable, Wrong, same

ONE = (("", "Choose …"), ("a", "A"))
BIG = 2**63 - 1


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("line", None, ""),
        ("line", " x ", " x "),
        ("area", "a\n", "a\n"),
        ("whole", -5, "-5"),
        ("whole", BIG, str(BIG)),
        ("number", 1.0, "1.0"),
        ("number", 1e22, "1e+22"),
        ("number", "many", "many"),
        ("switch", None, False),
        ("reversed", None, True),
        ("reversed", True, False),
        ("choice", "b", "b"),
        ("lines", ["a", "b c"], "a\nb c"),
        ("lines", None, ""),
        ("codes", [200, 404], "200, 404"),
        ("pairs", {"X-A": "b: c", "Y": ""}, "X-A: b: c\nY: "),
        ("blob", "e3sgLm5hbWUgfX0=", "{{ .name }}"),
    ],
)
def test_a_value_is_shown(kind, value, shown):
    assert KINDS[kind].shown(value) == shown


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("line", [5, ["a"], "a\nb", "a\r"]),
        ("area", [{}, "a\r\nb"]),
        ("whole", [True, [], "a\nb"]),
        ("switch", ["yes", 0, []]),
        ("reversed", ["yes"]),
        ("choice", [1, "a\nb"]),
        ("lines", ["a", [1], [""], [" a"], ["a\nb"], [None], ["a"] * 501]),
        ("codes", [[True], ["200"], 200]),
        ("pairs", [["a"], {"a": 1}, {"a:b": "c"}, {"a": "b\nc"}, {" a": "b"}, {"": "b"}, {"a": "b "}]),
        ("blob", [5, "!", "gIA=", "DQo=", "YQ"]),
    ],
)
def test_a_value_of_another_shape_is_not_shown(kind, values):
    for value in values:
        with pytest.raises(Unshowable):
            print(kind, value, KINDS[kind].shown(value))


@pytest.mark.parametrize(
    ("kind", "typed", "value"),
    [
        ("line", "  a b ", "a b"),
        ("area", " a\r\nb ", " a\nb "),
        ("whole", "", 0),
        ("whole", " 90 ", 90),
        ("number", "1e2", 100),
        ("number", "0.5", 0.5),
        ("switch", True, True),
        ("reversed", True, False),
        ("choice", "a", "a"),
        ("key", "a", "a"),
        ("lines", "a \r\n\r\n b c\n", ["a", "b c"]),
        ("codes", " 200,404 500", [200, 404, 500]),
        ("codes", " ", []),
        ("pairs", "A : b: c\r\n\r\nD:", {"A": "b: c", "D": ""}),
        ("blob", "é\r\n", "w6kK"),
    ],
)
def test_what_is_typed_is_read(kind, typed, value):
    found = KINDS[kind].value(Field("x", ("x",), kind, "X", most=100, choices=ONE), typed)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("kind", "typed", "fault"),
    [
        ("line", "x" * 101, "must have at most 100 characters, not 101"),
        ("line", "a\0", "must not hold a NUL character"),
        ("line", "a\nb", "must be one line"),
        ("area", "\0", "must not hold a NUL character"),
        ("whole", "1.5", "must be a whole number"),
        ("whole", "٣", "must be a whole number"),
        ("whole", "101", "must be from 0 to 100"),
        ("whole", "-1", "must be from 0 to 100"),
        ("number", "nan", "must be a number, such as 100 or 0.5"),
        ("number", "1e99", "must be from 0 to 100"),
        ("choice", "b", "must be one of those offered"),
        ("key", "b", "must be one of those offered"),
        ("lines", "a\n" * 40 + "a" * 30, "must have at most 100 characters, not 110"),
        ("codes", "200, 99", "must be statuses such as 200, 404"),
        ("pairs", "A: b\nC", "must have a name, a colon and a value in each line, unlike line 2"),
        ("pairs", "\n: b", "must have a name, a colon and a value in each line, unlike line 2"),
        ("pairs", "A: b\na: c", "must name each header once, unlike line 2"),
    ],
)
def test_what_is_typed_wrong_is_refused_with_what_is_expected(kind, typed, fault):
    with pytest.raises(Wrong) as refused:
        KINDS[kind].value(Field("x", ("x",), kind, "X", most=100, choices=ONE), typed)
    assert str(refused.value) == fault


def test_what_comes_back_as_it_was_shown_is_the_same_however_its_lines_end():
    assert [
        same("a\r\nb", "a\nb"),
        same("a\nb", "a\nb"),
        same("a", "b"),
        same(True, True),
        same(False, True),
    ] == [
        True,
        True,
        False,
        True,
        False,
    ]
