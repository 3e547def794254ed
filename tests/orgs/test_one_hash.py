"""A sign-in costs one hash, whatever there is behind the address, so its time tells an outsider nothing."""

from collections.abc import Callable

import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client

from orgs.models import Organisation, User
from orgs.people import accounts
from tests import make
from tests.make import PASSWORD
from tests.orgs import hashing

OWN = "what the attacker chose himself"


@pytest.fixture
def cost(settings) -> Callable[..., int]:
    """The number of hashes that a sign-in computes."""
    settings.PASSWORD_HASHERS = [hashing.NAME]

    def of(email: str, typed: str = "wrong") -> int:
        del hashing.Counting.computed[:]
        Client().post("/sign-in/", {"email": email, "password": typed})
        return len(hashing.Counting.computed)

    return of


def organisations(number: int) -> list[Organisation]:
    return [make.organisation(f"Org {place}", f"org-{place}") for place in range(number)]


def legacy(user: User) -> User:
    """With a salt of its own, as the first version made it."""
    user.password = make_password(PASSWORD)
    user.save()
    return user


@pytest.mark.parametrize("accounts", [0, 1, 2, 7])
def test_a_wrong_password_costs_one_hash_however_many_accounts_there_are(db, cost, accounts):
    for org in organisations(accounts):
        make.user("ada@acme.example", org)
    assert cost("ada@acme.example") == 1


@pytest.mark.parametrize("accounts", [1, 2, 7])
def test_so_does_a_right_one(db, cost, accounts):
    for org in organisations(accounts):
        make.user("ada@acme.example", org)
    assert cost("ada@acme.example", PASSWORD) == 1


def test_an_account_that_cannot_be_entered_costs_what_none_does(db, cost):
    first, second, third = organisations(3)
    make.user("off@acme.example", first).delete()
    User(email="off@acme.example", org=first, is_active=False, password=make_password(PASSWORD)).save()
    second.enabled = False
    second.save()
    make.user("closed@acme.example", second)
    accounts.create_user(org=third, email="none@acme.example", password=None)
    costs = [cost(f"{name}@acme.example") for name in ("off", "closed", "none", "nobody")]
    assert costs == [1, 1, 1, 1]


def test_an_account_of_the_first_version_costs_one_too_and_so_does_who_joins_its_address(db, cost):
    first, second = organisations(2)
    legacy(make.user("ada@acme.example", first))
    assert cost("ada@acme.example") == 1
    accounts.create_user(org=second, email="ada@acme.example", password=OWN)
    assert [cost("ada@acme.example", typed) for typed in ("wrong", OWN, PASSWORD)] == [1, 1, 1]


def test_accounts_of_the_first_version_that_share_an_address_cost_one_each_until_they_are_opened(db, cost):
    for org in organisations(2):
        legacy(make.user("ada@acme.example", org))
    assert [cost("ada@acme.example") for _ in range(2)] == [2, 2]
    assert [cost("ada@acme.example", PASSWORD) for _ in range(2)] == [2, 1]
    assert cost("ada@acme.example") == 1


@pytest.mark.parametrize("there_is_a_victim", [False, True])
def test_an_account_moved_to_an_address_does_not_tell_whether_it_has_another(db, cost, there_is_a_victim):
    first, second = organisations(2)
    if there_is_a_victim:
        make.user("ada@acme.example", first)
    mover, _ = accounts.create_user(org=second, email="mallory@org-1.example", password=OWN)
    accounts.change_user(mover, email="ada@acme.example")
    assert [cost("ada@acme.example", typed) for typed in ("wrong", OWN, "wrong")] == [2, 2, 1]


def test_a_new_secret_key_opens_the_same_accounts_at_the_same_cost(db, cost, settings):
    first, second = organisations(2)
    make.user("ada@acme.example", first)
    settings.SECRET_KEY = "another secret key of the same installation, 0123456789"
    make.user("ada@acme.example", second)
    assert [cost("ada@acme.example"), cost("ada@acme.example", PASSWORD), cost("nobody@acme.example")] == [
        1,
        1,
        1,
    ]
    answer = Client().post("/sign-in/", {"email": "ada@acme.example", "password": PASSWORD})
    assert answer["Location"] == "/sign-in/account/"


def test_no_hash_is_computed_for_a_caller_who_failed_too_often(cost, cast):
    costs = [cost(cast.acme_admin.email) for _ in range(11)]
    assert costs == [1] * 10 + [0]
    assert [cost("nobody@acme.example") for _ in range(11)] == [1] * 10 + [0]


def test_accounts_of_one_address_share_a_salt_which_no_other_address_has(db):
    first, second = organisations(2)
    one, two = make.user("ada@acme.example", first), make.user("ada@acme.example", second)
    other = make.user("max@acme.example", first)
    assert (one.password == two.password, one.password == other.password) == (True, False)
