"""Kinds of message are named by the apps that deliver them."""

import pytest

from apis.gateways import kinds


def test_the_apps_register_their_own_and_what_ends_an_access_goes_first():
    assert {kinds.get(name).name: kinds.get(name).urgency for name in kinds.names()} == {
        "key": kinds.SOON,
        "key-again": kinds.LATER,
        "key-check": kinds.SOON,
        "key-removed": kinds.FIRST,
        "key-suspended": kinds.FIRST,
        "reload": kinds.FIRST,
    }
    assert kinds.names(kinds.LATER) == ["key-again"]


def test_a_kind_is_registered_by_one_app(monkeypatch):
    monkeypatch.setattr(kinds, "_registered", {})
    kinds.register("a", print, urgency=kinds.FIRST)
    kinds.register("a", print, urgency=kinds.FIRST)
    with pytest.raises(ValueError, match=r"^two apps deliver messages of kind 'a'$"):
        kinds.register("a", repr, urgency=kinds.FIRST)
