"""Secrets that have to be given back, such as private keys, kept so that the database alone does not tell them.

AES-256-GCM with a fresh nonce. What is authenticated besides is the place: table, row, organisation and field. Moved to
any other, a value does not open (a Fernet token would). The key is derived from SEALING_KEY, else SECRET_KEY, by
HKDF-SHA256 (RFC 5869); the former ones, SEALING_KEY_FALLBACKS, still open.
"""

# ruff: noqa: PLC0415 - cryptography takes 11 MB in each process, most of which never seal anything

import hashlib
import os

from django.conf import settings
from django.db import models

_FORM = b"\x01"
_KEY_ID, _NONCE = 8, 12  # bytes


class NotOpened(Exception):
    """A sealed value was moved or altered, or the key that sealed it is none of ours any more."""


class SealedField(models.BinaryField):
    """A column of sealed values; NULL where there is none. Written by `seal`, read by `unseal` alone."""

    def __init__(self, **options):
        super().__init__(**{"null": True, "editable": False} | options)


def seal(row: models.Model, field: str, plain: bytes | None) -> None:
    """Put `plain` into a field of a row, which has its id and its organisation; None empties it. The row is not
    saved."""
    setattr(row, field, None if plain is None else _sealed(plain, _place(row, field)))


def unseal(row: models.Model, field: str) -> bytes | None:
    """What was sealed into a field of a row. Raises NotOpened."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    sealed = getattr(row, field)
    if sealed is None:
        return None
    sealed = bytes(sealed)
    body = sealed[len(_FORM) + _KEY_ID :]
    key = _keys().get(_key_id_in(sealed))
    if sealed[: len(_FORM)] != _FORM or key is None:
        raise NotOpened(f"{row._meta.db_table}.{field}: sealed with a key that is not known")
    try:
        return AESGCM(key).decrypt(body[:_NONCE], body[_NONCE:], _place(row, field))
    except (InvalidTag, ValueError):
        raise NotOpened(f"{row._meta.db_table}.{field}: altered, or from another place") from None


def is_current(sealed: bytes) -> bool:
    """Whether a value is sealed with the newest key."""
    return _key_id_in(bytes(sealed)) == next(iter(_keys()))


def _sealed(plain: bytes, place: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key_id, key = next(iter(_keys().items()))
    nonce = os.urandom(_NONCE)
    return _FORM + key_id + nonce + AESGCM(key).encrypt(nonce, plain, place)


def _place(row: models.Model, field: str) -> bytes:
    return "|".join((row._meta.db_table, row.id, row.org_id, field)).encode()


def _key_id_in(sealed: bytes) -> bytes:
    return sealed[len(_FORM) : len(_FORM) + _KEY_ID]


def _keys() -> dict[bytes, bytes]:
    """The keys by their ids, the newest first."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    secrets = (settings.SEALING_KEY, *settings.SEALING_KEY_FALLBACKS)
    keys = [HKDF(SHA256(), 32, None, b"gatehouse sealing").derive(secret.encode()) for secret in secrets]
    return {hashlib.sha256(key).digest()[:_KEY_ID]: key for key in keys}
