"""JSON from outside: what is refused, and that all else comes back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgs.http import strict_json

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b'{"a": 1, "a": 2}', "the member a is there twice"),
        (b'{"a": {"b": 1, "b": 2}}', "the member b is there twice"),
        (b'{"a": "\\u0000"}', "/a holds a NUL character"),
        (b'{"\\u0000": 1}', "a member name of the text holds a NUL character"),
        (b'{"a": ["x", "\\ud800"]}', "/a/1 holds half a character"),
        (b"[NaN]", "NaN is not JSON"),
        (b"[-Infinity]", "-Infinity is not JSON"),
        (b"[1e999]", "the number at /0 is too large"),
        (b"[9223372036854775808]", "the number at /0 is too large"),
        (b"9" * 5_000, "a number is too large"),
        (b"[" * 66 + b"]" * 66, "nested too deeply"),
        (b"[" * 200_000, "it is nested too deeply"),
        (b"\xff", "the text is not UTF-8"),
        (b'{"a": 1,\n "b" 2}', "Expecting ':' delimiter at line 2 column 6"),
    ],
)
def test_json_that_would_surprise_is_refused_with_its_place(text, said):
    with pytest.raises(strict_json.BadJson) as raised:
        strict_json.loads(text)
    assert str(raised.value).endswith(said)


@given(
    st.recursive(
        SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3)
    )
)
def test_any_other_json_comes_back_equal(value):
    assert strict_json.loads(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("\ufeff1", 1),
        (b"\xef\xbb\xbf1", 1),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("1e308", 1e308),
        ("true", True),
        ('"\\ud83d\\ude00"', "\U0001f600"),
        ('{"a": {"a": 1}}', {"a": {"a": 1}}),
    ],
)
def test_what_is_just_within_is_taken(text, value):
    assert strict_json.loads(text) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("9223372036854775808", "the number at the text is too large"),
        ("-9223372036854775809", "the number at the text is too large"),
        ("-1e309", "the number at the text is too large"),
        ('"\\udc00"', "the text holds half a character"),
        ('"\ud800"', "the text holds half a character"),
        ('{"a": {"\\ud800": 1}}', "a member name of /a holds half a character"),
        ('{"a\\n\\u202e": "\\u0000"}', "/a?? holds a NUL character"),
        ("\ufeff\ufeff1", "Unexpected UTF-8 BOM (decode using utf-8-sig) at line 1 column 1"),
        ("1 2", "Extra data at line 1 column 3"),
        ("", "Expecting value at line 1 column 1"),
        ("Infinity", "Infinity is not JSON"),
        ('{"b": 1, "a": 1, "a": 2, "b": 2}', "the member a is there twice"),
    ],
)
def test_what_is_just_beyond_is_refused_with_its_place(text, said):
    with pytest.raises(strict_json.BadJson) as raised:
        strict_json.loads(text)
    assert str(raised.value) == said


def test_sixty_four_levels_are_taken_and_one_more_is_not():
    def nested(levels):
        return "[" * levels + "1" + "]" * levels

    assert json.dumps(strict_json.loads(nested(strict_json.MOST_DEEP))) == nested(64)
    with pytest.raises(strict_json.BadJson) as raised:
        strict_json.loads(nested(65))
    assert str(raised.value) == f"{'/0' * 65} is nested too deeply"


def test_a_name_from_outside_is_said_short_and_without_what_a_terminal_acts_on():
    assert strict_json.printable("a\x1b[2J\nü") == "a?[2J?ü"
    assert [len(strict_json.printable("x" * count)) for count in (59, 60, 61)] == [59, 60, 60]
