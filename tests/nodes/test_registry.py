"""Which row is meant by what a node says of itself, and what becomes of it."""

from datetime import UTC, datetime, timedelta

import pytest

from dashboard.nodes import registry
from dashboard.nodes.models import Node
from dashboard.nodes.registry import Caller

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def caller(session="", node="", nonce="", hostname="", address=None) -> Caller:
    return Caller(session, node, nonce, hostname, address)


def facts(session: str) -> dict:
    names = ("node_id", "hostname", "address", "last_ping_at", "last_beat_at", "last_pull_at")
    names = (*names, "served_version", "asked_at", "refused_at")
    return Node.objects.values(*names).get(session_id=session)


def test_a_session_that_registers_has_a_row_of_its_own_with_all_that_was_said():
    node = registry.register(caller("s", "ignored", "ignored", "edge-1", "10.0.0.7"), NOW)
    assert node.node_id not in ("", "ignored")
    assert node.nonce not in ("", "ignored")
    assert facts("s") == {
        "node_id": node.node_id,
        "hostname": "edge-1",
        "address": "10.0.0.7",
        "last_ping_at": NOW,
        "last_beat_at": NOW,
        "last_pull_at": None,
        "served_version": None,
        "asked_at": None,
        "refused_at": None,
    }


def test_no_two_sessions_have_the_same_id_or_nonce():
    nodes = [registry.register(caller(f"s{number}"), NOW) for number in range(20)]
    assert len({node.node_id for node in nodes}) == len({node.nonce for node in nodes}) == 20
    assert Node.objects.count() == 20


def test_a_known_session_is_refused_and_asked_for_a_reload_anew():
    first = registry.register(caller("s"), NOW)
    other = registry.register(caller("other"), NOW)
    Node.objects.update(asked_at=at(1))
    assert registry.register(caller("s"), at(5)) is None
    again = facts("s")
    assert (again["node_id"], again["refused_at"], again["asked_at"]) == (first.node_id, at(5), None)
    untouched = facts("other")
    assert (untouched["node_id"], untouched["refused_at"], untouched["asked_at"]) == (
        other.node_id,
        None,
        at(1),
    )


def test_a_ping_tells_that_a_node_lives_and_a_soon_one_that_it_beats():
    node = registry.register(caller("s", hostname="edge-1", address="10.0.0.7"), NOW)
    said = caller("s", node.node_id, node.nonce, "edge-2", "10.0.0.8")
    assert registry.ping(said, at(2)) == node.nonce
    assert registry.ping(said, at(12)) == node.nonce
    after = facts("s")
    assert (after["last_ping_at"], after["last_beat_at"]) == (at(12), at(2))
    assert (after["hostname"], after["address"]) == ("edge-2", "10.0.0.8")
    assert registry.ping(caller("s"), at(13)) == node.nonce
    silent = facts("s")
    assert (silent["node_id"], silent["hostname"], silent["address"]) == (node.node_id, "edge-2", None)


def test_a_ping_of_nobody_known_is_a_node_from_then_on():
    nonce = registry.ping(caller("late", "its-own", "its-nonce", "edge-3"), NOW)
    assert nonce != "its-nonce"
    assert (facts("late")["node_id"], facts("late")["hostname"]) == ("its-own", "edge-3")
    assert registry.ping(caller("late", "its-own"), at(2)) == nonce
    assert Node.objects.count() == 1


def test_who_says_nothing_of_itself_is_given_back_its_nonce_or_any():
    assert registry.ping(caller(nonce="mine"), NOW) == "mine"
    assert registry.pull(caller(nonce="mine"), NOW, 3) == "mine"
    assert registry.forget(caller(nonce="mine"), NOW) == "mine"
    strange = [
        call(caller()) for call in (lambda c: registry.forget(c, NOW), lambda c: registry.pull(c, NOW))
    ]
    assert [len(nonce) for nonce in strange] == [32, 32]
    assert strange[0] != strange[1]
    assert Node.objects.count() == 0


def test_a_pull_of_the_feed_ends_what_was_asked_and_one_of_something_else_does_not():
    node = registry.register(caller("s"), NOW)
    Node.objects.update(asked_at=at(1))
    assert registry.pull(caller("s"), at(2)) == node.nonce
    before = facts("s")
    assert (before["last_pull_at"], before["served_version"], before["asked_at"]) == (None, None, at(1))
    assert registry.pull(caller("s"), at(3), 0) == node.nonce
    after = facts("s")
    assert (after["last_pull_at"], after["served_version"], after["asked_at"]) == (at(3), 0, None)


def test_a_pull_without_a_session_is_of_the_node_of_that_id_that_was_heard_last_and_takes_nobody_in():
    for session, seconds in (("old", 0), ("new", 60), ("other", 90)):
        registry.ping(caller(session, "shared" if session != "other" else "else"), at(seconds))
    registry.pull(caller(node="shared"), at(100), 9)
    served = {session: facts(session)["served_version"] for session in ("old", "new", "other")}
    assert served == {"old": None, "new": 9, "other": None}
    assert registry.pull(caller(node="unknown", nonce="mine"), at(101), 9) == "mine"
    assert Node.objects.count() == 3


def test_a_pull_of_an_unknown_session_is_a_node_from_then_on():
    nonce = registry.pull(caller("s", "its-own"), NOW, 4)
    after = facts("s")
    assert (after["node_id"], after["served_version"], after["last_pull_at"]) == ("its-own", 4, NOW)
    assert registry.ping(caller("s"), at(1)) == nonce


def test_a_node_that_says_goodbye_is_gone_and_no_other():
    node = registry.register(caller("s"), NOW)
    registry.register(caller("other"), NOW)
    assert registry.forget(caller("s", nonce="another"), NOW) == node.nonce
    assert list(Node.objects.values_list("session_id", flat=True)) == ["other"]
    assert registry.forget(caller("s", nonce="mine"), NOW) == "mine"


def test_a_session_counts_before_the_id_of_a_node():
    registry.ping(caller("one", "same"), NOW)
    registry.ping(caller("two", "same"), at(1))
    registry.pull(caller("one", "same"), at(2), 5)
    assert (facts("one")["served_version"], facts("two")["served_version"]) == (5, None)
