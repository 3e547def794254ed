"""Permissions, strict JSON, ids: what has no database."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgs import permissions
from orgs.http import strict_json
from orgs.ids import is_id, new_id

WRONG_IDS = ("", "x" * 24, "A" * 24, "a" * 23, "a" * 25, "a" * 24 + "\n", None, 5)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
MAPS = st.builds(
    lambda named, pseudo: named | pseudo,
    st.dictionaries(st.sampled_from(permissions.NAMES), st.sampled_from(permissions.LEVELS), max_size=6),
    st.dictionaries(st.sampled_from(permissions.PSEUDO), st.just("admin")),
)


def test_an_empty_map_allows_nothing():
    assert [name for name in permissions.NAMES if permissions.allows({}, name, "read")] == []


@pytest.mark.parametrize(
    ("granted", "level", "allowed"),
    [
        ({"apis": "read"}, "read", True),
        ({"apis": "read"}, "write", False),
        ({"apis": "write"}, "read", True),
        ({"apis": "write"}, "write", True),
        ({"apis": "deny"}, "read", False),
        ({"IsAdmin": "admin"}, "write", True),
        ({"IsAdmin": "admin", "apis": "deny"}, "read", False),
        ({"IsAdmin": "write"}, "read", False),
        ({"keys": "write"}, "read", False),
    ],
)
def test_levels_and_the_administrator(granted, level, allowed):
    assert permissions.allows(granted, "apis", level) is allowed


@given(holder=MAPS, asked=MAPS, before=MAPS)
def test_what_may_be_granted_gives_nobody_more_than_he_had_or_the_giver_holds(holder, asked, before):
    if permissions.exceeding(asked, holder, before):
        return
    for name in permissions.NAMES:
        for level in ("read", "write"):
            if permissions.allows(asked, name, level):
                assert permissions.allows(holder, name, level) or permissions.allows(before, name, level)


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


def test_ids_are_24_hexadecimal_digits_and_never_the_same():
    made = {new_id() for _ in range(2_000)}
    assert (len(made), all(map(is_id, made))) == (2_000, True)
    assert [is_id(text) for text in WRONG_IDS] == [False] * len(WRONG_IDS)
