"""Whether the dashboard is up, as monitoring asks."""

import pytest
from django.test import Client

from dashboard.analytics.models import IngestState
from orgs import scope

pytestmark = pytest.mark.django_db


def test_it_says_no_more_than_that_it_is_up():
    answer = Client().get("/hello")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert answer["Content-Type"] == "application/json; charset=utf-8"


def test_a_clock_that_is_not_believed_is_told(committed):
    with scope.every_org():
        IngestState.objects.update(doubt="it stands still")
    answer = Client().get("/hello")
    assert (answer.status_code, answer.json()) == (
        200,
        {"status": "ok", "clock": "the clock is wrong: it stands still"},
    )


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_it_takes_nothing(method):
    assert getattr(Client(), method)("/hello").status_code == 405


def test_it_is_the_same_with_a_slash_and_for_anybody(client_for, cast):
    for client in (Client(), client_for(cast.acme_member), client_for(cast.super_user)):
        assert [client.get(path).json() for path in ("/hello", "/hello/")] == [{"status": "ok"}] * 2
