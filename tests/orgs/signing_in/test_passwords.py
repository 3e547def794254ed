"""One spelling of passwords, and how many are hashed at once."""

import threading
import time
import unicodedata

import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client

from orgs.models import User
from orgs.people import accounts
from orgs.signing_in import passwords
from tests.make import PASSWORD

COMPOSED = unicodedata.normalize("NFC", "gelbe Möwen über Köln")
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)
JSON = "application/json"


def sign_in(user: User, password: str) -> int:
    return Client().post("/sign-in/", {"email": user.email, "password": password}).status_code


@pytest.mark.parametrize(("chosen", "typed"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
def test_a_password_is_the_same_however_its_accents_are_composed(cast, chosen, typed):
    accounts.set_password(cast.acme_member, chosen)
    assert [sign_in(cast.acme_member, text) for text in (chosen, typed)] == [302, 302]
    user, _ = accounts.create_user(org=cast.acme, email="new@acme.example", password=chosen)
    assert (sign_in(user, typed), user.check_password(typed), user.check_password(chosen)) == (
        302,
        True,
        True,
    )


def test_so_it_is_where_the_current_one_is_asked_for(cast, client_for, rest):
    accounts.set_password(cast.acme_member, COMPOSED)
    body = {"new_password": PASSWORD, "current_password": DECOMPOSED}
    assert rest(cast.acme_member).post("/api/users/me/actions/reset", body, JSON).status_code == 200
    accounts.set_password(User.everyone.get(pk=cast.acme_admin.pk), COMPOSED)
    client = client_for(User.everyone.get(pk=cast.acme_admin.pk))
    client.post("/profile/password/", {"password-current": DECOMPOSED, "password-new": PASSWORD})
    assert sign_in(cast.acme_admin, PASSWORD) == 302


def test_a_password_hashed_as_it_was_typed_opens_as_typed_and_from_then_on_in_every_spelling(cast):
    User.everyone.filter(pk=cast.acme_member.pk).update(password=make_password(DECOMPOSED))
    assert [sign_in(cast.acme_member, text) for text in (COMPOSED, DECOMPOSED, COMPOSED)] == [200, 302, 302]


def test_the_rules_count_the_characters_that_are_hashed(cast, client_for):
    short = unicodedata.normalize("NFD", "äöüäöüäöü")
    assert len(short) >= 15
    client_for(cast.acme_member).post(
        "/profile/password/", {"password-current": PASSWORD, "password-new": short}
    )
    assert User.everyone.get(pk=cast.acme_member.pk).check_password(PASSWORD)


@pytest.fixture
def no_turn_is_free(monkeypatch):
    monkeypatch.setattr(passwords, "LONGEST_WAIT", 0.05)
    for _ in range(passwords.MOST_AT_ONCE):
        assert passwords._turns.acquire(timeout=60)
    yield
    for _ in range(passwords.MOST_AT_ONCE):
        passwords._turns.release()


def test_a_flood_of_sign_ins_waits_briefly_and_is_asked_to_come_again(cast, no_turn_is_free):
    answer = Client().post("/sign-in/", {"email": cast.acme_admin.email, "password": PASSWORD})
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "Please try again in a few seconds" in answer.content.decode()


def test_so_is_every_other_door_to_a_hash(cast, client_for, rest, no_turn_is_free):
    new = {"password-current": PASSWORD, "password-new": "another long and good password"}
    assert client_for(cast.acme_admin).post("/profile/password/", new).status_code == 503
    body = {"new_password": "another long and good password", "current_password": PASSWORD}
    answer = rest(cast.acme_admin).post("/api/users/me/actions/reset", body, JSON)
    assert (answer.status_code, answer["Content-Type"]) == (503, "application/json; charset=utf-8")


def test_a_turn_is_given_back_when_hashing_fails_and_two_are_had_at_once(settings):
    settings.PASSWORD_HASHERS = ["tests.orgs.hashing.Counting"]
    for _ in range(passwords.MOST_AT_ONCE + 1):
        with pytest.raises(AttributeError):
            passwords.hashed(PASSWORD, salt=7)
    threads = [
        threading.Thread(target=passwords.hashed, args=(PASSWORD, "a salt of some length"))
        for _ in range(passwords.MOST_THREADS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [thread.is_alive() for thread in threads] == [False] * passwords.MOST_THREADS


def test_however_many_sign_in_one_thread_of_a_process_is_left_for_gateways(cast, settings):
    """The rest wait for a turn to hash for as long as they may; who comes now is asked to come again, at once."""
    assert 1 <= passwords.MOST_THREADS < settings.WEB_THREADS
    for _ in range(passwords.MOST_AT_ONCE):
        assert passwords._turns.acquire(timeout=60)
    waiting = [
        threading.Thread(target=passwords.hashed, args=(PASSWORD, "a salt of some length"))
        for _ in range(passwords.MOST_THREADS)
    ]
    for thread in waiting:
        thread.start()
    begun = time.monotonic()
    answer = Client().post("/sign-in/", {"email": cast.acme_admin.email, "password": PASSWORD})
    taken = time.monotonic() - begun
    for _ in range(passwords.MOST_AT_ONCE):
        passwords._turns.release()
    for thread in waiting:
        thread.join(60)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert taken < passwords.LONGEST_WAIT / 2
