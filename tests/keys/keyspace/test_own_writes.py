import pytest

from keys.keyspace import own_writes


@pytest.fixture(autouse=True)
def forgotten():
    own_writes._written.clear()


def test_what_was_written_here_is_known_once_and_nothing_else_is():
    own_writes.remember("apikey-a", b"{}")
    own_writes.remember("apikey-b", None)
    own_writes.remember("apikey-c", b"{}")
    asked = [
        ("apikey-a", b"{}"),
        ("apikey-a", b"{}"),
        ("apikey-b", None),
        ("apikey-c", b"[]"),
        ("apikey-d", None),
    ]
    assert [own_writes.recall(*each) for each in asked] == [True, False, True, False, False]


def test_of_very_many_the_newest_are_remembered(monkeypatch):
    monkeypatch.setattr(own_writes, "MOST", 2)
    for name in ("a", "b", "a", "c"):
        own_writes.remember(name, b"")
    assert [own_writes.recall(name, b"") for name in ("a", "b", "c")] == [True, False, True]
