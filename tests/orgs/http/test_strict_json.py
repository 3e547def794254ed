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
