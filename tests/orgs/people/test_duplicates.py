"""The same thing twice at the same moment is answered like the same thing twice, never by a 500."""

import re

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from orgs import scope
from orgs.models import Organisation, User
from orgs.organisations import lifecycle
from orgs.organisations.lifecycle import AlreadyMade
from orgs.organisations.limits import LIMITS
from orgs.people import accounts, duplicates
from tests.concurrency import second_of_two
from tests.make import signed_in
from tests.orgs.audit.test_changes import answered, rest_of

JSON = "application/json"
EMAIL = "nia@acme.example"


def admin_api() -> Client:
    return Client(headers={"admin-auth": settings.ADMIN_SECRET})


def outside(call):
    """Super-users and organisations belong to no scope."""
    with scope.nobody():
        return call()


def beside(cast, first, second):
    return second_of_two(cast.acme.id, lambda: outside(first), lambda: outside(second))


def test_every_unique_constraint_of_people_and_organisations_has_its_words(db):
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
               JOIN pg_class t ON t.oid = i.indrelid
               WHERE i.indisunique AND t.relname IN ('orgs_user', 'orgs_organisation')"""
        )
        found = {name for (name,) in cursor.fetchall()}
    # Made of random numbers by us, never asked for.
    assert found - duplicates.ERRORS.keys() == {"orgs_user_pkey", "orgs_user_access_key_hash_key"}
    assert duplicates.ERRORS.keys() - found == set()


def new_person(org):
    return lambda: accounts.create_user(org=org, email=EMAIL)


@pytest.mark.parametrize("door", ["REST", "Admin API", "page"])
def test_the_same_address_at_the_same_moment_is_the_duplicate_of_every_door(committed, cast, door):
    client = {"REST": rest_of, "page": signed_in}.get(door, lambda _: admin_api())(cast.acme_admin)
    ask = {
        "REST": lambda: client.post("/api/users", {"email_address": EMAIL}, JSON),
        "Admin API": lambda: client.post(
            "/admin/users", {"email_address": EMAIL, "org_id": cast.acme.id}, JSON
        ),
        "page": lambda: client.post("/o/acme/people/new/", {"email": EMAIL}),
    }[door]
    answer = second_of_two(cast.acme.id, new_person(cast.acme), ask)
    if door == "page":
        assert (answer.status_code, duplicates.EMAIL in answer.content.decode()) == (400, True)
    else:
        assert answered(answer) == (403, duplicates.EMAIL)
    assert User.everyone.filter(email=EMAIL).count() == 1


def test_an_address_changed_into_one_that_is_added_at_the_same_moment(committed, cast):
    client = rest_of(cast.acme_admin)
    answer = second_of_two(
        cast.acme.id,
        new_person(cast.acme),
        lambda: client.put(f"/api/users/{cast.acme_member.id}", {"email_address": EMAIL}, JSON),
    )
    assert answered(answer) == (403, duplicates.EMAIL)


@pytest.mark.parametrize("door", ["page", "Django admin", "Admin API"])
@pytest.mark.parametrize("first_of_all", [True, False])
def test_the_same_super_user_at_the_same_moment(committed, cast, door, first_of_all):
    client = admin_api() if door == "Admin API" else signed_in(cast.super_user)
    ask = {
        "page": lambda: client.post("/super-users/new/", {"email": EMAIL}),
        "Django admin": lambda: client.post("/django-admin/orgs/user/add/", {"email": EMAIL, "seen": ""}),
        "Admin API": lambda: client.post("/admin/users", {"email_address": EMAIL}, JSON),
    }[door]
    add = new_person(None) if first_of_all else lambda: User.everyone.create(email=EMAIL)
    answer = beside(cast, add, ask)
    if door == "Admin API":
        assert answered(answer) == (403, duplicates.EMAIL)
    else:
        status = 400 if door == "page" else 200  # Django's admin shows its form again
        assert (answer.status_code, duplicates.EMAIL in answer.content.decode()) == (status, True)
    assert User.everyone.filter(email=EMAIL).count() == 1


def test_two_bootstraps_of_the_first_super_user_at_once(committed, cast):
    User.everyone.filter(pk=cast.super_user.pk).delete()

    def bootstrap():
        call_command("bootstrap", newuser=True, org="none", email=EMAIL)

    answer = beside(cast, new_person(None), bootstrap)
    assert (type(answer), str(answer)) == (CommandError, f"email: {duplicates.EMAIL}")


TAKEN = "Organisation with this Slug already exists."


@pytest.mark.parametrize("door", ["page", "Django admin", "Admin API", "import", "change"])
def test_the_same_slug_at_the_same_moment(committed, cast, door):
    browser, api = signed_in(cast.super_user), admin_api()
    limits = {name: limit.default for name, limit in LIMITS.items()}
    form = {"owner_name": "Other", "slug": "initech", "time_zone": "UTC", "enabled": "on", **limits}
    body = {"owner_name": "Other", "owner_slug": "initech"}
    ask = {
        "page": lambda: browser.post("/orgs/new/", form),
        "Django admin": lambda: browser.post("/django-admin/orgs/organisation/add/", form),
        "Admin API": lambda: api.post("/admin/organisations", body, JSON),
        "import": lambda: api.post(
            "/admin/organisations/import", {**body, "id": "5e9d9544a1dcd60001d0ed20"}, JSON
        ),
        "change": lambda: api.put(f"/admin/organisations/{cast.globex.id}", body, JSON),
    }[door]
    answer = beside(cast, lambda: lifecycle.create(owner_name="Initech"), ask)
    if door in ("page", "Django admin"):
        status = 400 if door == "page" else 200  # Django's admin shows its form again
        assert (answer.status_code, TAKEN in answer.content.decode()) == (status, True)
    else:
        assert answered(answer) == (400, f"owner_slug: {TAKEN}")
    assert list(Organisation.everyone.filter(slug="initech").values_list("owner_name", flat=True)) == [
        "Initech"
    ]


def test_the_same_name_at_the_same_moment_makes_two_slugs(committed, cast):
    answer = beside(
        cast,
        lambda: lifecycle.create(owner_name="Initech"),
        lambda: admin_api().post("/admin/organisations", {"owner_name": "Initech"}, JSON),
    )
    made = Organisation.everyone.filter(owner_name="Initech").order_by("slug")
    assert (answer.status_code, list(made.values_list("slug", flat=True))) == (200, ["initech", "initech-2"])


def test_the_same_import_at_the_same_moment_is_one_organisation_changed(committed, cast):
    body = {"id": "5e9d9544a1dcd60001d0ed20", "owner_name": "Imported"}
    answer = beside(
        cast,
        lambda: lifecycle.create(**body, cname="a.example"),
        lambda: admin_api().post("/admin/organisations/import", {**body, "owner_name": "Again"}, JSON),
    )
    made = Organisation.everyone.get(pk=body["id"])
    assert (answer.status_code, made.owner_name, made.cname, made.change_number) == (
        200,
        "Again",
        "a.example",
        2,
    )


def test_the_same_form_at_the_same_moment_makes_one(committed, cast):
    browser = signed_in(cast.super_user)
    token = "0123456789abcdef" * 2
    form = {
        "owner_name": "Initech",
        "slug": "initech",
        "time_zone": "UTC",
        "enabled": "on",
        "form_token": token,
    }
    answer = beside(
        cast,
        lambda: lifecycle.create(owner_name="Initech", slug="initech", form_token=token),
        lambda: browser.post("/orgs/new/", form),
    )
    made = Organisation.everyone.get(owner_name="Initech")
    assert (answer.status_code, answer["Location"]) == (302, f"/orgs/{made.id}/")


def test_what_is_refused_leaves_the_transaction_usable(cast):
    with pytest.raises(ValidationError), duplicates.refused():
        Organisation.everyone.create(owner_name="Other", slug="acme")
    with pytest.raises(AlreadyMade):
        for _ in range(2):
            lifecycle.create(owner_name="Initech", form_token="0" * 32)
    assert Organisation.everyone.count() == 3


def test_the_names_that_a_page_says_are_those_of_its_fields():
    assert all(re.fullmatch(r"[a-z_]+", name) for error in duplicates.ERRORS.values() for name in error)
