"""What somebody uploads as PEM (RFC 7468), made into what gateways can load: certificates with their chains, private
keys beside the certificates they belong to, and public keys for pinning.

A gateway knows a certificate by the SHA-256 of its DER, and loads RSA keys and EC keys on the curves of NIST; others,
encrypted keys and expired certificates it refuses.
"""

# ruff: noqa: PLC0415 - cryptography takes 11 MB in each process, most of which never read a certificate

import base64
import binascii
import hashlib
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from orgs import refusals

LARGEST = 256 * 1024  # characters
MOST_BLOCKS = 100
LEAST_RSA_BITS = 1_024
LONGEST_NAME = 500
MOST_NAMES = 100
_CURVES = frozenset({"secp224r1", "secp256r1", "secp384r1", "secp521r1"})
_RSA = bytes.fromhex("06092a864886f70d010101")  # the object identifier, as DER
_BEGIN, _END, _DASHES = b"-----BEGIN ", b"-----END ", b"-----"
_KIND = re.compile(rb"[A-Z0-9 ]{1,40}")
ENCRYPTED = "The private key is encrypted. Upload it decrypted: it is kept sealed."
NONE_THERE = "There is no certificate or public key in it. It must be PEM, which begins with -----BEGIN."


class PemError(refusals.Invalid):
    """What was uploaded cannot be taken; the message never quotes it."""

    def __init__(self, message: str):
        super().__init__(message, "pem")


@dataclass(frozen=True)
class Found:
    """One thing that gateways know by one id. pem: the certificates, its own first, or the public key. key: the DER of
    the private key."""

    fingerprint: str
    pem: str
    is_public_key: bool = False
    subject: str = ""
    common_name: str = ""
    issuer: str = ""
    names: tuple[str, ...] = ()
    not_before: datetime | None = None
    not_after: datetime | None = None
    is_ca: bool = False
    key: bytes | None = field(default=None, repr=False)


def read(data: bytes, now: datetime) -> list[Found]:
    """The things in `data`, whatever stands around the blocks. Certificates that follow one with a private key, each
    the issuer of the one before, are its chain; without a private key each stands for itself: of several, gateways
    would let in who shows the last. Raises PemError."""
    if len(data) > LARGEST:
        raise PemError(f"Must not be longer than {LARGEST // 1024} KiB.")
    chains: list[list[Any]] = []
    keys, public = [], []
    for kind, der in _blocks(data):
        if kind == "CERTIFICATE":
            certificate = _certificate(der, now)
            if chains and _goes_on(chains[-1], certificate):
                chains[-1].append(certificate)
            else:
                chains.append([certificate])
        elif kind.endswith("PRIVATE KEY"):
            keys.append(_private_key(der))
        elif kind == "PUBLIC KEY":
            public.append(_public_key(der))
    found = _with_keys(chains, keys) + public
    if not found:
        raise PemError(NONE_THERE)
    return list({each.fingerprint: each for each in found}.values())


def first_certificate(pem: str) -> Any:
    """The certificate (cryptography.x509) that a Found begins with, from its PEM."""
    from cryptography import x509

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return x509.load_der_x509_certificate(next(_blocks(pem.encode()))[1])


def is_rsa(pem: str) -> bool:
    """Whether a public key, from the PEM of a Found, is one for RSA."""
    return _RSA in next(_blocks(pem.encode()))[1][:40]


def _blocks(data: bytes) -> Iterator[tuple[str, bytes]]:
    """(kind, DER) of each block."""
    at, number = data.find(_BEGIN), 0
    while at >= 0:
        number += 1
        if number > MOST_BLOCKS:
            raise PemError(f"Must not hold more than {MOST_BLOCKS} blocks.")
        kind, _, rest = data[at + len(_BEGIN) : at + 100].partition(_DASHES)
        start = at + len(_BEGIN) + len(kind) + len(_DASHES)
        end = data.find(_END + kind + _DASHES, start)
        if not rest or not _KIND.fullmatch(kind) or end < 0:
            raise PemError(f"Block {number} has no beginning or no end.")
        yield kind.decode(), _der(kind, data[start:end], number)
        at = data.find(_BEGIN, end)


def _der(kind: bytes, text: bytes, number: int) -> bytes:
    if kind.startswith(b"ENCRYPTED") or b"ENCRYPTED" in text or b"DEK-Info" in text:
        raise PemError(ENCRYPTED)
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise PemError(f"Block {number} is not base64.") from None


def _certificate(der: bytes, now: datetime) -> Any:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        with warnings.catch_warnings():
            # Of serial numbers that are not as they should be, which are asked for below.
            warnings.simplefilter("ignore")
            certificate = x509.load_der_x509_certificate(der)
            _refuse_unfit(certificate.public_key())
            fit = certificate.serial_number >= 0 and bool(_facts(certificate))
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension):
        raise PemError("A certificate cannot be read: gateways could not load it.") from None
    if not fit:
        raise PemError("A certificate has a negative serial number: gateways do not load it.")
    if certificate.not_valid_after_utc <= now:
        raise PemError("A certificate has expired: gateways do not take it.")
    return certificate


def _goes_on(chain: list[Any], certificate: Any) -> bool:
    """Whether a certificate is the issuer of the last one of a chain."""
    last = chain[-1]
    return bool(last.issuer == certificate.subject and last.subject != last.issuer)


def _facts(certificate: Any) -> dict[str, Any]:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = [str(name.value) for name in alternative if isinstance(name, x509.DNSName | x509.IPAddress)]
    except x509.ExtensionNotFound:
        names = []
    try:
        is_ca = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        is_ca = False
    return {
        "subject": _said(certificate.subject.rfc4514_string()),
        "common_name": _said(str(common[0].value)) if common else "",
        "issuer": _said(certificate.issuer.rfc4514_string()),
        "names": tuple(_said(name) for name in names[:MOST_NAMES]),
        "not_before": certificate.not_valid_before_utc,
        "not_after": certificate.not_valid_after_utc,
        "is_ca": bool(is_ca),
    }


def _said(text: str) -> str:
    """A name as it may stand in the database and on a page."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)[:LONGEST_NAME]


def _refuse_unfit(key: Any, *, private: bool = False) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < LEAST_RSA_BITS:
            raise PemError(f"An RSA key has fewer than {LEAST_RSA_BITS:,} bits: gateways do not take it.")
    elif isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name not in _CURVES:
            raise PemError("A key is on a curve that gateways do not know; P-256, P-384 and P-521 they do.")
    elif private or not isinstance(key, ed25519.Ed25519PublicKey):
        raise PemError("A key is of a kind that gateways do not load; RSA and EC keys they do.")


def _private_key(der: bytes) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    try:
        key = load_der_private_key(der, None)
        public: Any = key.public_key()
    except TypeError:
        raise PemError(ENCRYPTED) from None
    except (ValueError, UnsupportedAlgorithm, AttributeError):
        raise PemError("A private key cannot be read: gateways could not load it.") from None
    _refuse_unfit(public, private=True)
    return key


def _public_key(der: bytes) -> Found:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        _refuse_unfit(load_der_public_key(der))
    except (ValueError, UnsupportedAlgorithm):
        raise PemError("A public key cannot be read: gateways could not load it.") from None
    fingerprint = hashlib.sha256(der).hexdigest()
    return Found(fingerprint, armoured("PUBLIC KEY", der), is_public_key=True, subject="Public key")


def _with_keys(chains: list[list[Any]], keys: list[Any]) -> list[Found]:
    """Each chain whose first certificate has its private key there; the certificates of others one by one."""
    held = {_public(key): key for key in keys}
    firsts = {_public_of(chain[0]) for chain in chains}
    if not held.keys() <= firsts:
        raise PemError("A private key belongs to none of the certificates.")
    found = []
    for chain in chains:
        key = held.get(_public_of(chain[0]))
        if key:
            found.append(replace(_found(chain), key=_plain(key)))
        else:
            found += [_found([certificate]) for certificate in chain]
    return found


def _public(key: Any) -> bytes:
    return _spki(key.public_key())


def _public_of(certificate: Any) -> bytes:
    return _spki(certificate.public_key())


def _spki(key: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    der: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return der


def _found(chain: list[Any]) -> Found:
    from cryptography.hazmat.primitives.serialization import Encoding

    ders = [certificate.public_bytes(Encoding.DER) for certificate in chain]
    text = "\n".join(armoured("CERTIFICATE", der) for der in ders)
    return Found(hashlib.sha256(ders[0]).hexdigest(), text, **_facts(chain[0]))


def _plain(key: Any) -> bytes:
    """PKCS#1 or SEC 1, which every gateway reads."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    der: bytes = key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return der


def armoured(kind: str, der: bytes, headers: str = "") -> str:
    text = base64.b64encode(der).decode()
    lines = "\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    return f"-----BEGIN {kind}-----\n{headers}{lines}\n-----END {kind}-----\n"
