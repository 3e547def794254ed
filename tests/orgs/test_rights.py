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


@pytest.mark.parametrize("name", ["", "api", "APIs", "IsAdmin", "ResetPassword"])
def test_a_name_that_is_no_permission_is_an_error_of_ours_even_for_an_administrator(name):
    with pytest.raises(ValueError) as raised:
        rights.allows(rights.ADMINISTRATOR, name, "read")
    assert str(raised.value) == f"{name} is no permission: see orgs.rights.NAMES"
    assert [rights.known(each) for each in rights.NAMES] == list(rights.NAMES)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, []),
        ({"apis": "write", "keys": "read", "users": "deny", **rights.ADMINISTRATOR}, []),
        (dict.fromkeys(rights.NAMES, "read"), []),
        (dict.fromkeys(rights.READ_ONLY, "deny"), []),
        (None, ["user_permissions must be an object of names and levels"]),
        ([], ["user_permissions must be an object of names and levels"]),
        ({"apis": "admin"}, ["user_permissions.apis must be one of deny, read, write"]),
        ({"apis": None}, ["user_permissions.apis must be one of deny, read, write"]),
        ({"apis": ["read"]}, ["user_permissions.apis must be one of deny, read, write"]),
        ({"log": "write"}, ["user_permissions.log can only be read or deny"]),
        ({"IsAdmin": "read"}, ["user_permissions.IsAdmin can only be admin"]),
        ({"ResetPassword": True}, ["user_permissions.ResetPassword can only be admin"]),
        (
            {"api": "read", "isadmin": "admin", "keys": "Write"},
            [
                "user_permissions.api is not a permission",
                "user_permissions.isadmin is not a permission",
                "user_permissions.keys must be one of deny, read, write",
            ],
        ),
    ],
)
def test_what_is_wrong_with_a_map_is_said_by_name(asked, said):
    assert rights.problems(asked) == said


def test_what_is_only_read_cannot_be_written_by_any_map():
    assert {name: rights.problems({name: "write"}) for name in rights.NAMES} == {
        name: [f"user_permissions.{name} can only be read or deny"] if name in rights.READ_ONLY else []
        for name in rights.NAMES
    }


OTHERS = [name for name in rights.NAMES if name != "keys"]


@pytest.mark.parametrize(
    ("asked", "holder", "before", "lacking"),
    [
        ({}, {}, None, []),
        ({"apis": "read"}, {}, None, ["apis"]),
        ({"apis": "read"}, {"apis": "read"}, None, []),
        ({"apis": "read"}, {"apis": "write"}, None, []),
        ({"apis": "write"}, {"apis": "read"}, None, ["apis"]),
        ({"apis": "write"}, {"apis": "read"}, {"apis": "write"}, []),
        ({"apis": "write"}, {}, {"apis": "read"}, ["apis"]),
        ({"apis": "deny"}, {}, None, []),
        ({"keys": "read", "apis": "read"}, {}, None, ["apis", "keys"]),
        (rights.ADMINISTRATOR, rights.ADMINISTRATOR, None, []),
        (rights.ADMINISTRATOR, {}, rights.ADMINISTRATOR, []),
        ({"ResetPassword": "admin"}, {"IsAdmin": "admin"}, None, []),
        ({"ResetPassword": "admin"}, {"ResetPassword": "admin"}, None, []),
        ({"ResetPassword": "admin"}, {"users": "write"}, None, ["ResetPassword"]),
        ({"IsAdmin": "admin"}, {"ResetPassword": "admin"}, None, [*rights.NAMES, "IsAdmin"]),
        # Taking a denial away gives as much as naming the permission.
        (
            {"IsAdmin": "admin"},
            {"IsAdmin": "admin", "keys": "deny"},
            {"IsAdmin": "admin", "keys": "deny"},
            ["keys"],
        ),
        ({"IsAdmin": "admin", "keys": "deny"}, {"IsAdmin": "admin", "keys": "deny"}, None, []),
        ({"IsAdmin": "admin", "keys": "deny"}, {"keys": "write"}, None, [*OTHERS, "IsAdmin"]),
    ],
)
def test_what_a_map_gives_beyond_its_giver_and_the_rights_until_now_is_named(asked, holder, before, lacking):
    assert rights.exceeding(asked, holder, before) == lacking
