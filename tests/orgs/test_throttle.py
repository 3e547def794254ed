"""Failed sign-ins are limited before any password is hashed, and nobody can lock out somebody else."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from orgs import scope, throttle
from orgs.models import AuditEntry, SignInFailure
from tests.make import PASSWORD

JSON = "application/json"


def sign_in(email: str, password: str = PASSWORD, address: str = "192.0.2.1"):
    return Client(REMOTE_ADDR=address).post("/sign-in/", {"email": email, "password": password})


def test_ten_failures_of_a_caller_on_an_account_stop_him_even_with_the_right_password(cast):
    answers = [sign_in(cast.acme_admin.email, "wrong").status_code for _ in range(10)]
    assert answers == [200] * 10
    assert sign_in(cast.acme_admin.email).status_code == 429
    assert sign_in(cast.acme_admin.email, address="192.0.2.2").status_code == 302


def test_a_caller_who_tries_many_accounts_is_stopped(cast):
    for number in range(throttle.MOST_OF_ADDRESS):
        throttle.failed(f"n{number}@acme.example", "192.0.2.1")
    assert sign_in(cast.acme_admin.email).status_code == 429
    assert sign_in(cast.acme_admin.email, address="192.0.2.2").status_code == 302


def test_an_account_tried_from_everywhere_is_stopped(cast):
    for number in range(throttle.MOST_OF_ACCOUNT):
        throttle.failed(cast.acme_admin.email, f"192.0.2.{number}")
    assert sign_in(cast.acme_admin.email, address="198.51.100.1").status_code == 429
    assert sign_in(cast.globex_admin.email, address="198.51.100.1").status_code == 302


def test_failures_are_forgotten_after_a_quarter_of_an_hour(cast):
    for _ in range(10):
        throttle.failed(cast.acme_admin.email, "192.0.2.1")
    SignInFailure.objects.update(at=timezone.now() - throttle.WINDOW - timedelta(seconds=1))
    assert sign_in(cast.acme_admin.email).status_code == 302


def test_neither_account_nor_address_is_kept_in_clear(cast):
    throttle.failed(cast.acme_admin.email, "192.0.2.1")
    kept = str(SignInFailure.objects.values().get())
    assert (cast.acme_admin.email in kept, "192.0.2.1" in kept) == (False, False)


def test_wrong_password_unknown_address_and_closed_account_are_answered_alike(cast):
    cast.acme_member.is_active = False
    cast.acme_member.save()
    pages = [
        sign_in(email, password).content.decode().replace(email, "")
        for email, password in (
            (cast.acme_admin.email, "wrong"),
            ("nobody@acme.example", "wrong"),
            (cast.acme_member.email, PASSWORD),
        )
    ]
    pages = [page.split('name="csrfmiddlewaretoken"')[0] + page.split("</form>")[1] for page in pages]
    assert pages[0] == pages[1] == pages[2]


def test_the_session_is_a_new_one_after_signing_in_and_it_is_audited(cast):
    client = Client()
    client.get("/sign-in/")
    before = client.session.session_key
    client.post("/sign-in/", {"email": "ADA@acme.example", "password": PASSWORD})
    assert client.session.session_key not in (None, before)
    with scope.org(cast.acme.id):
        assert list(AuditEntry.objects.values_list("action", "actor_email")) == [
            ("user.signed-in", "ada@acme.example")
        ]


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "http:///evil.example",
        "\x00",
    ],
)
def test_nobody_is_sent_to_another_host(cast, elsewhere):
    body = {"email": cast.acme_admin.email, "password": PASSWORD, "next": elsewhere}
    assert Client().post("/sign-in/", body)["Location"] == "/"


def test_guessing_the_current_password_with_a_stolen_credential_is_limited(cast, rest, client_for):
    key, browser = rest(cast.acme_member), client_for(cast.acme_member)
    new = "another long and good password"
    for _ in range(5):
        body = {"new_password": new, "current_password": "wrong"}
        assert key.post("/api/users/me/actions/reset", body, JSON).status_code == 403
        browser.post("/profile/password/", {"password-current": "wrong", "password-new": new})
    right = {"new_password": new, "current_password": PASSWORD}
    assert key.post("/api/users/me/actions/reset", right, JSON).status_code == 429
    browser.post("/profile/password/", {"password-current": PASSWORD, "password-new": new})
    cast.acme_member.refresh_from_db()
    assert cast.acme_member.check_password(PASSWORD)
