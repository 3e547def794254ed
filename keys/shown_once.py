"""A token between the form that makes it and the page that shows it: in the person's session, for one look.

Sessions lie in the database, where no token may be read, so it is sealed under the installation's secret key.
"""

import hashlib
import secrets

from django.contrib.sessions.backends.base import SessionBase
from django.utils.crypto import salted_hmac


def put(session: SessionBase, key_id: str, token: str) -> None:
    """Keep the key's `token` until `take`."""
    nonce = secrets.token_hex(16)
    session[_slot(key_id)] = [nonce, _sealed(token.encode(), nonce).hex()]


def take(session: SessionBase, key_id: str) -> str | None:
    """The token of the key, the first time; afterwards None."""
    kept = session.pop(_slot(key_id), None)
    if kept is None:
        return None
    nonce, sealed = kept
    return _sealed(bytes.fromhex(sealed), nonce).decode()


def _slot(key_id: str) -> str:
    return f"token of key {key_id}"


def _sealed(data: bytes, nonce: str) -> bytes:
    """`data` under a key stream of SECRET_KEY and a nonce used once; sealing twice opens."""
    seed = salted_hmac("keys.shown_once", nonce, algorithm="sha256").digest()
    stream = hashlib.shake_256(seed).digest(len(data))
    return bytes(left ^ right for left, right in zip(data, stream, strict=True))
