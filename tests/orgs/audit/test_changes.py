"""Two change people or an organisation at the same moment: nothing is undone unseen, and somebody stays."""

import re
from collections.abc import Callable

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client

from orgs import scope
from orgs.audit.changes import Stale, meanwhile
from orgs.models import Organisation, User
from orgs.organisations import lifecycle
from orgs.people import accounts
from orgs.refusals import NotAllowed
from orgs.signing_in.credentials import access_key_hash, new_access_key
from tests import make
from tests.concurrency import second_of_two

JSON = "application/json"


def now(row):
    return type(row).everyone.get(pk=row.pk)


def rest_of(user: User) -> Client:
    key = new_access_key()
    User.everyone.filter(pk=user.pk).update(access_key_hash=access_key_hash(key))
    return Client(headers={"Authorization": key})


def admin_api() -> Client:
    return Client(headers={"admin-auth": settings.ADMIN_SECRET})


def answered(response) -> tuple[int, str]:
    return response.status_code, response.json()["Message"]


@pytest.fixture
def administrators(committed, cast) -> tuple[User, User]:
    second = make.user("bea@acme.example", cast.acme, {"IsAdmin": "admin"})
    return now(cast.acme_admin), second


def deactivated(user: User, actor: User) -> User:
    return accounts.change_user(now(user), actor=actor, is_active=False)


def deleted(user: User, actor: User) -> None:
    accounts.delete_user(now(user), actor=actor)


def demoted(user: User, actor: User) -> User:
    return accounts.change_user(now(user), actor=actor, permissions={})


REMOVALS: list[Callable] = [deactivated, deleted, demoted]


@pytest.mark.parametrize("remove", REMOVALS)
@pytest.mark.parametrize("remove_too", REMOVALS)
def test_of_two_administrators_who_remove_each_other_at_once_one_stays(administrators, remove, remove_too):
    ada, bea = administrators
    answer = second_of_two(ada.org_id, lambda: remove(bea, ada), lambda: remove_too(ada, bea))
    assert type(answer) is NotAllowed
    assert (now(ada).is_active, now(ada).is_administrator) == (True, True)


@pytest.mark.parametrize("remove", REMOVALS)
def test_of_two_administrators_who_remove_themselves_at_once_one_stays(administrators, remove):
    ada, bea = administrators
    answer = second_of_two(ada.org_id, lambda: remove(bea, bea), lambda: remove(ada, ada))
    assert (type(answer), str(answer)) == (NotAllowed, "The last administrator of an organisation stays")
    assert now(ada).is_active


@pytest.mark.parametrize("remove", [deactivated, deleted])
@pytest.mark.parametrize("by_oneself", [True, False])
def test_of_two_super_users_who_remove_each_other_or_themselves_at_once_one_stays(
    committed, cast, remove, by_oneself
):
    sue, sam = cast.super_user, make.user("sam@platform.example", None)

    def outside(call):
        with scope.nobody():
            return call()

    answer = second_of_two(
        cast.acme.id,
        lambda: outside(lambda: remove(sam, sam if by_oneself else sue)),
        lambda: outside(lambda: remove(sue, sue if by_oneself else sam)),
    )
    assert (type(answer), now(sue).is_active) == (NotAllowed, True)


def test_two_requests_by_administrators_who_deactivate_each_other_leave_one(administrators):
    ada, bea = administrators
    client = rest_of(bea)
    answer = second_of_two(
        ada.org_id,
        lambda: deactivated(bea, ada),
        lambda: client.put(f"/api/users/{ada.id}", {"active": False}, JSON),
    )
    assert answered(answer) == (403, "Your account is no longer active")


def test_rights_taken_while_a_change_waits_are_gone_when_it_goes_on(administrators):
    ada, bea = administrators
    third = make.user("max2@acme.example", bea.org, {"users": "write", "keys": "write"})
    answers = [
        second_of_two(
            ada.org_id,
            lambda: accounts.change_user(now(third), actor=ada, permissions={"users": "write"}),
            lambda: accounts.create_user(
                org=ada.org, email="new@acme.example", granted={"keys": "write"}, actor=third
            ),
        ),
        second_of_two(
            ada.org_id,
            lambda: accounts.change_user(now(third), actor=ada, permissions={}),
            lambda: accounts.set_password(now(bea), make.PASSWORD, actor=third),
        ),
        second_of_two(
            ada.org_id,
            lambda: deleted(third, ada),
            lambda: accounts.end_sessions(now(bea), actor=now(third)),
        ),
    ]
    assert list(map(str, answers)) == [
        "You cannot grant what you do not hold: keys",
        "You may no longer change people",
        "Your account is no longer active",
    ]
    assert not User.everyone.filter(email="new@acme.example").exists()


def test_who_may_no_longer_change_people_adds_none_either(administrators):
    ada, _ = administrators
    third = make.user("max2@acme.example", ada.org, {"users": "write"})
    answer = second_of_two(
        ada.org_id,
        lambda: accounts.change_user(now(third), actor=ada, permissions={}),
        lambda: accounts.create_user(org=ada.org, email="new@acme.example", actor=third),
    )
    assert str(answer) == "You may no longer change people"
    assert not User.everyone.filter(email="new@acme.example").exists()


def test_rights_given_while_a_change_waits_put_the_person_out_of_reach(administrators):
    ada, _ = administrators
    third = make.user("max2@acme.example", ada.org, {"users": "write"})
    fourth = make.user("max3@acme.example", ada.org)
    old = now(fourth)
    answer = second_of_two(
        ada.org_id,
        lambda: accounts.change_user(now(fourth), actor=ada, permissions={"keys": "write"}),
        lambda: accounts.set_password(old, make.PASSWORD, actor=third),
    )
    assert str(answer) == "This person holds rights which you do not: keys"


CHANGES = {
    "change": lambda row, **seen: accounts.change_user(row, first_name="Late", **seen),
    "activation": lambda row, **seen: accounts.change_user(row, is_active=False, **seen),
    "password": lambda row, **seen: accounts.set_password(row, make.PASSWORD, **seen),
    "access key": accounts.renew_access_key,
    "sessions": accounts.end_sessions,
    "deletion": accounts.delete_user,
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_a_person_from_an_older_state_is_refused_under_the_lock(committed, cast, name):
    old = now(cast.acme_member)
    answer = second_of_two(
        cast.acme.id,
        lambda: accounts.change_user(now(old), permissions={"apis": "deny"}),
        lambda: CHANGES[name](old, expected=old.change_number),
    )
    assert type(answer) is Stale
    kept = now(cast.acme_member)
    assert (kept.permissions, kept.change_number, kept.first_name, kept.is_active) == (
        {"apis": "deny"},
        2,
        "",
        True,
    )
    with scope.org(cast.acme.id):
        assert [entry.action for entry in meanwhile(kept, 1)] == ["user.changed"]


@pytest.mark.parametrize("name", [name for name in CHANGES if name != "deletion"])
def test_every_change_of_a_person_is_counted_and_leaves_one_entry(cast, name):
    row = now(cast.acme_member)
    CHANGES[name](row, expected=1)
    with scope.org(cast.acme.id):
        assert (now(row).change_number, len(meanwhile(row, 0)), len(meanwhile(row, 1))) == (2, 1, 1)


def test_what_others_changed_meanwhile_are_the_changes_since_and_no_sign_ins(cast):
    row = now(cast.acme_member)
    accounts.change_user(row, first_name="Max")
    accounts.end_sessions(row)
    accounts.change_user(row, last_name="Moor")
    Client().post("/sign-in/", {"email": row.email, "password": make.PASSWORD})
    with scope.org(cast.acme.id):
        found = [[entry.action for entry in meanwhile(row, seen)] for seen in (4, 3, 2)]
    assert found == [[], ["user.changed"], ["user.changed", "user.sessions-ended"]]


def test_an_organisation_is_changed_and_deleted_from_the_state_that_was_seen(committed, cast):
    for late in (
        lambda row: lifecycle.change(row, owner_name="Late", expected=row.change_number),
        lambda row: lifecycle.delete(row, expected=row.change_number),
    ):
        old = now(cast.acme)
        name = f"Faster {old.change_number}"

        def faster(name=name):
            lifecycle.change(now(cast.acme), owner_name=name)

        assert type(second_of_two(cast.acme.id, faster, lambda late=late, old=old: late(old))) is Stale
        assert (now(cast.acme).owner_name, now(cast.acme).deleted_at) == (name, None)


def test_what_is_so_already_needs_no_newer_state(cast):
    accounts.change_user(now(cast.acme_member), first_name="Max", expected=1)
    again = accounts.change_user(now(cast.acme_member), first_name="Max", expected=1)
    lifecycle.change(now(cast.acme), cname="a.example", expected=1)
    lifecycle.change(now(cast.acme), cname="a.example", expected=1)
    assert (again.change_number, now(cast.acme).change_number) == (2, 2)


def test_a_person_deleted_meanwhile_is_like_missing(committed, cast):
    old = now(cast.acme_member)
    answer = second_of_two(
        cast.acme.id,
        lambda: accounts.delete_user(now(old)),
        lambda: admin_api().put(f"/admin/users/{old.id}", {"first_name": "Late"}, JSON),
    )
    assert (answer.status_code, User.everyone.filter(pk=old.pk).exists()) == (404, False)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/actions/allow_reset_passwords", {}),
        ("/actions/disallow_reset_passwords", {}),
        ("", {"first_name": "Late"}),
        ("", {"first_name": "Late", "user_permissions": {"apis": "write", "users": "write"}}),
        ("", {"user_permissions": {"apis": "write", "users": "write", "log": "read"}}),
        ("", {"user_permissions": {}}),
    ],
)
def test_no_call_made_from_an_older_copy_undoes_a_denial(committed, cast, path, body):
    User.everyone.filter(pk=cast.acme_member.pk).update(permissions={"apis": "write", "users": "write"})
    denied = {"apis": "deny", "users": "write"}
    second_of_two(
        cast.acme.id,
        lambda: accounts.change_user(now(cast.acme_member), permissions=denied),
        lambda: admin_api().put(f"/admin/users/{cast.acme_member.id}{path}", body, JSON),
    )
    held = now(cast.acme_member).permissions
    assert {name: level for name, level in held.items() if name != "ResetPassword"} == denied
    assert ("ResetPassword" in held) == ("/allow" in path)


def test_a_denial_is_taken_away_by_who_says_what_he_saw(cast, admin_client, rest):
    path = f"/admin/users/{cast.acme_member.id}"
    accounts.change_user(now(cast.acme_member), permissions={"apis": "deny", "keys": "read"})
    seen = admin_client.get(path).headers["ETag"]
    blind = admin_client.put(path, {"user_permissions": {"keys": "read"}}, JSON)
    assert answered(blind) == (
        428,
        "user_permissions: to take the denial of apis away, send If-Match with the ETag that you saw",
    )
    own = rest(cast.acme_admin).put(path.replace("admin", "api"), {"user_permissions": {}}, JSON)
    assert (own.status_code, now(cast.acme_member).permissions) == (428, {"apis": "deny", "keys": "read"})
    seeing = admin_client.put(path, {"user_permissions": {}}, JSON, headers={"If-Match": seen})
    assert (seeing.status_code, now(cast.acme_member).permissions) == (200, {})


def test_members_of_an_organisation_that_were_not_sent_stay_as_they_are_then(committed, cast):
    path = f"/admin/organisations/{cast.acme.id}"
    answer = second_of_two(
        cast.acme.id,
        lambda: lifecycle.change(now(cast.acme), cname="a.example", extra={"sso_enabled": True}),
        lambda: admin_api().put(path, {"owner_name": "Acme", "hybrid_enabled": True}, JSON),
    )
    acme = now(cast.acme)
    assert (answer.status_code, acme.owner_name, acme.cname, acme.extra) == (
        200,
        "Acme",
        "a.example",
        {"sso_enabled": True, "hybrid_enabled": True},
    )


def test_two_password_changes_from_one_current_password_are_one(committed, cast):
    browser = Client()
    browser.force_login(cast.acme_member)
    form = {"password-current": make.PASSWORD, "password-new": "another long pass phrase"}
    faster = "the pass phrase of the first"
    answer = second_of_two(
        cast.acme.id,
        lambda: accounts.set_password(now(cast.acme_member), faster),
        lambda: browser.post("/profile/password/", form),
    )
    assert (answer.status_code, now(cast.acme_member).check_password(faster)) == (302, True)


def test_two_renewals_of_one_access_key_at_once_are_one(committed, cast):
    browser = Client()
    browser.force_login(cast.acme_member)
    page = browser.get("/profile/access-key/").content.decode()
    form = {"replaces": re.search(r'name="replaces" value="(\w+)"', page)[1]}
    shown = []
    answer = second_of_two(
        cast.acme.id,
        lambda: shown.append(accounts.renew_access_key(now(cast.acme_member))),
        lambda: browser.post("/profile/access-key/", form),
    )
    assert (answer.status_code, answer["Location"]) == (302, "/profile/")
    assert now(cast.acme_member).access_key_hash == access_key_hash(shown[0])


def test_the_verbs_leave_everything_as_it_was_when_they_refuse(cast):
    with transaction.atomic(), pytest.raises(Stale):
        lifecycle.change(now(cast.acme), owner_name="Late", expected=7)
    assert Organisation.everyone.get(pk=cast.acme.pk).owner_name == "Acme Retail"
