"""Secrets that have to be given back."""

import itertools

import pytest

from keys.models import Key
from orgs import scope
from orgs.ids import new_id
from orgs.sealing import NotOpened, is_current, seal, unseal

FIELD = "sealed_secrets"
OLD, NEW = (
    "the former key of this installation, 0123456789",
    "the newest key of this installation, 9876543210",
)


def row(org_id: str = "", plain: bytes | None = b"top secret") -> Key:
    made = Key(id=new_id(), org_id=org_id or new_id())
    seal(made, FIELD, plain)
    return made


def test_what_was_sealed_is_given_back_and_cannot_be_read_in_the_column():
    for plain in (b"", b"top secret", bytes(range(256)) * 100):
        sealed = row(plain=plain)
        assert unseal(sealed, FIELD) == plain
        assert plain == b"" or plain not in sealed.sealed_secrets
    assert (row(plain=None).sealed_secrets, unseal(row(plain=None), FIELD)) == (None, None)


def test_the_same_is_sealed_otherwise_each_time():
    one = row()
    before = one.sealed_secrets
    seal(one, FIELD, b"top secret")
    assert before != one.sealed_secrets


def test_a_value_opens_in_its_own_row_and_organisation_alone():
    rows = [row(plain=str(number).encode()) for number in range(8)]
    for one, other in itertools.permutations(rows, 2):
        moved = Key(id=other.id, org_id=other.org_id, sealed_secrets=one.sealed_secrets)
        with pytest.raises(NotOpened):
            unseal(moved, FIELD)
    [one, *_] = rows
    for other in (Key(id=one.id, org_id=new_id()), Key(id=new_id(), org_id=one.org_id)):
        other.sealed_secrets = one.sealed_secrets
        with pytest.raises(NotOpened):
            unseal(other, FIELD)


def test_a_value_opens_in_its_own_field_alone():
    one = row()
    one.form_token = one.sealed_secrets
    with pytest.raises(NotOpened):
        unseal(one, "form_token")


@pytest.mark.parametrize("place", [0, 1, 9, 21, -1])
def test_an_altered_value_does_not_open(place):
    one = row()
    altered = bytearray(one.sealed_secrets)
    altered[place] ^= 1
    one.sealed_secrets = bytes(altered)
    with pytest.raises(NotOpened):
        unseal(one, FIELD)


@pytest.mark.parametrize("length", [0, 1, 8, 9, 20, 21, 36])
def test_a_cut_value_does_not_open(length):
    one = row()
    one.sealed_secrets = one.sealed_secrets[:length]
    with pytest.raises(NotOpened):
        unseal(one, FIELD)


def test_a_former_key_opens_while_it_is_named_and_the_newest_seals(settings):
    settings.SEALING_KEY, settings.SEALING_KEY_FALLBACKS = OLD, []
    one = row()
    settings.SEALING_KEY, settings.SEALING_KEY_FALLBACKS = NEW, [OLD]
    assert (unseal(one, FIELD), is_current(one.sealed_secrets), is_current(row().sealed_secrets)) == (
        b"top secret",
        False,
        True,
    )
    settings.SEALING_KEY_FALLBACKS = []
    with pytest.raises(NotOpened):
        unseal(one, FIELD)


def test_a_column_comes_back_from_the_database_as_it_was_sealed(cast):
    one = Key(org_id=cast.acme.id, token_hash="0" * 64, cache_key="0" * 16)
    seal(one, FIELD, b"top secret")
    with scope.org(cast.acme.id):
        one.save()
        assert unseal(Key.objects.get(id=one.id), FIELD) == b"top secret"
