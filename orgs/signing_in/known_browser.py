"""A cookie by which an account knows a browser that has signed in to it before.

It opens nothing: failed sign-ins of such a browser are counted apart (throttle), and that is all it gives to
whoever steals it.
"""

import secrets

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

_SALT = "orgs.known_browser"
HALF_A_YEAR = 180 * 24 * 60 * 60
MOST_ACCOUNTS = 40  # the latest ones: a cookie has 4 kB


def cookie_name() -> str:
    return "__Host-known" if settings.HTTPS else "known"


def read(request: HttpRequest) -> tuple[str, list[str]]:
    """The browser's id and the accounts it has signed in to, the latest first; "" and none if it never has."""
    given = request.COOKIES.get(cookie_name(), "")
    try:
        browser, *accounts = signing.loads(given, salt=_SALT, max_age=HALF_A_YEAR)
    except signing.BadSignature:
        return "", []
    return browser, accounts


def remember(request: HttpRequest, response: HttpResponse, accounts: list[str]) -> None:
    """Set the cookie after a sign-in to `accounts`."""
    browser, before = read(request)
    known = list(dict.fromkeys([*accounts, *before]))[:MOST_ACCOUNTS]
    response.set_cookie(
        cookie_name(),
        signing.dumps([browser or secrets.token_hex(16), *known], salt=_SALT),
        max_age=HALF_A_YEAR,
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
    )
