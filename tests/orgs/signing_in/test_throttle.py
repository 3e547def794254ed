"""Failed sign-ins are limited before any password is hashed, and nobody can lock out somebody else."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orgs import scope
from orgs.models import AuditEntry, KnownAddress, SignInFailure, User
from orgs.people import accounts
from orgs.signing_in import throttle
from tests.make import PASSWORD

JSON = "application/json"
OWN = "what the attacker chose himself"


def sign_in(email: str, password: str = PASSWORD, address: str = "192.0.2.1", client: Client | None = None):
    client = client or Client()
    return client.post("/sign-in/", {"email": email, "password": password}, REMOTE_ADDR=address)


def strangers_fill(user: User) -> None:
    """Ten failures from each of ten addresses."""
    for number in range(100):
        throttle.failed(throttle.Caller(f"198.51.100.{number % 10}"), [user.pk])


def test_ten_failures_of_a_caller_on_an_account_stop_him_even_with_the_right_password(cast):
    answers = [sign_in(cast.acme_admin.email, "wrong").status_code for _ in range(10)]
    assert answers == [200] * 10
    assert sign_in(cast.acme_admin.email).status_code == 429
    assert sign_in(cast.acme_admin.email, address="192.0.2.2").status_code == 302


@pytest.mark.parametrize("name", ["ada@acme.example", "nobody@acme.example"])
def test_letter_case_width_and_blanks_give_no_further_guesses(cast, name):
    spellings = [
        name,
        name.upper(),
        name.title(),
        f" {name} ",
        name.replace("a", "\uff41"),
        name.replace("@", "\uff20"),
    ]
    answers = [sign_in(spellings[number % 6], "wrong").status_code for number in range(11)]
    assert answers == [200] * 10 + [429]


def test_a_caller_who_tries_many_accounts_is_stopped(cast):
    for number in range(throttle.MOST_OF_ADDRESS):
        assert sign_in(f"n{number}@acme.example", "wrong").status_code == 200
    assert sign_in(cast.acme_admin.email).status_code == 429
    assert sign_in(cast.acme_admin.email, address="192.0.2.2").status_code == 302


def test_an_attempt_counts_once_for_the_caller_however_many_accounts_it_was_on(cast):
    for org in (cast.acme, cast.globex, None):
        accounts.create_user(org=org, email="all@acme.example", password=PASSWORD)
    for _ in range(9):
        sign_in("all@acme.example", "wrong")
    answers = [sign_in(f"n{number}@acme.example", "wrong").status_code for number in range(42)]
    assert answers == [200] * 41 + [429]


def test_strangers_from_everywhere_are_stopped_whether_or_not_there_is_an_account(cast):
    for place, email in enumerate((cast.acme_admin.email, "nobody@acme.example")):
        answers = [sign_in(email, "wrong", f"198.51.{place}.{n % 10}").status_code for n in range(101)]
        assert answers == [200] * 100 + [429]
        assert sign_in(email, address="203.0.113.1").status_code == 429
    assert sign_in(cast.globex_admin.email, address="203.0.113.1").status_code == 302


def test_strangers_do_not_lock_out_the_owner_at_a_browser_that_has_signed_in_before(cast):
    browser = Client()
    sign_in(cast.acme_admin.email, client=browser)
    browser.post("/sign-out/")
    strangers_fill(cast.acme_admin)
    assert sign_in(cast.acme_admin.email, address="203.0.113.1", client=browser).status_code == 302


def test_nor_do_those_who_share_his_address(cast):
    browser = Client()
    sign_in(cast.acme_admin.email, address="203.0.113.1", client=browser)
    browser.post("/sign-out/")
    for number in range(throttle.MOST_OF_ADDRESS):
        throttle.failed(throttle.Caller("203.0.113.1"), [f"account {number}"])
    assert sign_in(cast.acme_admin.email, address="203.0.113.1").status_code == 429
    assert sign_in(cast.acme_admin.email, address="203.0.113.1", client=browser).status_code == 302


def test_strangers_do_not_lock_out_the_owner_at_an_address_from_which_he_has_signed_in(cast):
    sign_in(cast.acme_admin.email, address="203.0.113.1")
    strangers_fill(cast.acme_admin)
    assert sign_in(cast.acme_admin.email, address="203.0.113.1").status_code == 302
    assert sign_in(cast.acme_admin.email, address="203.0.113.2").status_code == 429


def test_an_address_is_known_for_ninety_days(cast):
    sign_in(cast.acme_admin.email, address="203.0.113.1")
    KnownAddress.objects.update(at=timezone.now() - throttle.ADDRESS_KNOWN_FOR - timedelta(seconds=1))
    strangers_fill(cast.acme_admin)
    assert sign_in(cast.acme_admin.email, address="203.0.113.1").status_code == 429
    sign_in(cast.globex_admin.email, address="203.0.113.1")
    assert KnownAddress.objects.count() == 1


def test_a_stolen_cookie_gives_ten_guesses_of_its_own_and_takes_none_from_the_owner(cast):
    browser, thief = Client(), Client()
    sign_in(cast.acme_admin.email, address="203.0.113.1", client=browser)
    thief.cookies["known"] = browser.cookies["known"].value
    strangers_fill(cast.acme_admin)
    answers = [
        sign_in(cast.acme_admin.email, "wrong", f"198.51.100.{number}", thief).status_code
        for number in range(12)
    ]
    assert answers == [200] * 10 + [429] * 2
    assert sign_in(cast.acme_admin.email, address="203.0.113.1").status_code == 302
    assert thief.get("/profile/").status_code == 302


def test_a_cookie_of_another_account_or_of_ones_own_making_changes_nothing(cast):
    browser = Client()
    sign_in(cast.globex_admin.email, client=browser)
    genuine = browser.cookies["known"].value
    strangers_fill(cast.acme_admin)
    forged = [genuine, genuine[:-1] + ("A" if genuine[-1] != "A" else "B"), "", "x", "WyJhIl0:1:x", "é" * 9]
    for value in forged:
        client = Client()
        client.cookies["known"] = value
        assert sign_in(cast.acme_admin.email, address="203.0.113.1", client=client).status_code == 429


def test_one_browser_may_be_known_to_many_accounts(cast):
    browser = Client()
    for user in (cast.acme_admin, cast.globex_admin):
        sign_in(user.email, client=browser)
        browser.post("/sign-out/")
    strangers_fill(cast.acme_admin)
    assert sign_in(cast.acme_admin.email, address="203.0.113.1", client=browser).status_code == 302


def test_addresses_of_one_ipv6_network_are_one_caller(cast):
    answers = [
        sign_in(cast.acme_admin.email, "wrong", f"2001:db8:0:7:{number:x}::1").status_code
        for number in range(11)
    ]
    assert answers == [200] * 10 + [429]
    assert sign_in(cast.acme_admin.email, address="2001:db8:0:8::1").status_code == 302


def test_an_ipv4_address_is_the_same_caller_when_it_is_mapped_into_ipv6(cast):
    for _ in range(10):
        sign_in(cast.acme_admin.email, "wrong", "::ffff:192.0.2.1")
    assert sign_in(cast.acme_admin.email, address="192.0.2.1").status_code == 429


def test_callers_of_unknown_address_do_not_share_a_count(cast):
    for number in range(throttle.MOST_OF_ADDRESS + 1):
        sign_in(f"n{number}@acme.example", "wrong", "unknown")
    for _ in range(throttle.MOST_OF_BOTH + 1):
        sign_in(cast.acme_admin.email, "wrong", "unknown")
    assert sign_in(cast.acme_admin.email, address="unknown").status_code == 302


def test_signing_in_to_an_account_of_ones_own_gives_no_guesses_at_anothers(cast):
    """An administrator makes a person with the victim's address and clears the failures by signing in."""
    victim = cast.acme_admin.email
    accounts.create_user(org=cast.globex, email=victim, password=OWN, actor=cast.globex_admin)
    for number in range(45):
        assert sign_in(victim, f"guess {number}").status_code == 200
        if number % 9 == 8:
            assert sign_in(victim, OWN).status_code == 302
    guessed = Client()
    assert sign_in(victim, PASSWORD, client=guessed).status_code == 200
    assert guessed.get("/profile/").status_code == 302
    assert sign_in(victim, PASSWORD, "192.0.2.2").status_code == 302


def test_a_password_that_opens_ones_own_account_is_a_guess_at_the_others(cast):
    victim = cast.acme_admin.email
    own, _ = accounts.create_user(org=cast.globex, email=victim, password=OWN, actor=cast.globex_admin)
    for number in range(10):
        accounts.set_password(own, f"guess number {number:02}")
        assert sign_in(victim, f"guess number {number:02}")["Location"] == "/"
    accounts.set_password(own, PASSWORD)
    browser = Client()
    assert sign_in(victim, PASSWORD, client=browser)["Location"] == "/"
    assert browser.get("/")["Location"] == "/o/globex/"


def test_a_right_password_clears_what_was_failed_on_the_account_it_opened(cast):
    for _ in range(9):
        sign_in(cast.acme_admin.email, "wrong")
    sign_in(cast.acme_admin.email)
    answers = [sign_in(cast.acme_admin.email, "wrong").status_code for _ in range(10)]
    assert answers == [200] * 10


def test_failures_are_forgotten_after_a_quarter_of_an_hour(cast):
    for _ in range(10):
        sign_in(cast.acme_admin.email, "wrong")
    SignInFailure.objects.update(at=timezone.now() - throttle.WINDOW - timedelta(seconds=1))
    assert sign_in(cast.acme_admin.email).status_code == 302


def test_old_failures_are_not_kept(cast):
    sign_in(cast.acme_admin.email, "wrong")
    SignInFailure.objects.update(at=timezone.now() - throttle.WINDOW - timedelta(seconds=1))
    sign_in(cast.globex_admin.email, "wrong", "198.51.100.1")
    assert SignInFailure.objects.filter(at__lt=timezone.now() - throttle.WINDOW).count() == 0


def test_neither_account_nor_address_is_kept_in_clear(cast):
    sign_in(cast.acme_admin.email, "wrong")
    sign_in("nobody@acme.example", "wrong")
    sign_in(cast.acme_member.email)
    kept = str([*SignInFailure.objects.values(), *KnownAddress.objects.values()])
    secrets = (cast.acme_admin.email, cast.acme_admin.pk, cast.acme_member.pk, "nobody@", "192.0.2.1")
    assert [text for text in secrets if text in kept] == []


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
    assert User.everyone.get(pk=cast.acme_member.pk).check_password(PASSWORD)


def test_accounts_of_one_address_are_locked_in_one_order(db):
    """Two sign-ins at the same moment, in processes that order sets differently, would else wait for each other."""

    def touched(accounts):
        with CaptureQueriesContext(connection) as queries:
            throttle.succeeded(throttle.Caller("192.0.2.1"), accounts)
        changing = [query["sql"] for query in queries if not query["sql"].startswith("SELECT")]
        return [re.findall("[0-9a-f]{64}", sql) for sql in changing]

    touched(["a", "b"])
    assert touched(["a", "b"]) == touched(["b", "a"]) != []
