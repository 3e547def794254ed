"""A request is in its organisation's time zone from its view on until it is answered."""

from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.template import engines
from django.test import Client
from django.urls import path
from django.utils import timezone

from dashboard.urls import urlpatterns as site
from orgs.access import access
from orgs.models import Organisation

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def page(caller):
    @access(caller)
    def view(request, **kwargs):
        shown = engines["django"].from_string('{{ TIME_ZONE }} {{ noon|date:"H:i" }}')
        return HttpResponse(shown.render({"noon": NOON}, request))

    return view


urlpatterns = [
    path("own/", page("session")),
    path("o/<slug:org>/", page("session")),
    path("anyone/", page("anyone")),
    path("wire/key", page("key")),
    path("wire/admin", page("admin")),
    path("wire/node", page("node")),
    *site,
]


@pytest.fixture
def answered(cast, client_for, rest):
    """What a page or a wire says when `user` asks for it."""
    Organisation.everyone.filter(pk=cast.acme.pk).update(time_zone="Asia/Tokyo")

    def ask(user, address, client=client_for):
        return client(user).get(address).content.decode()

    return ask


@pytest.mark.urls(__name__)
def test_a_request_is_in_the_zone_of_its_organisation_and_else_in_utc(cast, answered, rest):
    assert {
        ("member", "own"): answered(cast.acme_member, "/own/"),
        ("member", "organisation"): answered(cast.acme_member, "/o/acme/"),
        ("super-user", "organisation"): answered(cast.super_user, "/o/acme/"),
        ("super-user", "own"): answered(cast.super_user, "/own/"),
        ("nobody", "anyone"): answered(None, "/anyone/"),
        ("member", "key"): answered(cast.acme_member, "/wire/key", rest),
        ("super-user", "key"): answered(cast.super_user, "/wire/key", rest),
        ("another", "own"): answered(cast.globex_member, "/own/"),
    } == {
        ("member", "own"): "Asia/Tokyo 21:00",
        ("member", "organisation"): "Asia/Tokyo 21:00",
        ("super-user", "organisation"): "Asia/Tokyo 21:00",
        ("super-user", "own"): "UTC 12:00",
        ("nobody", "anyone"): "UTC 12:00",
        ("member", "key"): "Asia/Tokyo 21:00",
        ("super-user", "key"): "UTC 12:00",
        ("another", "own"): "UTC 12:00",
    }


@pytest.mark.urls(__name__)
def test_machines_that_belong_to_no_organisation_are_in_utc(answered, admin_client, node_client):
    assert admin_client.get("/wire/admin").content == b"UTC 12:00"
    assert node_client.get("/wire/node").content == b"UTC 12:00"


@pytest.mark.urls(__name__)
def test_the_zone_ends_with_the_request_however_it_ends(cast, answered):
    for address in ("/o/acme/", "/o/acme/nowhere", "/o/globex/"):
        answered(cast.acme_member, address)
        assert timezone.get_current_timezone_name() == settings.TIME_ZONE
    with timezone.override("Asia/Kolkata"):
        answered(cast.acme_member, "/own/")
        assert timezone.get_current_timezone_name() == "Asia/Kolkata"
    assert Client().get("/anyone/").content == b"UTC 12:00"
