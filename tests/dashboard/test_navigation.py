"""The side column lists what a person may open, and nothing else."""

import pytest

from dashboard.navigation import OF_AN_ORGANISATION, OF_SUPER_USERS, groups
from orgs.declarations import entries
from orgs.models import User

EVERYWHERE = [
    "/o/acme/", "/o/acme/apis/", "/o/acme/keys/", "/o/acme/policies/", "/o/acme/oauth/", "/o/acme/certificates/",
    "/o/acme/analytics/", "/o/acme/errors/", "/o/acme/uptime/", "/o/acme/logs/", "/o/acme/alerts/", "/o/acme/nodes/",
    "/o/acme/people/", "/o/acme/audit/", "/o/acme/retention/",
]  # fmt: skip
SUPER = ["/orgs/", "/traffic/", "/nodes/", "/super-users/", "/audit/", "/django-admin/"]


def addresses(user, org) -> list[str]:
    return [address for _, entries in groups(user, org) for _, address in entries]


def test_an_administrator_has_every_page_of_his_organisation(cast):
    assert addresses(cast.acme_admin, cast.acme) == EVERYWHERE


def test_a_super_user_has_them_inside_an_organisation_and_his_own_everywhere(cast):
    assert addresses(cast.super_user, cast.acme) == EVERYWHERE + SUPER
    assert addresses(cast.super_user, None) == SUPER


@pytest.mark.parametrize(
    ("granted", "shown"),
    [
        ({}, ["/o/acme/"]),
        (
            {"analytics": "read"},
            ["/o/acme/", "/o/acme/analytics/", "/o/acme/errors/", "/o/acme/uptime/", "/o/acme/retention/"],
        ),
        (
            {"owned_analytics": "read"},
            ["/o/acme/", "/o/acme/analytics/", "/o/acme/errors/", "/o/acme/uptime/"],
        ),
        ({"keys": "deny", "users": "write"}, ["/o/acme/", "/o/acme/people/"]),
    ],
)
def test_a_member_has_what_the_rights_open(cast, granted, shown):
    assert addresses(User(org=cast.acme, permissions=granted), cast.acme) == shown


def test_every_listed_page_can_be_opened_by_whom_it_is_listed_for(cast, client_for):
    for user, listed in ((cast.acme_admin, EVERYWHERE), (cast.super_user, EVERYWHERE + SUPER)):
        client = client_for(user)
        assert {address: client.get(address).status_code for address in listed} == dict.fromkeys(listed, 200)


def test_every_page_that_an_app_declares_has_its_place():
    placed = [name for _, names in (*OF_AN_ORGANISATION, *OF_SUPER_USERS) for name in names]
    assert sorted(placed) == sorted(entries())
