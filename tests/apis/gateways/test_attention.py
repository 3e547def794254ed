"""Changes that have not reached the gateways are on the home page of whoever made them."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from apis.gateways import attention
from apis.models import Outbox
from orgs import scope
from orgs.providers.attention import Item
from tests import make

NOW = datetime(2026, 11, 26, 14, 30, tzinfo=ZoneInfo("UTC"))


def message(organisation, *, age: float, done: bool = False) -> None:
    made = NOW - timedelta(seconds=age)
    with scope.org(organisation.id):
        Outbox.objects.create(
            kind="reload", subject="x", created_at=made, due_at=made, done_at=NOW if done else None
        )


def said(org, person) -> list[Item]:
    with scope.org(org.id):
        return list(attention.items(org, person, NOW))


def test_messages_of_the_last_seconds_and_delivered_ones_are_as_they_should_be(cast):
    message(cast.acme, age=5)
    message(cast.acme, age=500, done=True)
    message(cast.globex, age=500)
    assert said(cast.acme, cast.acme_admin) == []


def test_messages_that_wait_for_long_are_counted_since_the_oldest_in_the_zone_of_the_organisation(cast):
    cast.acme.time_zone = "Asia/Tokyo"
    message(cast.acme, age=60)
    assert said(cast.acme, cast.acme_admin) == [
        Item(
            "1 change has not reached the gateways yet, the oldest since 26 Nov 23:29.",
            "/o/acme/nodes/",
            bad=True,
        )
    ]
    message(cast.acme, age=3600)
    assert said(cast.acme, make.user("kim@acme.example", cast.acme, {"keys": "read"})) == [
        Item(
            "2 changes have not reached the gateways yet, the oldest since 26 Nov 22:30.",
            "/o/acme/keys/",
            bad=True,
        )
    ]


def test_who_sees_neither_gateways_nor_apis_nor_keys_is_not_told(cast):
    message(cast.acme, age=60)
    assert said(cast.acme, make.user("lea@acme.example", cast.acme, {"analytics": "read"})) == []
