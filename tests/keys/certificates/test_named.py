"""Keys that name certificates: made from one, bound to some, signing with a public key; by every door."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import transaction
from django.test import override_settings

from apis.publishing import publish
from keys.adoption import lifecycle as adoption
from keys.certificates import lifecycle, uses
from keys.certificates.named import NEEDED, NOT_GIVEN, NOT_OWN, STAYS
from keys.credentials import exposure
from keys.credentials.naming import FOUND
from keys.keys import lifecycle as keys
from keys.keys import token as tokens
from keys.keys.lifecycle import KeySpec, spec_of
from keys.keys.session import Right
from keys.models import Certificate, Key, KeyCertificate
from orgs import scope
from tests import make
from tests.concurrency import second_of_two
from tests.keys import build
from tests.keys.adoption import build as sessions
from tests.keys.certificates.build import made, now, uploaded
from tests.keys.keys.test_rest import body, error, only_key, rows, send
from tests.keys.policies import build as policies

ALICE, BOB, THEIRS, OLD = made("alice"), made("bob"), made("theirs"), made("old", end=90)
RSA = rsa.generate_private_key(65537, 2048).public_key()
RSA_PEM = RSA.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
ASKING = {"auth": {"auth_header_name": "Authorization", "use_certificate": True}}
NEW = "/o/acme/keys/new/"
NOW = datetime.now(UTC)
ONE = ("certificate", "rsa_certificate_id")


@pytest.fixture
def acme(cast, rest):
    return rest(cast.acme_admin)


@pytest.fixture
def api(cast):
    """An API that asks for a client certificate in place of the token."""
    return build.api(cast.acme, "Guarded", **ASKING)


@pytest.fixture
def alice(cast):
    return uploaded(cast.acme, ALICE.pem)


def expire(certificate):
    with scope.every_org():
        Certificate.objects.filter(id=certificate.id).update(not_after=NOW - timedelta(hours=1))


@pytest.mark.parametrize("function", ["sha256", "legacy", "murmur64"])
def test_a_key_from_a_certificate_lies_where_gateways_look_and_says_the_certificate(
    acme, api, alice, redis, function
):
    with override_settings(GATEWAY_HASH_KEY_FUNCTION=function):
        answer = send(acme, "post", "/api/keys", body(api, certificate=alice.served_id)).json()
    token = tokens.token_of(alice.org_id, ALICE.fingerprint, function)
    row, ends = only_key(alice.org), int(alice.not_after.timestamp())
    assert (answer["key_id"], answer["data"]["certificate"], answer["data"]["expires"]) == (
        token,
        alice.served_id,
        ends,
    )
    assert (row.credential, row.token_hash, row.cache_key, row.short_cache_key, row.sealed_secrets) == (
        "certificate",
        tokens.hashed(token, function),
        tokens.cache_key(token),
        tokens.cache_key(ALICE.fingerprint),
        None,
    )
    build.deliver(redis)
    stored = build.stored(redis, row)
    assert [stored[name] for name in ("certificate", "expires", "org_id", "is_inactive")] == [
        alice.served_id,
        ends,
        alice.org_id,
        False,
    ]
    assert stored["access_rights"].keys() == {api.api_id}


def _foreign(cast):
    """What no member may name, by what is said of it."""
    theirs, old = uploaded(cast.globex, THEIRS.pem), uploaded(cast.acme, OLD.pem)
    public = uploaded(cast.acme, RSA_PEM)
    expire(old)
    own = uploaded(cast.acme, BOB.pem)
    strange = [
        theirs.served_id,
        cast.acme.id + theirs.fingerprint,
        theirs.fingerprint,
        cast.acme.id + "0" * 64,
        own.served_id.upper(),
        own.fingerprint,
        f" {own.served_id}",
        f"{own.served_id},{own.served_id}",
        "/etc/passwd",
        BOB.public_pem,
        cast.acme.id,
        "é",
    ]
    return strange, old.served_id, public.served_id, own.served_id


@pytest.mark.parametrize("member", [*ONE, "mtls_static_certificate_bindings"])
def test_no_door_takes_a_certificate_that_is_not_the_organisations_own(cast, acme, api, redis, member):
    alice = uploaded(cast.acme, ALICE.pem)
    strange, old, public, own = _foreign(cast)
    token_key, _ = build.key(cast.acme, api)
    before = build.again(token_key)
    named = dict.fromkeys(strange, NOT_OWN)
    if member == "rsa_certificate_id":
        named[own] = "Must be a public key (RSA): gateways read none from a certificate."
    else:
        named |= {old: "The certificate has expired."}
        words = (
            "a certificate, not a public key" if member == "certificate" else "certificates, not public keys"
        )
        named[public] = f"Must be {words}."
    for id, says in named.items():
        value = id if member in ONE else [alice.served_id, id]
        wanted = (400, f"{member}: {says}")
        sent = body(api, **{member: value})
        for path in ("/api/keys", "/api/keys/preview"):
            assert error(send(acme, "post", path, sent)) == wanted, (path, id)
        if member == "certificate":
            wanted = (400, f"certificate: {NOT_GIVEN}")
        assert error(send(acme, "put", f"/api/keys/{token_key.token_hash}", sent)) == wanted
    for wrong in (5, ["x"], {"a": "x"}) if member in ONE else ("x", [5], {}):
        answer = send(acme, "post", "/api/keys", body(api, **{member: wrong}))
        assert answer.status_code == 400, wrong
    build.deliver(redis)
    assert (rows(Key, KeyCertificate), build.again(token_key).change_number) == ([1, 0], before.change_number)
    assert redis.keys("apikey-*") == [f"apikey-{token_key.token_hash}".encode()]


def test_bindings_and_a_public_key_are_kept_given_back_delivered_and_known(cast, acme, alice, redis):
    api, bob, public = build.api(cast.acme), uploaded(cast.acme, BOB.pem), uploaded(cast.acme, RSA_PEM)
    said = {
        "mtls_static_certificate_bindings": [alice.served_id, bob.served_id],
        "rsa_certificate_id": public.served_id,
        "enable_http_signature_validation": True,
    }
    answer = send(acme, "post", "/api/keys", body(api, **said)).json()
    row = only_key(cast.acme)
    build.deliver(redis)
    read = acme.get(f"/api/keys/{row.token_hash}").json()["data"]
    for session in (answer["data"], read, build.stored(redis, row)):
        assert {name: session[name] for name in said} == said
    assert row.credential == "hmac"
    with scope.org(cast.acme.id):
        assert [list(uses.keys(each)) for each in (alice, bob, public)] == [[row]] * 3
    read["mtls_static_certificate_bindings"] = [bob.served_id]
    assert send(acme, "put", f"/api/keys/{row.token_hash}", read).status_code == 200
    with scope.org(cast.acme.id):
        assert [list(uses.keys(each)) for each in (alice, bob, public)] == [[], [row], [row]]
    read |= dict.fromkeys(said) | {"enable_http_signature_validation": False}
    assert send(acme, "put", f"/api/keys/{row.token_hash}", read).status_code == 200
    with scope.org(cast.acme.id):
        assert [list(uses.keys(each)) for each in (alice, bob, public)] == [[]] * 3


def test_one_certificate_has_one_key_in_an_organisation_and_another_in_another(cast, acme, rest, api, alice):
    sent = body(api, certificate=alice.served_id)
    first = send(acme, "post", "/api/keys", sent).json()
    says = f"Failed to create key - Key with given certificate already found:{first['key_id']}"
    assert error(send(acme, "post", "/api/keys", sent)) == (409, says)
    other, theirs = build.api(cast.globex, **ASKING), uploaded(cast.globex, ALICE.pem)
    globex = rest(cast.globex_admin)
    second = send(globex, "post", "/api/keys", body(other, certificate=theirs.served_id)).json()
    assert first["key_hash"] != second["key_hash"]
    for client, own, strange in ((acme, first, second), (globex, second, first)):
        read = [client.get(f"/api/keys/{each['key_hash']}").status_code for each in (own, strange)]
        assert read == [200, 404]
        assert client.get(f"/api/keys/{ALICE.fingerprint}").json()["key_hash"] == own["key_hash"]
    # An id that somebody chose would be answered with these sessions in gateways' caches.
    assert send(acme, "post", f"/api/keys/{ALICE.fingerprint}", body(api)).status_code == 409
    assert acme.delete(f"/api/keys/{first['key_hash']}").status_code == 200
    assert send(acme, "post", "/api/keys", sent).json()["key_hash"] == first["key_hash"]


@pytest.mark.parametrize(
    "members",
    [
        {"basic_auth_data": {"password": "long enough"}},
        {"hmac_enabled": True},
        {"jwt_data": {"secret": "s"}},
    ],
)
def test_a_key_from_a_certificate_has_neither_secret_nor_id_of_its_own(acme, api, alice, members):
    sent = body(api, certificate=alice.served_id)
    says = (400, "certificate: A key for a certificate has neither an id of its own nor a secret.")
    assert error(send(acme, "post", "/api/keys", sent | members)) == says
    assert error(send(acme, "post", "/api/keys/of-my-own-choice-1", sent)) == says
    assert rows(Key) == [0]


def test_it_opens_nothing_that_its_fingerprint_alone_would_open(cast, acme, api, alice, redis):
    plain = build.api(cast.acme, "Plain")
    says = "does not ask for a client certificate: whoever knows its fingerprint alone could call it. " + (
        "A key for a client certificate may open only APIs whose token it takes the place of (use_certificate)."
    )
    refused = (400, f"access_rights: API {plain.api_id!r} {says}")
    assert error(send(acme, "post", "/api/keys", body(plain, certificate=alice.served_id))) == refused
    gold = policies.policy(cast.acme, plain)
    by_policy = {"apply_policies": [gold.id], "certificate": alice.served_id}
    refused = (400, f"apply_policies: API {plain.api_id!r}, which a policy opens, {says}")
    assert error(send(acme, "post", "/api/keys", by_policy)) == refused
    every = send(acme, "post", "/api/keys", {"all_apis": True, "certificate": alice.served_id})
    assert list(every.json()["data"]["access_rights"]) == [api.api_id]
    build.deliver(redis)
    row = only_key(cast.acme)
    assert build.stored(redis, row)["access_rights"].keys() == {api.api_id}
    with scope.org(cast.acme.id), transaction.atomic():
        publish.change(api, api.definition | {"auth": {"use_certificate": False}}, author=None)
    build.deliver(redis)
    assert build.stored(redis, row) is None


def test_a_key_stays_with_its_certificate_and_ends_when_that_does(cast, acme, api, alice, redis):
    bob = uploaded(cast.acme, BOB.pem)
    late, soon = int(NOW.timestamp()) + 900 * 86_400, int(NOW.timestamp()) + 86_400
    send(acme, "post", "/api/keys", body(api, certificate=alice.served_id, expires=late))
    row = only_key(cast.acme)
    assert row.expires_at == alice.not_after
    path, read = (
        f"/api/keys/{row.token_hash}",
        acme.get(f"/api/keys/{row.token_hash}").json()["data"],
    )
    for other, says in ((bob.served_id, STAYS), ("", NEEDED), (None, NEEDED)):
        assert error(send(acme, "put", path, read | {"certificate": other})) == (400, f"certificate: {says}")
    for expires, kept in (
        (late, alice.not_after),
        (soon, datetime.fromtimestamp(soon, UTC)),
        (0, alice.not_after),
    ):
        assert send(acme, "put", path, read | {"expires": expires}).status_code == 200
        assert build.again(row).expires_at == kept
    # What it has may have expired since; nothing else of it is lost by that.
    expire(alice)
    assert send(acme, "put", path, read | {"alias": "renamed"}).status_code == 200
    assert build.again(row).state() == "expired"


def test_a_certificate_that_a_living_key_names_is_not_deleted(cast, acme, client_for, api, alice):
    send(acme, "post", "/api/keys", body(api, certificate=alice.served_id, alias="Partner"))
    row, page = only_key(cast.acme), f"/o/acme/certificates/{alice.id}/"
    ada = client_for(cast.acme_admin)
    says = "This certificate is in use by the key Partner. Take it out there, or revoke the key, first."
    assert error(acme.delete(f"/api/certs/{alice.served_id}")) == (409, says)
    assert f'Key <a href="/o/acme/keys/{row.id}/">Partner</a>' in ada.get(page).content.decode()
    asked = ada.get(f"{page}deletion/").content.decode()
    assert ("Partner" in asked, "Delete certificate</button>" in asked) == (True, False)
    assert ada.post(f"{page}deletion/").status_code == 409
    assert acme.delete(f"/api/keys/{row.token_hash}").status_code == 200
    assert ada.post(f"{page}deletion/").status_code == 302
    assert now(alice).deleted_at is not None
    # Its history still says what it was made from.
    assert "alice" in ada.get(f"/o/acme/keys/{row.id}/").content.decode()
    assert error(send(acme, "post", "/api/keys", body(api, certificate=alice.served_id))) == (
        400,
        f"certificate: {NOT_OWN}",
    )


def test_a_certificate_that_goes_while_a_key_is_made_from_it_is_refused(cast, committed):
    alice, api = uploaded(cast.acme, ALICE.pem), build.api(cast.acme, "Guarded", **ASKING)
    spec = KeySpec(rights=(Right(api.api_id),), session_extra={"certificate": alice.served_id})
    refused = second_of_two(
        cast.acme.id,
        lambda: lifecycle.delete(alice),
        lambda: keys.create(cast.acme.id, spec, created_by="test"),
    )
    assert (refused.field, refused.message) == ("certificate", NOT_OWN)


def test_it_is_found_by_its_certificate(cast, acme, client_for, api, alice):
    send(acme, "post", "/api/keys", body(api, certificate=alice.served_id))
    ada, there = client_for(cast.acme_admin), f"/o/acme/keys/{only_key(cast.acme).id}/"
    asked = (alice.served_id, ALICE.fingerprint, tokens.token_of(cast.acme.id, ALICE.fingerprint, "sha256"))
    assert [ada.post("/o/acme/keys/search/", {"q": text})["Location"] for text in asked] == [there] * 3


def test_the_form_makes_a_key_from_one_that_is_chosen_or_pasted(cast, client_for, api, alice):
    ada = client_for(cast.acme_admin)
    sent = {"way": "certificate", "access_rights": api.api_id}
    chosen = ada.post(NEW, sent | {"certificate": alice.served_id, "form_token": "a" * 32})
    page = chosen.content.decode()
    assert (chosen.status_code, 'class="code secret" id="token"' in page) == (200, False)
    assert "--cert certificate.pem --key private-key.pem" in page
    row = only_key(cast.acme)
    detail = ada.get(f"/o/acme/keys/{row.id}/").content.decode()
    assert ["Client certificate" in detail, f"/o/acme/certificates/{alice.id}/" in detail] == [True, True]
    assert ("https://gateway.example:8080/acme/guarded/" in detail, row.alias) == (True, "alice")
    # It is offered no more, nor is one that has expired; pasted, it is the same one.
    old = uploaded(cast.acme, THEIRS.pem)
    expire(old)
    offered = ada.get(NEW).content.decode()
    assert [each.served_id in offered for each in (alice, old)] == [False, False]
    again = ada.post(NEW, sent | {"certificate_pem": ALICE.pem})
    assert again.context["sign_in"].errors == {
        "certificate": ["There is a key for this certificate already."]
    }
    assert ada.post(NEW, sent | {"certificate_pem": BOB.pem, "form_token": "b" * 32}).status_code == 200
    assert rows(Certificate, Key) == [3, 2]


@pytest.mark.parametrize(
    "case",
    [
        ({}, "certificate", "Choose one."),
        ({"certificate": "own", "certificate_pem": BOB.pem}, "certificate", "Choose one, or paste another."),
        ({"certificate": "theirs"}, "certificate", "Select a valid choice."),
        ({"certificate": "0" * 88}, "certificate", "Select a valid choice."),
        ({"certificate_pem": BOB.pem + BOB.key_pem}, "certificate_pem", "Must be one certificate, without"),
        ({"certificate_pem": BOB.pem + ALICE.pem}, "certificate_pem", "Must be one certificate, without"),
        ({"certificate_pem": BOB.public_pem}, "certificate_pem", "Must be one certificate, without"),
        ({"certificate_pem": made("x", end=-0.5).pem}, "certificate_pem", "A certificate has expired"),
        ({"certificate_pem": "x"}, "certificate_pem", "There is no certificate"),
        ({"way": "token", "certificate": "own"}, "certificate", "Choose “A client certificate (mutual TLS)”"),
    ],
)
def test_what_the_form_does_not_take_is_said_and_nothing_is_uploaded(cast, client_for, api, alice, case):
    typed, field, says = case
    theirs = uploaded(cast.globex, THEIRS.pem)
    ids = {"own": alice.served_id, "theirs": theirs.served_id}
    sent = {name: ids.get(value, value) for name, value in typed.items()}
    page = client_for(cast.acme_admin).post(NEW, {"way": "certificate", "access_rights": api.api_id, **sent})
    assert (page.status_code, list(page.context["sign_in"].errors)) == (400, [field])
    assert page.context["sign_in"].errors[field][0].startswith(says)
    assert (rows(Certificate, Key), "BEGIN PRIVATE" in page.content.decode()) == ([2, 0], False)


def test_a_refused_key_uploads_nothing(cast, client_for, api):
    plain = build.api(cast.acme, "Plain")
    sent = {"way": "certificate", "access_rights": plain.api_id, "certificate_pem": BOB.pem}
    assert client_for(cast.acme_admin).post(NEW, sent).status_code == 400
    assert rows(Certificate, Key) == [0, 0]


@pytest.mark.parametrize("case", [(None, 400, 400), ("read", 200, 400), ("write", 200, 200)])
def test_choosing_takes_the_right_to_see_certificates_and_pasting_that_to_change_them(
    cast, client_for, api, alice, case
):
    right, chooses, pastes = case
    rights = {"keys": "write"} | ({"certs": right} if right else {})
    client = client_for(make.user("eve@acme.example", cast.acme, rights))
    page = client.get(NEW).content.decode()
    assert [alice.served_id in page, "certificate_pem" in page] == [chooses == 200, pastes == 200]
    sent = {"way": "certificate", "access_rights": api.api_id}
    assert client.post(NEW, sent | {"certificate_pem": BOB.pem}).status_code == pastes
    assert client.post(NEW, sent | {"certificate": alice.served_id}).status_code == chooses


def test_a_session_of_a_certificate_made_elsewhere_is_taken_over_where_that_is_held_here(
    cast, acme, api, redis
):
    alice = uploaded(cast.acme, ALICE.pem)
    token = tokens.token_of(cast.acme.id, ALICE.fingerprint, "murmur64")
    name, other = tokens.hashed(token, "murmur64"), tokens.token_hash("elsewhere")
    theirs, bob = uploaded(cast.globex, THEIRS.pem), uploaded(cast.acme, BOB.pem)
    long = tokens.token_of(cast.acme.id, BOB.fingerprint, "sha256")
    second = tokens.hashed(long, "sha256")
    for at, members in (
        (second, {"certificate": bob.served_id}),
        (name, {"certificate": alice.served_id}),
        (other, {"certificate": alice.served_id}),
        ("cd" * 32, {"mtls_static_certificate_bindings": [alice.served_id, theirs.served_id]}),
        ("ef" * 32, {"rsa_certificate_id": "/etc/passwd", "enable_http_signature_validation": True}),
        ("12" * 32, {"certificate": 5}),
    ):
        sessions.write(redis, cast.acme, api, name=at, **members)
    found = {at: verdict for at, (_, verdict, *_) in sessions.find(redis)[cast.acme.id].items()}
    with override_settings(GATEWAY_HASH_KEY_FUNCTION="murmur64"):
        says = (400, f"certificate: {FOUND}")
        assert error(send(acme, "post", "/api/keys", body(api, certificate=alice.served_id))) == says
    assert found == {
        second: "whole",
        name: "whole",
        other: "not",
        "cd" * 32: "not",
        "ef" * 32: "not",
        "12" * 32: "not",
    }
    with scope.org(cast.acme.id), transaction.atomic():
        key = adoption.adopt(sessions.found(cast.acme, name), redis, created_by="test")
        assert (key.credential, key.token_hash, key.cache_key, key.short_cache_key) == (
            "certificate",
            name,
            *(tokens.cache_key(token), ""),
        )
        bobs = adoption.adopt(sessions.found(cast.acme, second), redis, created_by="test")
        # Gateways look by the fingerprint, too.
        assert (bobs.cache_key, bobs.short_cache_key) == (
            tokens.cache_key(long),
            tokens.cache_key(BOB.fingerprint),
        )
        assert (key.expires_at, list(uses.keys(alice))) == (alice.not_after, [key])
        assert spec_of(key).session_extra["certificate"] == alice.served_id
    build.deliver(redis)
    assert build.stored(redis, key)["certificate"] == alice.served_id


def test_no_session_of_a_kind_that_anybody_can_name_opens_another_kind_of_api():
    ways = ("token", "client certificate", "client certificate, basic", "basic", "JWT", "keyless")
    assert {
        kind: [way for way in ways if not exposure.is_open(kind, way)] for kind in ("basic", "certificate")
    } == {
        "basic": ["client certificate, basic", "basic"],
        "certificate": ["client certificate", "client certificate, basic"],
    }
    assert [exposure.is_open("token", way) for way in ways] == [False] * len(ways)
