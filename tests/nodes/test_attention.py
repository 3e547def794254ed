"""Gateways that need a hand are on the home page of whoever may see them."""

from datetime import timedelta

from django.utils import timezone

from apis.models import FeedVersion
from dashboard.nodes import attention
from dashboard.nodes.models import Node
from orgs.providers.attention import Item
from tests import make

NOW = timezone.now()


def node(name: str, *, ping: float = 1, asked: float | None = None) -> None:
    heard = NOW - timedelta(seconds=ping)
    Node.objects.create(
        session_id=name,
        node_id=name,
        nonce="n",
        hostname=name,
        last_ping_at=heard,
        last_beat_at=heard,
        last_pull_at=NOW - timedelta(minutes=5),
        served_version=FeedVersion.objects.get().number,
        asked_at=None if asked is None else NOW - timedelta(seconds=asked),
    )


def said(cast, **granted: str) -> list[Item]:
    person = make.user(f"{len(granted)}@acme.example", cast.acme, granted)
    return list(attention.items(cast.acme, person, NOW))


def test_gateways_that_work_pull_or_are_long_gone_need_no_hand(cast):
    node("well")
    node("pulling", asked=3)
    node("gone", ping=700)
    assert said(cast, system="read") == []


def test_one_that_is_stuck_and_two_that_are_silent_are_told_of(cast):
    node("stuck", asked=40)
    node("silent-1", ping=60)
    node("silent-2", ping=90)
    assert said(cast, system="read") == [
        Item("1 gateway loads no changes any more: restart it.", "/o/acme/nodes/", bad=True),
        Item("2 gateways no longer answer.", "/o/acme/nodes/"),
    ]


def test_who_may_not_see_gateways_is_not_told(cast):
    node("stuck", asked=40)
    assert said(cast, apis="write", keys="write", analytics="read") == []
