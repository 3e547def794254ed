"""What one organisation may have: counted under its lock, refused with 403 that names the limit, nothing stored."""

import json
import re

import pytest
from django.db import transaction

from apis.definitions.document import compact
from apis.models import ApiDefinition, Revision
from apis.publishing import publish
from keys.keys import lifecycle
from keys.models import Key
from orgs import scope
from orgs.models import AuditEntry, Organisation, User
from orgs.organisations import limits
from orgs.people import accounts
from tests import make
from tests.concurrency import second_of_two
from tests.keys import build

JSON = "application/json"


def limit(org, **values):
    Organisation.everyone.filter(pk=org.pk).update(**values)


def said(number, what, name):
    return f"This organisation may have {number} {what} at most (the limit {name}). Super-users can raise it."


TOO_MANY = {
    "max_apis": (1, "APIs"),
    "max_definition_bytes": (100, "bytes in one API definition"),
    "max_definitions_bytes": (500, "bytes in all API definitions together"),
    "max_keys": (1, "keys that are not revoked"),
    "max_people": (2, "people"),
}


def stored():
    with scope.every_org():
        models = (ApiDefinition, Revision, Key, AuditEntry)
        return [model.objects.count() for model in models] + [User.everyone.count()]


def asked_of_rest(client, name):
    if name == "max_keys":
        return client.post("/api/keys", {"all_apis": True}, JSON)
    if name == "max_people":
        return client.post("/api/users", {"email_address": "late@acme.example"}, JSON)
    return client.post("/api/apis", {"api_definition": build.definition("Late", "/late/")}, JSON)


def asked_of_a_page(client, name):
    if name == "max_keys":
        return client.post("/o/acme/keys/new/", {"all_apis": "on"})
    if name == "max_people":
        return client.post("/o/acme/people/new/", {"email": "late@acme.example", "is_active": "on"})
    return client.post("/o/acme/apis/new/?as=json", {"text": json.dumps(build.definition("Late", "/late/"))})


@pytest.mark.parametrize("name", TOO_MANY)
@pytest.mark.parametrize("door", ["rest", "page"])
def test_what_is_over_a_limit_is_refused_with_403_that_names_it_and_nothing_is_stored(
    request, cast, name, door
):
    build.api(cast.acme), build.key(cast.acme)
    number, what = TOO_MANY[name]
    limit(cast.acme, **{name: number})
    before = stored()
    if door == "rest":
        answer = asked_of_rest(request.getfixturevalue("rest")(cast.acme_admin), name)
        assert answer.json()["Message"] == said(number, what, name)
    else:
        answer = asked_of_a_page(request.getfixturevalue("client_for")(cast.acme_admin), name)
        assert answer.content.decode().count(said(number, what, name)) == 1
    assert (answer.status_code, stored()) == (403, before)


def test_what_was_typed_about_a_person_over_the_limit_stays_in_the_form(cast, client_for):
    limit(cast.acme, max_people=2)
    typed = {"email": "new@acme.example", "first_name": "Noor", "rights-keys": "read"}
    page = client_for(cast.acme_admin).post("/o/acme/people/new/", typed).content.decode()
    assert 'value="new@acme.example"' in page
    assert 'value="Noor"' in page
    assert re.search(r'name="rights-keys" value="read"[^>]* checked', page)


@pytest.mark.parametrize("name", TOO_MANY)
def test_up_to_a_limit_everything_is_as_before_and_neighbours_have_limits_of_their_own(cast, rest, name):
    build.api(cast.acme), build.key(cast.acme)
    limit(cast.globex, **dict.fromkeys(limits.LIMITS, 0))
    limit(cast.acme, max_apis=2, max_keys=2, max_people=3)
    assert asked_of_rest(rest(cast.acme_admin), name).status_code == 200
    assert asked_of_rest(rest(cast.globex_admin), name).status_code == 403


@pytest.mark.parametrize("name", ["max_definition_bytes", "max_definitions_bytes"])
def test_a_definition_counts_by_the_bytes_that_are_stored_and_the_last_byte_still_fits(cast, name):
    api = build.api(cast.acme)
    with scope.org(cast.acme.id):
        changed = api.definition | {"note": "ß" * 100}
        size = len(compact(publish.as_stored(api, changed)).encode())
        limit(cast.acme, **{name: size - 1})
        with pytest.raises(limits.LimitReached):
            publish.change(api, changed, author=None)
        limit(cast.acme, **{name: size})
        assert publish.change(api, changed, author=None).revision == 2
        assert ApiDefinition.objects.get().size == size


def test_a_lowered_limit_takes_nothing_away_and_hinders_nobody_from_having_less(cast):
    api, other = build.api(cast.acme, note="long" * 10), build.api(cast.acme, "Other")
    limit(cast.acme, **dict.fromkeys(limits.LIMITS, 0))
    with scope.org(cast.acme.id):
        publish.set_active(api, False, author=None)
        publish.set_active(api, True, author=None)
        publish.change(api, api.definition | {"note": "short"}, author=None)
        with pytest.raises(limits.LimitReached):
            publish.change(api, api.definition | {"note": "long" * 20}, author=None)
        publish.delete(other, author=None)
        assert ApiDefinition.objects.count() == 1


def test_apis_that_are_switched_off_and_people_who_are_deactivated_count(cast):
    api = build.api(cast.acme)
    with scope.org(cast.acme.id):
        publish.set_active(api, False, author=None)
        size = ApiDefinition.objects.get().size
        for lowered in ({"max_apis": 1}, {"max_apis": 9, "max_definitions_bytes": size + 99}):
            limit(cast.acme, **lowered)
            with pytest.raises(limits.LimitReached):
                publish.create(cast.acme.id, build.definition("Late", "/late/"), author=None)
    limit(cast.acme, max_people=2)
    accounts.change_user(User.everyone.get(pk=cast.acme_member.pk), is_active=False)
    with transaction.atomic(), pytest.raises(limits.LimitReached):
        accounts.create_user(org=cast.acme, email="late@acme.example")


def test_revoked_keys_do_not_count(cast):
    limit(cast.acme, max_keys=1)
    for _ in range(3):
        made, _ = build.key(cast.acme)
        with scope.org(cast.acme.id), transaction.atomic():
            lifecycle.revoke(made)


MAKERS = {
    "max_apis": lambda org, name: publish.create(org.id, build.definition(name, f"/{name}/"), author=None),
    "max_keys": lambda org, name: lifecycle.create(org.id, lifecycle.KeySpec(all_apis=True), created_by=name),
    "max_people": lambda org, name: accounts.create_user(org=org, email=f"{name}@acme.example"),
}


@pytest.mark.parametrize(("name", "number"), [("max_apis", 1), ("max_keys", 1), ("max_people", 3)])
def test_of_two_that_would_be_the_last_at_the_same_moment_one_is_refused(committed, cast, name, number):
    limit(cast.acme, **{name: number})
    answer = second_of_two(
        cast.acme.id, lambda: MAKERS[name](cast.acme, "first"), lambda: MAKERS[name](cast.acme, "second")
    )
    assert type(answer) is limits.LimitReached


def test_two_that_together_are_too_long_at_the_same_moment_are_not_both_stored(committed, cast):
    limit(cast.acme, max_definitions_bytes=500)
    make_it = MAKERS["max_apis"]
    answer = second_of_two(cast.acme.id, lambda: make_it(cast.acme, "a"), lambda: make_it(cast.acme, "b"))
    assert type(answer) is limits.LimitReached


def test_a_form_that_made_the_last_key_leads_to_it_when_it_is_sent_again(cast, client_for):
    limit(cast.acme, max_keys=1)
    client, sent = client_for(cast.acme_admin), {"all_apis": "on", "form_token": "a" * 32}
    assert client.post("/o/acme/keys/new/", sent).status_code == 200
    with scope.org(cast.acme.id):
        [key] = Key.objects.all()
    assert client.post("/o/acme/keys/new/", sent)["Location"] == f"/o/acme/keys/{key.id}/"


NEW = {
    "max_apis": 7,
    "max_definition_bytes": 70,
    "max_definitions_bytes": 700,
    "max_keys": 77,
    "max_people": 8,
}


def limits_of(org):
    return Organisation.everyone.values(*NEW).get(pk=org.pk)


def test_the_defaults_are_far_above_what_organisations_have(db):
    assert limits_of(make.organisation("Acme", "acme")) == {
        "max_apis": 1_000,
        "max_definition_bytes": 1_000_000,
        "max_definitions_bytes": 4_000_000,
        "max_keys": 100_000,
        "max_people": 1_000,
    }


def test_super_users_change_limits_on_the_page_and_what_is_left_out_stays(cast, client_for):
    client, path = client_for(cast.super_user), f"/orgs/{cast.acme.id}/"
    named = {"owner_name": "Acme", "slug": "acme", "time_zone": "UTC", "enabled": "on"}
    assert client.post(path, named | NEW).status_code == 302
    assert limits_of(cast.acme) == NEW
    assert client.post(path, named).status_code == 302
    assert limits_of(cast.acme) == NEW
    with scope.org(cast.acme.id):
        changes = AuditEntry.objects.get(action="organisation.changed").changes
    assert changes["max_apis"] == [1_000, 7]


def test_super_users_change_limits_in_djangos_admin(cast, client_for):
    named = {"owner_name": "Acme", "slug": "acme", "time_zone": "UTC", "enabled": "on"}
    path = f"/django-admin/orgs/organisation/{cast.acme.id}/change/"
    assert client_for(cast.super_user).post(path, named | NEW).status_code == 302
    assert limits_of(cast.acme) == NEW


def test_the_admin_api_gives_and_takes_limits(cast, admin_client):
    path = f"/admin/organisations/{cast.acme.id}"
    assert admin_client.put(path, {"owner_name": "Acme", **NEW}, JSON).status_code == 200
    assert limits_of(cast.acme) == NEW
    assert {name: admin_client.get(path).json()[name] for name in NEW} == NEW
    made = admin_client.post("/admin/organisations", {"owner_name": "Initech", **NEW}, JSON).json()
    assert limits_of(Organisation(pk=made["Meta"])) == NEW


@pytest.mark.parametrize("value", [-1, 2**31, "7", 7.5, True])
def test_what_is_no_limit_is_refused_and_names_the_member(cast, admin_client, value):
    answer = admin_client.put(f"/admin/organisations/{cast.acme.id}", {"max_keys": value}, JSON)
    assert (answer.status_code, answer.json()["Message"].split(":")[0].split(" ")[0]) == (400, "max_keys")
    assert limits_of(cast.acme)["max_keys"] == 100_000


def test_people_of_an_organisation_have_no_door_to_its_limits(cast, rest, client_for):
    assert client_for(cast.acme_admin).post(f"/orgs/{cast.acme.id}/", NEW).status_code == 404
    assert rest(cast.acme_admin).put(f"/admin/organisations/{cast.acme.id}", NEW, JSON).status_code == 401
    assert limits_of(cast.acme)["max_apis"] == 1_000
