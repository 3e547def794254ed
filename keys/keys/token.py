"""Tokens of keys, and the two names a gateway knows each of them by.

A token is shown once and never stored. What is stored are two hashes of it: the name of its session in the
gateways' Redis, and the name of that session in a gateway's own ten-second cache.
"""

import base64
import hashlib
import json
import secrets

_MASK = 0xFFFFFFFFFFFFFFFF
_C1 = 0x87C37B91114253D5
_C2 = 0x4CF5AD432745937F


def new_token(org_id: str) -> str:
    """A fresh token of organisation `org_id`, 128 random bits, in the gateway's own form: standard base64
    with padding of a JSON object whose members `org`, `id`, `h` come in that order with no blanks.

    The hash function named in the token decides how a gateway looks it up, whatever its own configuration
    says, so sha256 holds on every gateway which hashes keys. On one with `hash_keys` off sessions are
    stored under the token itself; since the token is not kept, such a gateway cannot be served.
    """
    text = json.dumps({"org": org_id, "id": secrets.token_hex(16), "h": "sha256"}, separators=(",", ":"))
    return base64.b64encode(text.encode()).decode()


def token_hash(token: str) -> str:
    """SHA-256 of the token's text, 64 hex digits: the session lies under `apikey-<this>`, and analytics
    records name the key by it."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_token_hash(text: str) -> bool:
    """True for what `token_hash` returns: 64 lower-case hex digits."""
    return len(text) == 64 and all(character in "0123456789abcdef" for character in text)


def cache_key(token: str) -> str:
    """First half of MurmurHash3 x64-128 (seed 0) of the token's text as 16 hex digits: the name under which
    a gateway caches the session, whatever hash the token itself names. Source: the reference algorithm by
    Austin Appleby."""
    data = token.encode()
    h1 = h2 = 0
    whole = len(data) - len(data) % 16
    for offset in range(0, whole, 16):
        h1 ^= _mix_k1(int.from_bytes(data[offset : offset + 8], "little"))
        h1 = ((_rotated(h1, 27) + h2) * 5 + 0x52DCE729) & _MASK
        h2 ^= _mix_k2(int.from_bytes(data[offset + 8 : offset + 16], "little"))
        h2 = ((_rotated(h2, 31) + h1) * 5 + 0x38495AB5) & _MASK
    tail = data[whole:]
    h1 ^= _mix_k1(int.from_bytes(tail[:8], "little"))
    h2 ^= _mix_k2(int.from_bytes(tail[8:], "little"))
    h1 ^= len(data)
    h2 ^= len(data)
    h1 = (h1 + h2) & _MASK
    h2 = (h2 + h1) & _MASK
    return f"{(_finished(h1) + _finished(h2)) & _MASK:016x}"


def _rotated(number: int, bits: int) -> int:
    return ((number << bits) | (number >> (64 - bits))) & _MASK


def _mix_k1(block: int) -> int:
    return (_rotated((block * _C1) & _MASK, 31) * _C2) & _MASK


def _mix_k2(block: int) -> int:
    return (_rotated((block * _C2) & _MASK, 33) * _C1) & _MASK


def _finished(number: int) -> int:
    number ^= number >> 33
    number = (number * 0xFF51AFD7ED558CCD) & _MASK
    number ^= number >> 33
    number = (number * 0xC4CEB9FE1A85EC53) & _MASK
    return number ^ (number >> 33)
