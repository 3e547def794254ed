"""Sealing anew what former keys sealed."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from keys.models import Key
from orgs import scope
from orgs.db import resealing
from orgs.sealing import NotOpened, seal, unseal

FIELD = "sealed_secrets"
LOST = "a key that nobody has any more, 0123456789abcdef"
OLD = "the former key of this installation, 0123456789"
NEW = "the newest key of this installation, 9876543210"


@pytest.fixture
def resealed(settings):
    """Puts the newest key in the place of the former one and seals anew."""

    def run():
        settings.SEALING_KEY, settings.SEALING_KEY_FALLBACKS = NEW, [OLD]
        out = StringIO()
        call_command("reseal", stdout=out)
        settings.SEALING_KEY_FALLBACKS = []
        return out.getvalue().splitlines()

    settings.SEALING_KEY, settings.SEALING_KEY_FALLBACKS = OLD, []
    return run


def key(org, plain, number):
    with scope.org(org.id):
        made = Key(org_id=org.id, token_hash=f"{number:064x}", cache_key=f"{number:016x}")
        seal(made, FIELD, plain)
        made.save()
        return made


def opened(*keys):
    with scope.every_org():
        return [unseal(Key.objects.get(id=each.id), FIELD) for each in keys]


def test_every_column_of_sealed_values_is_known():
    assert {(model.__name__, field) for model, field in resealing.sealed_columns()} == {
        ("Key", "sealed_secrets"),
        ("OAuthClient", "sealed_secret"),
        ("Certificate", "sealed_key"),
        ("GatewayControl", "sealed_secret"),
        ("Rule", "sealed_secret"),
    }


def test_what_is_sealed_opens_with_the_newest_key_alone_afterwards(cast, resealed, monkeypatch):
    monkeypatch.setattr(resealing, "_AT_ONCE", 2)
    keys = [
        key(org, f"{org.slug} {number}".encode(), number)
        for org in (cast.acme, cast.globex)
        for number in range(3)
    ]
    none = key(cast.acme, None, 9)
    lines = resealed()
    assert "keys_key.sealed_secrets: 6 sealed anew" in lines
    expected = [f"{slug} {number}".encode() for slug in ("acme", "globex") for number in range(3)]
    assert (opened(*keys), opened(none)) == (expected, [None])
    assert "keys_key.sealed_secrets: 0 sealed anew" in resealed()


def test_what_does_not_open_is_named_and_left_and_the_rest_goes_on(cast, resealed, settings):
    settings.SEALING_KEY = LOST
    lost = key(cast.acme, b"lost", 1)
    settings.SEALING_KEY = OLD
    kept = key(cast.globex, b"kept", 2)
    before = bytes(lost.sealed_secrets)
    with pytest.raises(CommandError, match=r"^1 values do not open"):
        resealed()
    settings.SEALING_KEY_FALLBACKS = []
    assert opened(kept) == [b"kept"]
    with scope.every_org():
        assert bytes(Key.objects.get(id=lost.id).sealed_secrets) == before
    with pytest.raises(NotOpened):
        opened(lost)


def test_what_somebody_changes_meanwhile_is_his(cast, resealed, settings, monkeypatch):
    made = key(cast.acme, b"before", 1)

    def slow(row, field):
        plain = unseal(row, field)
        with scope.org(row.org_id):
            other = Key.objects.get(id=row.id)
            seal(other, field, b"his")
            other.save()
        return plain

    monkeypatch.setattr(resealing, "unseal", slow)
    assert "keys_key.sealed_secrets: 0 sealed anew" in resealed()
    assert opened(made) == [b"his"]
