"""PEM that people upload, good and hostile."""

import base64
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from keys.certificates import pem
from tests.keys.certificates.build import made

ROOT = made("Root")
LEAF = made("leaf.example", by=ROOT, names=["leaf.example", "www.leaf.example"])
OTHER = made("other")


def read(text):
    return pem.read(text.encode() if isinstance(text, str) else text, datetime.now(UTC))


def armoured(kind, der):
    return pem.armoured(kind, der)


def encrypted(form):
    return LEAF.key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"secret")).decode()


def test_a_chain_belongs_to_its_private_key_wherever_that_stands_and_is_split_without():
    (found,) = read(LEAF.key_pem + "\r\nwords\r\n" + (LEAF.pem + ROOT.pem).replace("\n", "\r\n"))
    assert (found.fingerprint, found.pem) == (LEAF.fingerprint, f"{LEAF.pem}\n{ROOT.pem}")
    key = load_der_private_key(found.key, None)
    assert key.private_numbers() == LEAF.key.private_numbers()
    assert (found.subject, found.common_name, found.issuer, found.names, found.is_ca) == (
        "CN=leaf.example",
        "leaf.example",
        "CN=Root",
        ("leaf.example", "www.leaf.example"),
        False,
    )
    alone = [(each.fingerprint, each.pem, each.key) for each in read(LEAF.pem + ROOT.pem + LEAF.pem)]
    assert alone == [(LEAF.fingerprint, LEAF.pem, None), (ROOT.fingerprint, ROOT.pem, None)]


def test_several_with_their_keys_and_a_public_key_are_each_a_thing_of_its_own():
    found = read(LEAF.pem + OTHER.pem + OTHER.key_pem + LEAF.key_pem + OTHER.public_pem)
    assert [(each.common_name, each.key is not None, each.is_public_key) for each in found] == [
        ("leaf.example", True, False),
        ("other", True, False),
        ("", False, True),
    ]
    assert found[2].pem == OTHER.public_pem


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", pem.NONE_THERE),
        ("x" * pem.LARGEST + "x", "Must not be longer than 256 KiB."),
        (LEAF.key_pem, "A private key belongs to none of the certificates."),
        (LEAF.pem + OTHER.key_pem, "A private key belongs to none of the certificates."),
        (LEAF.pem + encrypted(PrivateFormat.PKCS8), pem.ENCRYPTED),
        (LEAF.pem + encrypted(PrivateFormat.TraditionalOpenSSL), pem.ENCRYPTED),
        ("-----BEGIN CERTIFICATE-----\n" * 9_000, "Block 1 has no beginning or no end."),
        (armoured("X", b"x") * 101, "Must not hold more than 100 blocks."),
        ("-----BEGIN CERTIFICATE-----\n%%\n-----END CERTIFICATE-----", "Block 1 is not base64."),
        (
            armoured("CERTIFICATE", b"garbage"),
            "A certificate cannot be read: gateways could not load it.",
        ),
        (
            armoured("CERTIFICATE", LEAF.der + b"more"),
            "A certificate cannot be read: gateways could not load it.",
        ),
        (
            LEAF.pem + armoured("PRIVATE KEY", b"garbage"),
            "A private key cannot be read: gateways could not load it.",
        ),
        (armoured("PUBLIC KEY", b""), "A public key cannot be read: gateways could not load it."),
        (made("old", start=-9, end=-1).pem, "A certificate has expired: gateways do not take it."),
        (
            made("curve", key=ec.generate_private_key(ec.SECP256K1())).pem,
            "A key is on a curve that gateways do not know; P-256, P-384 and P-521 they do.",
        ),
    ],
)
def test_what_gateways_could_not_load_is_refused_with_a_reason(text, said):
    with pytest.raises(pem.PemError) as refused:
        read(text)
    assert refused.value.message == said


def test_what_gateways_load_is_taken():
    long, later = made("P-521", key=ec.generate_private_key(ec.SECP521R1())), made("later", start=9)
    assert [each.common_name for each in read(long.pem + long.key_pem + later.pem)] == ["P-521", "later"]


def test_bytes_in_any_order_are_refused_and_nothing_else():
    whole = (LEAF.pem + LEAF.key_pem).encode()
    for at in range(0, len(whole), 7):
        try:
            read(whole[:at] + bytes([at % 256]) + whole[at + 1 :])
        except pem.PemError as refused:
            assert refused.field == "pem"


def test_ed25519_is_taken_of_clients_and_refused_as_a_private_key():
    key = ed25519.Ed25519PrivateKey.generate()
    builder = x509.CertificateBuilder().subject_name(LEAF.certificate.subject)
    builder = builder.issuer_name(LEAF.certificate.subject).public_key(key.public_key()).serial_number(7)
    builder = builder.not_valid_before(LEAF.certificate.not_valid_before_utc)
    signed = builder.not_valid_after(LEAF.certificate.not_valid_after_utc).sign(key, None)
    text = signed.public_bytes(Encoding.PEM).decode()
    assert [each.common_name for each in read(text)] == ["leaf.example"]
    with pytest.raises(pem.PemError, match="RSA and EC keys"):
        read(text + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def test_a_negative_serial_number_is_refused():
    der = bytearray(made("negative").der)
    # Of the outer sequence, the version, and the serial number's tag and length.
    at = der.index(b"\xa0\x03\x02\x01\x02\x02") + 7
    der[at] = 0xFF
    with pytest.raises(pem.PemError, match=r"serial number|cannot be read"):
        read(f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(der).decode()}\n-----END CERTIFICATE-----")
