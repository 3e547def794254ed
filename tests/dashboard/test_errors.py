"""What people read where no view could answer."""

import re

import pytest
from django.test import Client

STALE = "The form was open for too long"
PROXY = "the proxy in front must hand on"


def refused(**sent) -> str:
    answer = Client(enforce_csrf_checks=True).post(
        "/sign-in/", {"email": "a@b.example", "password": "x"}, **sent
    )
    assert answer.status_code == 403
    return answer.content.decode()


def told(page: str) -> list[str]:
    return re.findall("<code>(.*?)</code>", page)


def test_a_refused_origin_is_named_with_what_to_set(db):
    page = refused(headers={"Origin": "https://gate.example"})
    assert told(page) == [
        "https://gate.example",
        "http://testserver",
        "Host",
        "X-Forwarded-Proto: https",
        "HTTPS=on",
        "CSRF_TRUSTED_ORIGINS",
    ]
    assert STALE not in page


def test_a_refused_referer_is_named_without_its_path(db):
    page = refused(secure=True, headers={"Referer": "https://gate.example/secret?token=1"})
    assert told(page)[:2] == ["https://gate.example", "https://testserver"]
    assert "secret?" not in page


def test_a_browser_that_tells_no_address_is_told_so(db):
    assert told(refused(secure=True))[:2] == ["an address it does not tell", "https://testserver"]
    assert told(refused(headers={"Origin": "null"}))[:2] == ["null", "http://testserver"]


@pytest.mark.parametrize("origin", ['https://"><script>alert(1)</script>', "https://" + "x" * 9_000])
def test_an_origin_is_text_and_not_much_of_it(db, origin):
    page = refused(headers={"Origin": origin})
    assert ("<script" in page, len(told(page)[0]) < 300) == (False, True)


def test_a_form_without_its_token_is_stale(db):
    for sent in ({}, {"headers": {"Origin": "http://testserver"}}):
        page = refused(**sent)
        assert (STALE in page, PROXY in page) == (True, False)
