"""The cookie of a browser that has signed in before: how long it holds and how much."""

import time

from django.core import signing
from django.http import HttpResponse
from django.test import RequestFactory

from orgs.signing_in import known_browser


def asked_with(cookie: str):
    request = RequestFactory().get("/")
    request.COOKIES[known_browser.cookie_name()] = cookie
    return request


def remembered(request, accounts: list[str]) -> str:
    response = HttpResponse()
    known_browser.remember(request, response, accounts)
    return response.cookies[known_browser.cookie_name()].value


def test_a_browser_knows_its_forty_latest_accounts_and_keeps_its_id():
    many = [f"{number:024x}" for number in range(60)]
    cookie = remembered(asked_with(""), many[:30])
    browser, accounts = known_browser.read(asked_with(cookie))
    assert accounts == many[:30]
    cookie = remembered(asked_with(cookie), many[30:])
    assert known_browser.read(asked_with(cookie)) == (browser, [*many[30:], *many[:10]])
    assert len(cookie) < 4_000


def test_a_browser_is_known_for_half_a_year(monkeypatch):
    now, real = time.time(), time.time
    cookie = remembered(asked_with(""), ["a" * 24])
    found = []
    for later in (known_browser.HALF_A_YEAR - 60, known_browser.HALF_A_YEAR + 60):
        monkeypatch.setattr(signing.time, "time", lambda later=later: now + later)
        found.append(known_browser.read(asked_with(cookie))[1])
        monkeypatch.setattr(signing.time, "time", real)
    assert found == [["a" * 24], []]
