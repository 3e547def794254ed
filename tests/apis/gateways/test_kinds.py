"""Kinds of message are named by the apps that deliver them."""

import pytest

from apis.gateways import kinds


def test_the_apps_register_their_own_and_what_ends_an_access_goes_first():
    assert {kinds.get(name).name: kinds.get(name).urgency for name in kinds.names()} == {
        "certificate": kinds.SOON,
        "key": kinds.SOON,
        "key-again": kinds.LATER,
        "key-bulk": kinds.LATER,
        "key-check": kinds.LAST,
        "key-generation-ends": kinds.FIRST,
        "key-removed": kinds.FIRST,
        "key-suspended": kinds.FIRST,
        "oauth-client": kinds.SOON,
        "oauth-client-check": kinds.LAST,
        "oauth-client-ended": kinds.FIRST,
        "org-key": kinds.FIRST,
        "org-key-check": kinds.LAST,
        "reload": kinds.FIRST,
        "responses-dropped": kinds.LATER,
        "session-ended": kinds.FIRST,
        "session-ended-check": kinds.LAST,
    }


def test_a_kind_is_registered_by_one_app(monkeypatch):
    monkeypatch.setattr(kinds, "_registered", {})
    kinds.register("a", print, urgency=kinds.FIRST)
    kinds.register("a", print, urgency=kinds.FIRST)
    with pytest.raises(ValueError, match=r"^two apps deliver messages of kind 'a'$"):
        kinds.register("a", repr, urgency=kinds.FIRST)


def test_kinds_are_named_in_the_order_of_their_letters_whoever_came_first(monkeypatch):
    monkeypatch.setattr(kinds, "_registered", {})
    for name, urgency in (("b", kinds.FIRST), ("c", kinds.LATER), ("a", kinds.FIRST), ("d", kinds.SOON)):
        kinds.register(name, print, urgency=urgency, rests=2)
    assert kinds.names() == ["a", "b", "c", "d"]
    assert [kinds.names(urgency) for urgency in (kinds.FIRST, kinds.SOON, kinds.LATER)] == [
        ["a", "b"],
        ["d"],
        ["c"],
    ]
    assert kinds.get("a") == kinds.Kind("a", print, kinds.FIRST, 2)
    with pytest.raises(KeyError):
        kinds.get("e")
    # Registered again by the same app, it goes by what was said last.
    kinds.register("a", print, urgency=kinds.LATER)
    assert kinds.get("a") == kinds.Kind("a", print, kinds.LATER, 0)


def test_what_is_more_urgent_has_the_smaller_number():
    assert kinds.FIRST < kinds.SOON < kinds.LATER < kinds.LAST
