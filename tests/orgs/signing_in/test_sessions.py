"""What ends every session of a person, for good."""

import pytest

from orgs.models import Organisation, User
from orgs.organisations import lifecycle
from orgs.people import accounts
from tests.make import PASSWORD


def again(user: User) -> User:
    return User.everyone.get(pk=user.pk)


def test_a_reactivated_persons_old_session_does_not_go_on(cast, client_for):
    client = client_for(cast.acme_member)
    accounts.change_user(again(cast.acme_member), is_active=False)
    accounts.change_user(again(cast.acme_member), is_active=True)
    answer = client.get("/profile/")
    assert (answer.status_code, answer["Location"]) == (302, "/sign-in/?next=/profile/")
    assert client_for(again(cast.acme_member)).get("/profile/").status_code == 200


def test_nor_do_the_sessions_of_an_organisation_that_was_disabled(cast, client_for):
    client, other = client_for(cast.acme_member), client_for(cast.globex_member)
    for enabled in (False, True):
        lifecycle.change(Organisation.everyone.get(pk=cast.acme.pk), enabled=enabled)
    assert (client.get("/profile/").status_code, other.get("/profile/").status_code) == (302, 200)


@pytest.mark.parametrize(
    "change",
    [
        lambda user: accounts.change_user(user, email="new@acme.example"),
        lambda user: accounts.set_password(user, "a new password, long enough"),
        lambda user: accounts.set_password(user, PASSWORD),  # the same has the same hash
        accounts.end_sessions,
    ],
)
def test_a_new_address_or_password_ends_them(cast, client_for, change):
    client = client_for(cast.acme_member)
    change(again(cast.acme_member))
    assert client.get("/profile/").status_code == 302


def test_other_changes_do_not(cast, client_for):
    client = client_for(cast.acme_member)
    accounts.change_user(again(cast.acme_member), first_name="Max", permissions={"apis": "read"})
    lifecycle.change(cast.acme, owner_name="Acme")
    assert client.get("/profile/").status_code == 200
