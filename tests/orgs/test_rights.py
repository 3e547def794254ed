"""Tyk's permissions: what a map allows, and what counts for whom."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgs import rights
from orgs.models import User

MAPS = st.builds(
    lambda named, pseudo: named | pseudo,
    st.dictionaries(st.sampled_from(rights.NAMES), st.sampled_from(rights.LEVELS), max_size=6),
    st.dictionaries(st.sampled_from(rights.PSEUDO), st.just("admin")),
)


def test_an_empty_map_allows_nothing():
    assert [name for name in rights.NAMES if rights.allows({}, name, "read")] == []


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
    assert rights.allows(granted, "apis", level) is allowed


@given(holder=MAPS, asked=MAPS, before=MAPS)
def test_what_may_be_granted_gives_nobody_more_than_he_had_or_the_giver_holds(holder, asked, before):
    if rights.exceeding(asked, holder, before):
        return
    for name in rights.NAMES:
        for level in ("read", "write"):
            if rights.allows(asked, name, level):
                assert rights.allows(holder, name, level) or rights.allows(before, name, level)


def test_what_counts_is_the_persons_own_map_and_everything_for_a_super_user():
    own = {"apis": "read", "keys": "deny"}
    assert rights.effective(User(permissions=own, is_superuser=False)) == own
    # Of an earlier life in an organisation, say: a super-user is bound by no map.
    assert rights.effective(User(permissions={"keys": "deny"}, is_superuser=True)) == rights.ADMINISTRATOR


def test_whoever_is_switched_off_may_nothing():
    for person in (
        User(is_superuser=True, is_active=False),
        User(permissions={"IsAdmin": "admin"}, is_active=False),
    ):
        assert [person.may(name) for name in ("", *rights.NAMES)] == [False] * (len(rights.NAMES) + 1)
