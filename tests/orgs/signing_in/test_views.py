"""Signing in and out, the own profile, the theme."""

import re

from django.db import connection
from django.test import Client

from orgs import scope
from orgs.models import AuditEntry, SignInFailure, User
from orgs.signing_in.credentials import access_key_hash
from tests import make

NEW = "four unrelated words in a row"


def sign_in(client, email="ada@acme.example", password=make.PASSWORD, **more):
    return client.post("/sign-in/", {"email": email, "password": password, **more})


def test_signing_in_begins_a_new_session_and_leads_to_the_start_page(cast):
    client = Client()
    client.get("/sign-in/")
    before = client.session.session_key
    answer = sign_in(client)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.session.session_key not in (None, before)
    assert client.get("/")["Location"] == "/o/acme/"


def test_a_super_user_begins_at_the_organisations(cast, client_for):
    assert client_for(cast.super_user).get("/")["Location"] == "/orgs/"


def test_next_is_followed_on_this_host_only(cast):
    answers = [
        sign_in(Client(), next=address)["Location"]
        for address in ("/o/acme/people/", "https://evil.example/", "//evil.example/", "javascript:alert(1)")
    ]
    assert answers == ["/o/acme/people/", "/", "/", "/"]


def test_a_wrong_password_an_unknown_address_and_a_closed_account_are_answered_alike(cast):
    User.everyone.filter(pk=cast.acme_member.pk).update(is_active=False)
    cast.globex.enabled = False
    cast.globex.save()
    pages = [
        sign_in(Client(), "ada@acme.example", "wrong"),
        sign_in(Client(), "nobody@acme.example", "wrong"),
        sign_in(Client(), "max@acme.example"),
        sign_in(Client(), "gus@globex.example"),
    ]
    said = [
        (page.status_code, re.findall(r'<div class="callout callout-bad".*?</div>', page.content.decode()))
        for page in pages
    ]
    wrong = "The e-mail address or the password is not right."
    assert said == [(200, [f'<div class="callout callout-bad" role="alert"><p>{wrong}</p></div>'])] * 4


def test_what_was_typed_as_password_is_not_in_the_answer(cast):
    assert "hunter2hunter2" not in sign_in(Client(), password="hunter2hunter2").content.decode()


def test_after_ten_failures_even_the_right_password_is_refused_until_they_are_old(cast):
    for _ in range(10):
        sign_in(Client(), password="wrong")
    refused = sign_in(Client())
    assert refused.status_code == 429
    SignInFailure.objects.all().delete()
    assert sign_in(Client()).status_code == 302


def test_signing_out_needs_a_post_and_ends_the_session(cast, client_for):
    client = client_for(cast.acme_admin)
    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/")["Location"] == "/sign-in/"
    assert client.get("/profile/")["Location"] == "/sign-in/?next=/profile/"


def test_the_profile_changes_names_and_nothing_else(cast, client_for):
    client = client_for(cast.acme_member)
    client.post(
        "/profile/", {"first_name": "Max", "last_name": "Berg", "email": "x@y.example", "permissions": "{}"}
    )
    person = User.everyone.get(pk=cast.acme_member.pk)
    assert (person.full_name, person.email, person.permissions) == ("Max Berg", "max@acme.example", {})


def test_a_new_password_needs_the_current_one_and_fifteen_characters(cast, client_for):
    client = client_for(cast.acme_admin)
    wrong = client.post("/profile/password/", {"password-current": "wrong", "password-new": NEW})
    short = client.post(
        "/profile/password/", {"password-current": make.PASSWORD, "password-new": "only fourteen!"}
    )
    assert "This is not your current password." in wrong.content.decode()
    assert "at least 15 characters" in short.content.decode()
    assert User.everyone.get(pk=cast.acme_admin.pk).check_password(make.PASSWORD)


def test_a_changed_password_ends_every_other_session(cast, client_for):
    here, elsewhere = client_for(cast.acme_admin), client_for(cast.acme_admin)
    assert elsewhere.get("/profile/").status_code == 200
    here.post("/profile/password/", {"password-current": make.PASSWORD, "password-new": NEW})
    assert (here.get("/profile/").status_code, elsewhere.get("/profile/").status_code) == (200, 302)
    assert User.everyone.get(pk=cast.acme_admin.pk).check_password(NEW)


def shown_key(answer) -> list[str]:
    return re.findall(r'id="access-key"[^>]*>([0-9a-f]{40})<', answer.content.decode())


def test_a_renewed_access_key_is_shown_once_and_works(cast, client_for):
    client = client_for(cast.acme_admin)
    form = {
        "replaces": re.search(
            r'name="replaces" value="(\w+)"', client.get("/profile/access-key/").content.decode()
        )[1]
    }
    (key,) = shown_key(client.post("/profile/access-key/", form))
    assert User.everyone.get(pk=cast.acme_admin.pk).access_key_hash == access_key_hash(key)
    assert Client(headers={"Authorization": key}).get("/api/users").status_code == 200
    again = client.post("/profile/access-key/", form)
    assert (again.status_code, again["Location"]) == (302, "/profile/")
    assert shown_key(client.get("/profile/")) == []
    assert User.everyone.get(pk=cast.acme_admin.pk).access_key_hash == access_key_hash(key)


def test_a_renewed_access_key_is_nowhere_in_the_database(cast, client_for):
    client = client_for(cast.acme_admin)
    form = {
        "replaces": re.search(
            r'name="replaces" value="(\w+)"', client.get("/profile/access-key/").content.decode()
        )[1]
    }
    (key,) = shown_key(client.post("/profile/access-key/", form))
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(session_data, ' ') FROM django_session")
        sessions = cursor.fetchone()[0]
    with scope.org(cast.acme.id):
        audited = list(AuditEntry.objects.values_list("action", "changes"))
    assert audited == [("user.access-key-renewed", {})]
    assert key not in sessions and key not in str(client.session.items())


def test_the_theme_is_a_cookie_that_the_server_draws(cast, client_for):
    client = client_for(cast.acme_member)
    assert "data-theme" not in client.get("/profile/").content.decode()
    answer = client.post("/profile/theme/", {"theme": "dark", "next": "/profile/"})
    assert (answer.status_code, answer["Location"]) == (302, "/profile/")
    assert '<html lang="en" data-theme="dark">' in client.get("/profile/").content.decode()
    assert client.post("/profile/theme/", {"theme": '"><script>'}).status_code == 400
    client.cookies["theme"] = '"><script>alert(1)</script>'
    assert '<html lang="en">' in client.get("/profile/").content.decode()
