"""A certificate as gateways find it in their Redis: PEM, and in it the private key as OpenSSL encrypted keys of old,
with a secret that gateways know (RFC 1421, `DEK-Info`; the key from MD5, as EVP_BytesToKey has it)."""

# ruff: noqa: PLC0415 - cryptography takes 11 MB in each process

import hashlib
import hmac

from keys.certificates.pem import armoured

_BLOCK, _KEY = 16, 32  # bytes


def served(pem: str, key: bytes | None, secret: str) -> bytes:
    """What gateways should find. key: the DER of the private key."""
    return (pem + ("\n" + _encrypted(key, secret) if key else "")).encode()


def _encrypted(key: bytes, secret: str) -> str:
    """The same for the same key and secret, so that the sweep can compare: the IV follows from both."""
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES256
    from cryptography.hazmat.primitives.ciphers.modes import CBC

    iv = hmac.digest(secret.encode(), b"gatehouse certificate" + key, "sha256")[:_BLOCK]
    missing = _BLOCK - len(key) % _BLOCK
    encryptor = Cipher(AES256(_derived(secret.encode(), iv[:8])), CBC(iv)).encryptor()
    body = encryptor.update(key + bytes([missing]) * missing) + encryptor.finalize()
    headers = f"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,{iv.hex()}\n\n"
    return armoured("ENCRYPTED PRIVATE KEY", body, headers)


def _derived(secret: bytes, salt: bytes) -> bytes:
    made = digest = b""
    while len(made) < _KEY:
        digest = hashlib.md5(digest + secret + salt, usedforsecurity=False).digest()
        made += digest
    return made[:_KEY]
