"""Starts and ends of gateways on the time axes of charts."""

from datetime import UTC, datetime, timedelta

from dashboard.nodes import registry
from dashboard.nodes.joining import marks
from dashboard.nodes.models import FormerNode
from orgs.providers.marks import Axis
from tests import make

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)


def node(session: str, hostname: str = "") -> registry.Caller:
    return registry.Caller(session, "", "", hostname, "10.0.0.1")


def said(org, person, minutes: int = 60) -> list[tuple[datetime, str]]:
    axis = Axis(tuple(at(10 * number) for number in range(minutes // 10 + 1)))
    return [(mark.at, mark.text) for mark in marks.starts(org, person, axis)]


def test_starts_and_ends_of_gateways_are_told_and_those_of_one_bucket_together(cast):
    registry.register(node("a1", "eu-1"), at(-30))
    registry.register(node("b1", "eu-2"), at(3))
    registry.forget(node("a1"), at(11))
    registry.register(node("a2", "eu-1"), at(12))
    registry.forget(node("b1"), at(25))
    for number in range(3):
        registry.register(node(f"c{number}", f"us-{number}"), at(40 + number))
    registry.register(node("late", "eu-9"), at(60))
    assert said(cast.acme, cast.acme_admin) == [
        (at(40), "Gateways: 3 started"),
        (at(25), "Gateway eu-2 ended"),
        (at(11), "Gateway eu-1 restarted"),
        (at(3), "Gateway eu-2 started"),
    ]
    reader = make.user("una@acme.example", cast.acme, {"analytics": "read"})
    assert said(cast.acme, reader) == []


def test_gateways_that_ended_a_month_ago_are_forgotten_when_another_ends(cast):
    for name, ended in (("old", 0), ("new", 60 * 24 * 32)):
        registry.register(node(name, name), at(-1))
        registry.forget(node(name), at(ended))
    assert list(FormerNode.objects.values_list("hostname", flat=True)) == ["new"]
