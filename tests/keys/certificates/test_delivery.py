"""Certificates in the gateways' Redis, sealed in ours, and the sweep."""

import subprocess

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from apis.publishing import events
from keys.certificates import lifecycle, repair
from keys.models import Certificate
from orgs import scope
from orgs.models import AuditEntry
from orgs.sealing import NotOpened, seal, unseal
from tests.keys.build import deliver
from tests.keys.certificates.build import made, now, uploaded

SECRET = "a-secret-that-gateways-know-0123456789"
ALICE, SERVER = made("alice"), made("server")


@pytest.fixture(autouse=True)
def secret(settings):
    settings.GATEWAY_CERTIFICATE_SECRET = SECRET


def there(redis):
    return {name.decode(): redis.type(name).decode() for name in redis.scan_iter("cert-*")}


def test_a_certificate_lies_where_gateways_look_and_goes_when_it_is_deleted(cast, redis):
    row, id = uploaded(cast.acme, ALICE.pem), cast.acme.id + ALICE.fingerprint
    assert not row.is_delivered
    deliver(redis)
    index = f"cert-{cast.acme.id}-index"
    assert there(redis) == {f"cert-raw-{id}": "string", index: "list", f"{index}-migrated": "string"}
    assert redis.get(f"cert-raw-{id}").decode() == ALICE.pem
    assert redis.lrange(index, 0, -1) == [f"raw-{id}".encode()]
    assert now(row).is_delivered
    with scope.org(cast.acme.id):
        lifecycle.delete(row)
    deliver(redis)
    assert there(redis) == {f"{index}-migrated": "string"}
    again = uploaded(cast.acme, ALICE.pem)
    deliver(redis)
    assert redis.lrange(index, 0, -1) == [f"raw-{id}".encode()]
    assert (again.id != row.id, now(row).state(again.created_at)) == (True, "deleted")


def test_a_private_key_lies_sealed_here_and_encrypted_there(cast, redis):
    row = uploaded(cast.acme, SERVER.pem + SERVER.key_pem)
    deliver(redis)
    text = redis.get(f"cert-raw-{row.served_id}").decode()
    certificate, _, block = text.partition("\n-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    assert certificate == SERVER.pem
    opened = subprocess.run(
        ["openssl", "ec", "-passin", f"pass:{SECRET}"],
        input=f"-----BEGIN EC PRIVATE KEY-----\n{block}".replace("ENCRYPTED PRIVATE KEY", "EC PRIVATE KEY"),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert load_pem_private_key(opened.encode(), None).private_numbers() == SERVER.key.private_numbers()
    with scope.org(cast.acme.id):
        stored = Certificate.objects.get(id=row.id)
        assert unseal(stored, "sealed_key") not in bytes(stored.sealed_key)
        assert "PRIVATE" not in stored.pem
        moved = Certificate(id=row.id, org_id=cast.globex.id, sealed_key=stored.sealed_key)
        with pytest.raises(NotOpened):
            unseal(moved, "sealed_key")
        said = str(list(AuditEntry.objects.filter(kind="certificate").values("label", "changes")))
    assert "BEGIN" not in said


def test_without_a_secret_for_gateways_a_private_key_waits_and_the_sweep_brings_it_later(
    cast, redis, settings
):
    settings.GATEWAY_CERTIFICATE_SECRET = ""
    row = uploaded(cast.acme, SERVER.pem + SERVER.key_pem)
    deliver(redis)
    assert (there(redis), now(row).is_delivered) == ({}, False)
    settings.GATEWAY_CERTIFICATE_SECRET = SECRET
    repair.step(redis)
    assert (redis.exists(f"cert-raw-{row.served_id}"), now(row).is_delivered) == (1, True)


def test_the_sweep_puts_right_what_is_missing_altered_or_deleted_and_writes_nothing_else(cast, redis):
    rows = [uploaded(cast.acme, SERVER.pem + SERVER.key_pem), uploaded(cast.globex, ALICE.pem)]
    gone = uploaded(cast.acme, made("gone").pem)
    with scope.org(cast.acme.id):
        lifecycle.delete(gone)
    deliver(redis)
    right = {name: redis.dump(name) for name in there(redis)}
    with scope.every_org():
        assert repair.look([*rows, gone], redis) == 0
    redis.delete(f"cert-raw-{rows[0].served_id}", f"cert-{cast.globex.id}-index")
    redis.set(f"cert-raw-{rows[1].served_id}", "-----BEGIN CERTIFICATE-----")
    redis.set(f"cert-raw-{gone.served_id}", "back")
    repair.step(redis)
    assert {name: redis.dump(name) for name in there(redis)} == right


def test_a_sealed_key_that_does_not_open_leaves_gateways_what_they_have(cast, redis, settings):
    row = uploaded(cast.acme, SERVER.pem + SERVER.key_pem)
    deliver(redis)
    before = redis.get(f"cert-raw-{row.served_id}")
    settings.SEALING_KEY, settings.SEALING_KEY_FALLBACKS = "another-key-of-thirty-two-letters-0", []
    repair.step(redis)
    assert redis.get(f"cert-raw-{row.served_id}") == before


def test_they_end_with_their_organisation(cast, redis):
    row = uploaded(cast.acme, SERVER.pem + SERVER.key_pem)
    uploaded(cast.globex, ALICE.pem)
    deliver(redis)
    with scope.org(cast.acme.id):
        events.apis_departing.send(None, organisation=cast.acme)
    deliver(redis)
    assert redis.keys("cert-raw-*") == [f"cert-raw-{cast.globex.id}{ALICE.fingerprint}".encode()]
    assert now(row).sealed_key is None


def test_sealed_values_of_two_rows_cannot_be_swapped(cast):
    one, two = Certificate(org_id=cast.acme.id), Certificate(org_id=cast.acme.id)
    seal(one, "sealed_key", b"one")
    two.sealed_key = one.sealed_key
    with pytest.raises(NotOpened):
        unseal(two, "sealed_key")
