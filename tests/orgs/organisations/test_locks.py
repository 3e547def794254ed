"""An organisation is deleted while its own people make things: nothing is left that nobody could withdraw."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.db import connections, transaction
from django.test import Client

from apis.models import ApiDefinition, ServedApi
from apis.publishing import feed, publish
from keys.keys import lifecycle
from keys.models import Key
from orgs import scope
from orgs.models import Organisation, User
from orgs.organisations import lifecycle as organisations
from orgs.organisations import locks
from orgs.people import accounts
from tests import make
from tests.concurrency import second_of_two
from tests.keys import build

JSON = "application/json"
ROUNDS = 14


def left_of(org):
    """What is served, could be served, opens and may enter: (served, APIs, live keys, active people)."""
    with scope.org(org.id):
        return (
            ServedApi.objects.count(),
            ApiDefinition.objects.count(),
            Key.objects.filter(revoked_at=None).count(),
            User.objects.filter(is_active=True).count(),
        )


def new_api(org):
    publish.create(org.id, build.definition("Late", "/late/"), author=None)


def new_key(org):
    lifecycle.create(org.id, lifecycle.KeySpec(all_apis=True), created_by="test")


def new_person(org):
    accounts.create_user(org=org, email="late@acme.example")


def changed_person(org):
    accounts.change_user(User.objects.get(email="max@acme.example"), is_active=True)


def changed_organisation(org):
    organisations.change(org, slug="acme")


@pytest.mark.parametrize("make_it", [new_api, new_key, new_person, changed_person, changed_organisation])
def test_what_is_made_after_the_deletion_of_an_organisation_began_is_refused(committed, cast, make_it):
    answer = second_of_two(cast.acme.id, lambda: organisations.delete(cast.acme), lambda: make_it(cast.acme))
    assert (type(answer), left_of(cast.acme)) == (locks.Departed, (0, 0, 0, 0))
    assert Organisation.everyone.get(pk=cast.acme.pk).slug == f"deleted-{cast.acme.id}"


@pytest.mark.parametrize("make_it", [new_api, new_key, new_person])
def test_what_was_being_made_when_a_deletion_began_is_withdrawn_with_the_rest(committed, cast, make_it):
    answer = second_of_two(cast.acme.id, lambda: make_it(cast.acme), lambda: organisations.delete(cast.acme))
    assert (answer, left_of(cast.acme), feed.current().count) == (None, (0, 0, 0, 0), 0)


def test_an_organisation_is_deleted_once(committed, cast):
    def delete():
        organisations.delete(cast.acme)

    assert type(second_of_two(cast.acme.id, delete, delete)) is locks.Departed


def test_a_disabled_organisation_is_not_a_deleted_one(db):
    org = make.organisation("Paused", "paused", enabled=False)
    with transaction.atomic():
        assert locks.lock(org.id) == org


@pytest.mark.parametrize("org_id", ["0" * 24, "", "zz"])
def test_an_organisation_that_never_was_is_like_a_deleted_one(db, org_id):
    with transaction.atomic(), pytest.raises(locks.Departed):
        locks.lock(org_id)


def test_deleted_while_its_administrator_posts_an_organisation_leaves_nothing(committed):
    found = [one_round(number) for number in range(ROUNDS)]
    assert [left for left, _ in found] == [(0, 0, 0, 0)] * ROUNDS
    assert {status for _, statuses in found for status in statuses} <= {200, 401, 404}
    # Rounds in which nothing was made before the deletion, or nothing asked for after it, would prove nothing.
    assert {status for _, statuses in found for status in statuses} >= {200, 401}
    assert feed.current().count == 0


def one_round(number):
    """Four administrators post APIs and keys while the organisation is deleted: (left of it, answers)."""
    org = make.organisation(f"Round {number}", f"round-{number}")
    with transaction.atomic():
        accounts.create_user(org=org, email="a@round.example")
        _, key = accounts.create_user(org=org, email="b@round.example", granted={"IsAdmin": "admin"})

    def post(turn):
        client = Client(headers={"Authorization": key})
        try:
            if turn == 5:
                admin = Client(headers={"admin-auth": settings.ADMIN_SECRET})
                return admin.delete(f"/admin/organisations/{org.id}").status_code
            if turn % 2:
                return client.post("/api/keys", {"all_apis": True}, JSON).status_code
            body = {"api_definition": build.definition(f"A{turn}", f"/r{number}/a{turn}/")}
            return client.post("/api/apis", body, JSON).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        statuses = set(pool.map(post, range(16)))
    return left_of(org), statuses


def test_a_super_user_makes_nothing_in_a_deleted_organisation(cast, rest, admin_client):
    build.api(cast.acme)
    admin_client.delete(f"/admin/organisations/{cast.acme.id}")
    client = rest(cast.super_user)
    definition = {**build.definition("Late", "/late/"), "org_id": cast.acme.id}
    asked = [
        client.post("/api/keys", {"all_apis": True, "org_id": cast.acme.id}, JSON),
        client.post("/api/apis", {"api_definition": definition}, JSON),
        admin_client.post(
            "/admin/users", {"email_address": "late@acme.example", "org_id": cast.acme.id}, JSON
        ),
        admin_client.put(f"/admin/users/{cast.acme_admin.id}", {"active": True}, JSON),
        admin_client.put(f"/admin/organisations/{cast.acme.id}", {"owner_name": "Back"}, JSON),
    ]
    assert [(answer.status_code, answer.json()["Message"]) for answer in asked] == [
        (400, "org_id: must be the id of an organisation"),
        (400, "api_definition.org_id: must be the id of an organisation"),
        (400, "org_id: there is no such organisation"),
        (404, "Not found"),
        (404, "Not found"),
    ]
    assert left_of(cast.acme) == (0, 0, 0, 0)


PAGES = (
    "",
    "apis/",
    "apis/new/",
    "keys/",
    "keys/new/",
    "people/",
    "people/new/",
    "audit/",
    "analytics/",
    "nodes/",
)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("slug", ["acme", "deleted-{id}"])
def test_the_pages_of_a_deleted_organisation_are_missing_for_super_users_as_well(
    cast, client_for, admin_client, page, slug
):
    client = client_for(cast.super_user)
    assert client.get(f"/o/acme/{page}").status_code in (200, 403)  # a super-user adds no people to one
    admin_client.delete(f"/admin/organisations/{cast.acme.id}")
    assert client.get(f"/o/{slug.format(id=cast.acme.id)}/{page}").status_code == 404


def test_forms_about_a_deleted_organisation_are_missing_for_super_users_as_well(
    cast, client_for, admin_client
):
    admin_client.delete(f"/admin/organisations/{cast.acme.id}")
    client = client_for(cast.super_user)
    paths = [f"/orgs/{cast.acme.id}/", f"/django-admin/orgs/organisation/{cast.acme.id}/change/"]
    assert [client.get(path).status_code for path in paths] == [404, 302]
