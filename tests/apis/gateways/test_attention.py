"""Changes that have not reached the gateways are on the home page of whoever made them."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

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


@pytest.mark.parametrize(("age", "told"), [(29, 0), (30, 0), (31, 1), (45, 1)])
def test_half_a_minute_is_given_to_a_message(cast, age, told):
    message(cast.acme, age=age)
    assert len(said(cast.acme, cast.acme_admin)) == told


def test_very_many_are_counted_so_that_they_can_be_read(cast):
    with scope.org(cast.acme.id):
        made = NOW - timedelta(minutes=5)
        Outbox.objects.bulk_create(
            Outbox(org_id=cast.acme.id, kind="reload", subject="x", created_at=made, due_at=made)
            for _ in range(1_200)
        )
    [item] = said(cast.acme, cast.acme_admin)
    assert item.text == ("1,200 changes have not reached the gateways yet, the oldest since 26 Nov 14:25.")


@pytest.mark.parametrize(
    ("granted", "url"),
    [
        ({"system": "read", "apis": "read", "keys": "read"}, "/o/acme/nodes/"),
        ({"apis": "read", "keys": "read"}, "/o/acme/apis/"),
        ({"keys": "read"}, "/o/acme/keys/"),
        ({"keys": "write", "users": "write"}, "/o/acme/keys/"),
    ],
)
def test_it_leads_to_the_first_page_that_a_person_may_see(cast, granted, url):
    message(cast.acme, age=60)
    person = make.user("kim@acme.example", cast.acme, granted)
    assert [item.url for item in said(cast.acme, person)] == [url]
