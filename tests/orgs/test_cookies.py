"""The flags of every cookie, with and without HTTPS, as a browser is sent them."""

import runpy
from pathlib import Path

import pytest
from django.test import Client

from tests.make import PASSWORD

SETTINGS = Path(__file__).resolve().parents[2] / "dashboard" / "settings.py"
COOKIE_SETTINGS = ("HTTPS", "SESSION_COOKIE", "CSRF_COOKIE", "SECURE_")
HALF_A_YEAR, A_YEAR, TWELVE_HOURS = 15_552_000, 31_536_000, 43_200


@pytest.fixture
def transport(settings, monkeypatch):
    """Put the settings in force that the file makes of HTTPS."""

    def of(https: str) -> None:
        monkeypatch.setenv("HTTPS", https)
        for name, value in runpy.run_path(str(SETTINGS)).items():
            if name.startswith(COOKIE_SETTINGS):
                setattr(settings, name, value)

    return of


def flags(client: Client) -> dict[str, tuple]:
    return {
        name: (
            cookie["secure"] or False,
            cookie["httponly"] or False,
            cookie["samesite"],
            cookie["path"],
            cookie["domain"],
            cookie["max-age"],
        )
        for name, cookie in client.cookies.items()
    }


def visited(secure: bool) -> Client:
    client = Client(headers={"X-Forwarded-Proto": "https"} if secure else {})
    client.get("/sign-in/")
    answer = client.post("/sign-in/", {"email": "ada@acme.example", "password": PASSWORD})
    assert answer.status_code == 302
    client.post("/profile/theme/", {"theme": "dark"})
    return client


def test_behind_tls_every_cookie_is_bound_to_the_host_and_to_https(cast, transport):
    transport("on")
    assert flags(visited(secure=True)) == {
        "__Host-session": (True, True, "Lax", "/", "", TWELVE_HOURS),
        "__Host-csrf": (True, True, "Lax", "/", "", 31_449_600),
        "__Host-known": (True, True, "Lax", "/", "", HALF_A_YEAR),
        "theme": (True, True, "Lax", "/", "", A_YEAR),
    }


def test_without_tls_no_cookie_asks_for_it_and_no_script_reads_one(cast, transport):
    transport("off")
    assert flags(visited(secure=False)) == {
        "session": (False, True, "Lax", "/", "", TWELVE_HOURS),
        "csrf": (False, True, "Lax", "/", "", 31_449_600),
        "known": (False, True, "Lax", "/", "", HALF_A_YEAR),
        "theme": (False, True, "Lax", "/", "", A_YEAR),
    }
