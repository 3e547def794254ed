"""The people of an organisation and the super-users, on their pages."""

import re
from datetime import UTC, datetime

import pytest
from django.http import Http404
from django.test import RequestFactory

from orgs import scope
from orgs.models import AuditEntry, PlatformAuditEntry, User
from orgs.people import views
from tests import make
from tests.orgs.http.files import file_of

FORM = {"email": "new@acme.example", "first_name": "Nia", "last_name": "Holm"}


def person(email: str) -> User:
    return User.everyone.get(email=email)


def given(user: User, granted: dict) -> User:
    User.everyone.filter(pk=user.pk).update(permissions=granted)
    return User.everyone.get(pk=user.pk)


def addresses(answer) -> list[str]:
    return re.findall(
        r'<td data-label="E-mail address"><span[^>]*>([^<]*)</span></td>', answer.content.decode()
    )


def shown_errors(answer) -> list[str]:
    page = answer.content.decode()
    said = r'<div class="(?:callout callout-bad" role="alert"[^>]*>\s*<h2>[^<]*</h2>\s*|field-errors"[^>]*>)'
    return re.findall(f"{said}<p>([^<]+)", page)


def test_the_list_holds_the_own_organisation_only(cast, client_for):
    assert addresses(client_for(cast.acme_admin).get("/o/acme/people/")) == [
        "ada@acme.example",
        "max@acme.example",
    ]


def test_a_super_user_sees_the_people_of_the_organisation_he_is_in(cast, client_for):
    page = client_for(cast.super_user).get("/o/globex/people/")
    assert addresses(page) == ["gus@globex.example", "mia@globex.example"]
    assert re.findall(
        r"You are viewing <strong[^>]*>([^<]*)</strong> as a super-user", page.content.decode()
    ) == ["Globex"]


def test_the_list_is_sorted_by_what_it_shows_of_everybody(cast, client_for):
    User.everyone.filter(pk=cast.acme_admin.pk).update(
        first_name="Zoe", last_login=datetime(2026, 3, 1, tzinfo=UTC)
    )
    User.everyone.filter(pk=cast.acme_member.pk).update(last_name="abel", last_login=None)
    make.user("bo@acme.example", cast.acme)
    client = client_for(cast.acme_admin)
    User.everyone.filter(pk=cast.acme_admin.pk).update(last_login=datetime(2026, 3, 1, tzinfo=UTC))

    def order(query):
        return [address.partition("@")[0] for address in addresses(client.get(f"/o/acme/people/?{query}"))]

    assert order("") == order("sort=email") == ["ada", "bo", "max"]
    assert order("sort=-email") == ["max", "bo", "ada"]
    assert order("sort=name") == ["max", "bo", "ada"]  # abel, bo@…, zoe
    assert order("sort=-signed_in")[0] == order("sort=signed_in")[-1] == "ada"
    heads = client.get("/o/acme/people/?sort=-name").context["heads"]
    assert [(head.label, head.direction) for head in heads if head.address] == [
        ("Person", "descending"),
        ("E-mail address", "none"),
        ("Last sign-in", "none"),
    ]
    assert client.get("/o/acme/people/?sort=password").status_code == 400


@pytest.mark.parametrize("sort", ["name", "-name", "signed_in", "-signed_in", "email", "-email"])
def test_pages_in_every_order_show_everybody_once(cast, client_for, sort):
    signed_in = datetime(2026, 3, 1, tzinfo=UTC)
    for number in range(58):
        person = make.user(f"p{number:02}@acme.example", cast.acme)
        facts = {"first_name": f"N{number % 3}", "last_login": signed_in if number % 2 else None}
        User.everyone.filter(pk=person.pk).update(**facts)
    client, seen, query = client_for(cast.acme_admin), [], f"?sort={sort}&size=25"
    while query:
        answer = client.get(f"/o/acme/people/{query}")
        seen += addresses(answer)
        query = answer.context["page"].older
    assert (len(seen), len(set(seen))) == (60, 60)


FILE = ["id", "first name", "last name", "e-mail address", "active", "rights", "last sign-in", "added"]


def test_the_file_of_people_holds_the_own_organisations_and_no_secret(cast, client_for, rest):
    rest(cast.acme_member)  # who has an access key now
    User.everyone.filter(pk=cast.acme_member.pk).update(first_name="=1+1", is_active=False)
    given(cast.acme_member, {"apis": "read"})
    client = client_for(cast.acme_admin)
    header, *lines = file_of(client.get("/o/acme/people/?format=csv"))
    added = User.everyone.get(pk=cast.acme_member.pk).created_at.isoformat(timespec="seconds")
    assert (header, [line[3] for line in lines]) == (FILE, ["ada@acme.example", "max@acme.example"])
    assert lines[1] == [cast.acme_member.pk, "'=1+1", "", "max@acme.example", "no", "APIs: read", "", added]
    text = client.get("/o/acme/people/?format=csv").getvalue().decode()
    stored = [person for person in User.everyone.all() if person.org_id == cast.acme.id]
    secrets = [s for person in stored for s in (person.password, person.access_key_hash) if s]
    assert (len(secrets), [secret for secret in secrets if secret in text]) == (3, [])
    assert "globex" not in text


def test_the_file_of_people_needs_the_right_of_the_list(cast, client_for):
    for path in ("/o/acme/people/?format=csv", "/super-users/?format=csv"):
        assert client_for(None).get(path).status_code == 302
    assert client_for(cast.acme_member).get("/o/acme/people/?format=csv").status_code == 403
    for path in ("/o/globex/people/?format=csv", "/super-users/?format=csv"):
        assert client_for(cast.acme_admin).get(path).status_code == 404
    client = client_for(cast.super_user)
    assert [line[3] for line in file_of(client.get("/o/globex/people/?format=csv"))[1:]] == [
        "gus@globex.example",
        "mia@globex.example",
    ]
    assert [line[3:6] for line in file_of(client.get("/super-users/?format=csv"))[1:]] == [
        ["sue@platform.example", "yes", "everything"]
    ]


def test_an_administrator_adds_a_person_and_sees_the_made_password_once(cast, client_for):
    client = client_for(cast.acme_admin)
    answer = client.post("/o/acme/people/new/", {**FORM, "rights-apis": "write", "rights-log": "read"})
    (password,) = re.findall(r'id="initial-password"[^>]*>(\w+)<', answer.content.decode())
    added = person("new@acme.example")
    assert (added.org, added.permissions, added.full_name) == (
        cast.acme,
        {"apis": "write", "log": "read"},
        "Nia Holm",
    )
    assert added.check_password(password)
    again = client.post("/o/acme/people/new/", FORM)
    assert re.findall(r'id="initial-password"', again.content.decode()) == []
    assert shown_errors(again) == ["User email already exists for this Org"]


def test_a_typed_password_is_not_shown_and_has_at_least_fifteen_characters(cast, client_for):
    client = client_for(cast.acme_admin)
    short = client.post("/o/acme/people/new/", {**FORM, "password": "only fourteen!"})
    assert [error[:58] for error in shown_errors(short)] == [
        "This password is too short. It must contain at least 15 cha"[:58]
    ]
    answer = client.post("/o/acme/people/new/", {**FORM, "password": make.PASSWORD}, follow=True)
    assert make.PASSWORD not in answer.content.decode()
    assert person("new@acme.example").check_password(make.PASSWORD)


def test_whoever_a_super_user_adds_is_a_super_user(cast, client_for):
    client = client_for(cast.super_user)
    assert client.post("/o/acme/people/new/", FORM).status_code == 403
    assert User.everyone.filter(email="new@acme.example").count() == 0
    client.post("/super-users/new/", {**FORM, "org": cast.acme.id, "rights-apis": "read"})
    added = person("new@acme.example")
    assert (added.org, added.is_superuser, added.permissions) == (None, True, {})


def test_an_administrator_cannot_reach_the_pages_of_super_users(cast, client_for):
    client = client_for(cast.acme_admin)
    paths = [
        "/super-users/",
        "/super-users/new/",
        f"/super-users/{cast.super_user.pk}/",
        "/orgs/",
        "/orgs/new/",
        "/audit/",
    ]
    assert [client.get(path).status_code for path in paths] == [404] * 6
    assert client.post("/super-users/new/", FORM).status_code == 404
    assert User.everyone.filter(email="new@acme.example").count() == 0


def test_changed_rights_hold_from_the_next_request_on(cast, client_for):
    client, member = client_for(cast.acme_admin), client_for(cast.acme_member)
    assert member.get("/o/acme/people/").status_code == 403
    assert len(re.findall(r'href="/o/acme/people/[^"]', client.get("/o/acme/people/").content.decode())) == 3
    facts = {"email": "max@acme.example", "first_name": "", "last_name": "", "rights-users": "read"}
    client.post(f"/o/acme/people/{cast.acme_member.pk}/", facts)
    assert person("max@acme.example").permissions == {"users": "read"}
    assert member.get("/o/acme/people/").status_code == 200
    readable = member.get("/o/acme/people/").content.decode()
    assert re.findall(r'href="/o/acme/people/[^"]', readable) == []
    assert member.get("/o/acme/people/new/").status_code == 403
    assert member.post("/o/acme/people/new/", FORM).status_code == 403


def test_nobody_grants_what_he_lacks(cast, client_for):
    manager = given(cast.acme_member, {"users": "write", "apis": "read"})
    client = client_for(manager)
    refused = client.post("/o/acme/people/new/", {**FORM, "rights-apis": "write", "rights-keys": "read"})
    assert shown_errors(refused) == ["You cannot grant what you do not hold: apis, keys"]
    assert User.everyone.filter(email="new@acme.example").count() == 0
    administrator = client.post(
        "/o/acme/people/new/", {**FORM, "rights-administrator": "on", "rights-apis": "read"}
    )
    assert administrator.status_code == 200
    assert person("new@acme.example").permissions == {"apis": "read"}


def test_whoever_holds_more_than_the_caller_is_out_of_his_reach(cast, client_for):
    other = make.user("other@acme.example", cast.acme, {"keys": "write"})
    client = client_for(given(cast.acme_member, {"users": "write"}))
    refused = client.post(f"/o/acme/people/{other.pk}/", {"email": other.email, "rights-keys": ""})
    client.post(f"/o/acme/people/{other.pk}/activation/", {"active": "no"})
    assert shown_errors(refused) == ["This person holds rights which you do not: keys"]
    assert (person("other@acme.example").permissions, person("other@acme.example").is_active) == (
        {"keys": "write"},
        True,
    )


def test_a_level_that_the_caller_may_not_grant_cannot_be_chosen_and_what_is_not_sent_stays(cast, client_for):
    other = make.user("other@acme.example", cast.acme, {"keys": "read", "apis": "deny", "log": "read"})
    client = client_for(given(cast.acme_member, {"users": "write", "log": "read", "keys": "read"}))
    page = client.get(f"/o/acme/people/{other.pk}/").content.decode()
    assert re.findall(r'name="rights-keys" value="(\w*)"( checked)?( disabled)?', page) == [
        ("", "", ""),
        ("read", " checked", ""),
        ("write", "", " disabled"),
        ("deny", "", ""),
    ]
    client.post(f"/o/acme/people/{other.pk}/", {"email": other.email, "first_name": "Ola", "rights-log": ""})
    changed = person("other@acme.example")
    assert (changed.first_name, changed.permissions) == ("Ola", {"keys": "read", "apis": "deny"})


def test_the_last_administrator_cannot_lock_himself_out(cast, client_for):
    client = client_for(cast.acme_admin)
    address = f"/o/acme/people/{cast.acme_admin.pk}/"
    demoted = client.post(address, {"email": "ada@acme.example", "rights-users": "write"})
    assert shown_errors(demoted) == ["The last administrator of an organisation stays"]
    client.post(f"{address}activation/", {"active": "no"})
    ada = person("ada@acme.example")
    assert (ada.is_active, ada.permissions) == (True, {"IsAdmin": "admin"})


def test_the_last_super_user_stays(cast, client_for):
    client = client_for(cast.super_user)
    client.post(f"/super-users/{cast.super_user.pk}/activation/", {"active": "no"})
    assert person("sue@platform.example").is_active


def test_deactivating_ends_the_session_at_once_and_activating_lets_the_person_in_again(cast, client_for):
    client, member = client_for(cast.acme_admin), client_for(cast.acme_member)
    address = f"/o/acme/people/{cast.acme_member.pk}/activation/"
    assert member.get("/profile/").status_code == 200
    client.post(address, {"active": "no"})
    assert member.get("/profile/").status_code == 302
    client.post(address, {"active": "yes"})
    assert member.get("/profile/").status_code == 302
    assert client_for(person(cast.acme_member.email)).get("/profile/").status_code == 200
    with scope.org(cast.acme.id):
        audited = list(AuditEntry.objects.order_by("at").values_list("action", "actor_email", "changes"))
    assert audited == [
        ("user.changed", "ada@acme.example", {"is_active": [True, False]}),
        ("user.changed", "ada@acme.example", {"is_active": [False, True]}),
    ]


def test_a_stranger_is_answered_like_a_missing_person(cast, client_for):
    client = client_for(cast.acme_admin)
    answers = []
    for who in (cast.globex_member.pk, "0" * 24, cast.super_user.pk, "x"):
        seen = client.get(f"/o/acme/people/{who}/")
        done = client.post(f"/o/acme/people/{who}/activation/", {"active": "no"})
        answers.append((seen.status_code, seen.content, done.status_code, done.content))
    assert answers == [answers[0]] * 4 and answers[0][0] == answers[0][2] == 404
    assert person("mia@globex.example").is_active


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "no address"),
        ("email", "a\x00b@acme.example"),
        ("email", f"{'a' * 250}@acme.example"),
        ("first_name", "x" * 151),
        ("last_name", "a\x00"),
        ("rights-apis", "owner"),
        ("rights-analytics", "write"),
    ],
)
def test_bad_input_is_refused_beside_its_field_and_nothing_is_stored(cast, client_for, field, value):
    before = User.everyone.count()
    answer = client_for(cast.acme_admin).post("/o/acme/people/new/", {**FORM, field: value})
    assert (answer.status_code, User.everyone.count()) == (400, before)
    assert len(shown_errors(answer)) == 1


def test_adding_a_super_user_is_in_the_platforms_log_without_the_password(cast, client_for):
    client_for(cast.super_user).post("/super-users/new/", {**FORM, "password": make.PASSWORD})
    entry = PlatformAuditEntry.objects.get()
    assert (entry.action, entry.label, entry.actor_email) == (
        "user.created",
        "new@acme.example",
        "sue@platform.example",
    )
    assert entry.changes == {
        "email": [None, "new@acme.example"],
        "first_name": [None, "Nia"],
        "is_active": [None, True],
        "last_name": [None, "Holm"],
        "permissions": [None, {}],
    }


def test_the_list_asks_the_database_as_often_for_three_people_as_for_one(
    cast, client_for, django_assert_num_queries
):
    client = client_for(cast.acme_admin)
    User.everyone.filter(pk=cast.acme_member.pk).delete()
    client.get("/o/acme/people/")  # the first request of a process checks the isolation too
    with django_assert_num_queries(QUERIES):
        assert len(addresses(client.get("/o/acme/people/"))) == 1
    for number in range(2):
        make.user(f"more{number}@acme.example", cast.acme)
    with django_assert_num_queries(QUERIES):
        assert len(addresses(client.get("/o/acme/people/"))) == 3


QUERIES = 5  # the transaction's two, the session, the person with his organisation, the people


def test_another_organisations_person_is_missing_from_the_page_that_switches_people_off(cast, client_for):
    for user in (cast.acme_admin, cast.super_user):
        client = client_for(user)
        for stranger in (cast.globex_member, cast.globex_admin):
            address = f"/o/acme/people/{stranger.pk}/activation/"
            answers = [client.get(address), client.post(address, {"active": "no"})]
            assert [answer.status_code for answer in answers] == [404, 404]
            assert person(stranger.email).is_active


@pytest.mark.parametrize("view", [views.person_edit, views.person_activation])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_page_of_a_person_asks_for_the_organisation_even_where_the_database_would_show_all(
    cast, view, method
):
    request = getattr(RequestFactory(), method)("/", {"active": "no"})
    request.user, request.org = cast.acme_admin, cast.acme
    with scope.every_org():
        for stranger in (cast.globex_member, cast.super_user):
            with pytest.raises(Http404):
                view(request, "acme", stranger.pk)
    assert person(cast.globex_member.email).is_active
