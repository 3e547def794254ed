"""Keys that end soon are on the home page of whoever may see keys, if they are in use."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from django.utils import timezone

from keys import attention
from keys.keys import lifecycle
from orgs import scope
from orgs.providers.attention import Item
from tests import make
from tests.analytics.screens import ago, push
from tests.keys import build


def said(org, person) -> list[Item]:
    with scope.org(org.id):
        return list(attention.items(org, person, timezone.now()))


def when(instant: datetime, zone: str) -> str:
    local = instant.astimezone(ZoneInfo(zone))
    return f"{local.day} {local:%b %H:%M}"


@pytest.mark.usefixtures("committed")
def test_keys_that_end_within_a_week_are_told_of_if_they_are_called(redis, cast):
    cast.acme.time_zone = "Asia/Tokyo"
    cast.acme.save()
    build.api(cast.acme)
    soon, later = timezone.now() + timedelta(days=3), timezone.now() + timedelta(days=30)
    used, _ = build.key(cast.acme, alias="used", expires_at=soon)
    idle, _ = build.key(cast.acme, alias="idle", expires_at=soon)
    lasting, _ = build.key(cast.acme, alias="lasting", expires_at=later)
    stopped, _ = build.key(cast.acme, alias="stopped", expires_at=soon, suspended=True)
    keys = (used, used, lasting, stopped)
    with scope.org(cast.acme.id), transaction.atomic():
        lifecycle.revoke(build.key(cast.acme, alias="ended", expires_at=soon)[0])
    push(
        redis,
        *({"OrgID": cast.acme.id, "APIKey": key.token_hash, "TimeStamp": ago(minutes=1)} for key in keys),
    )
    at = when(soon, "Asia/Tokyo")
    assert said(cast.acme, cast.acme_admin) == [
        Item(f"Key used expires on {at}, with 2 requests in the last 24 hours.", f"/o/acme/keys/{used.id}/")
    ]
    blind = make.user("kim@acme.example", cast.acme, {"keys": "read"})
    assert {item.url for item in said(cast.acme, blind)} == {
        f"/o/acme/keys/{key.id}/" for key in (used, idle)
    }
    assert said(cast.acme, make.user("pat@acme.example", cast.acme, {"apis": "write"})) == []


def test_of_many_keys_the_first_three_are_named(cast):
    soon = timezone.now() + timedelta(hours=1)
    build.api(cast.acme)
    for number in range(5):
        build.key(cast.acme, alias=f"key {number}", expires_at=soon + timedelta(minutes=number))
    blind = make.user("kim@acme.example", cast.acme, {"keys": "read"})
    last = when(soon + timedelta(minutes=4), "UTC")
    found = said(cast.acme, blind)
    assert [item.text.split(" expires")[0] for item in found[:3]] == ["Key key 0", "Key key 1", "Key key 2"]
    assert found[3:] == [Item(f"2 more keys expire by {last}.", "/o/acme/keys/")]
