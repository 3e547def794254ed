"""Tokens of keys, and the two names a gateway knows each of them by.

A token is shown once and never stored. What is stored are two hashes of it: the name of its session in the
gateways' Redis, and the name of that session in a gateway's own ten-second cache.

How secret a hash keeps its token depends on the function: SHA-256 does; MurmurHash3 is no cryptographic hash, so of one
of 64 or 128 bits a text that fits can be computed, and one of 32 bits also meets others by chance.
"""

import base64
import hashlib
import json
import secrets

# The functions that gateways know, and what one uses on which no `hash_key_function` is set.
LEGACY = "legacy"
_MASK_32 = 0xFFFFFFFF
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


def token_of(org_id: str, id: str, function: str) -> str:
    """The token that a gateway with this `hash_key_function` makes of an id that somebody chose: a custom id, a user
    name, a certificate's fingerprint. It escapes nothing: an id with a quotation mark could name another organisation.
    Raises ValueError for such a one."""
    if function == LEGACY:
        return org_id + id
    if json.dumps(id, ensure_ascii=False) != f'"{id}"':
        raise ValueError("an id with characters that JSON escapes")
    return base64.b64encode(f'{{"org":"{org_id}","id":"{id}","h":"{function}"}}'.encode()).decode()


def parts_of(token: str) -> tuple[str, str, str] | None:
    """(organisation, id, hash function) of a token of the form of `token_of` that names its hash function; None for any
    other text."""
    try:
        members = json.loads(base64.b64decode(token, validate=True))
        parts = members["org"], members["id"], members["h"]
        return parts if parts[2] in FUNCTIONS and token_of(*parts) == token else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def token_hash(token: str) -> str:
    """SHA-256 of the token's text, 64 hex digits: the session lies under `apikey-<this>`, and analytics
    records name the key by it."""
    return hashed(token, "sha256")


def hashed(token: str, function: str) -> str:
    """The hash of a token's text by one of FUNCTIONS, in hex digits."""
    return FUNCTIONS[function](token.encode())


def is_token_hash(text: str) -> bool:
    """True for what `token_hash` returns: 64 lower-case hex digits."""
    return len(text) == 64 and all(character in "0123456789abcdef" for character in text)


def is_any_hash(text: str) -> bool:
    """Whether one of FUNCTIONS may have made it: 8, 16, 32 or 64 lower-case hex digits."""
    return len(text) in (8, 16, 32, 64) and all(character in "0123456789abcdef" for character in text)


def cache_key(token: str) -> str:
    """The name under which a gateway caches the session, whatever hash the token itself names: murmur64 of what was
    presented."""
    return hashed(token, "murmur64")


def _murmur32(data: bytes) -> str:
    """MurmurHash3 x86-32 (seed 0) as gateways compute it: the state after the last whole block of four bytes. What is
    left over and the final mixing they leave out (recorded)."""
    h = 0
    for offset in range(0, len(data) - len(data) % 4, 4):
        k = (int.from_bytes(data[offset : offset + 4], "little") * 0xCC9E2D51) & _MASK_32
        k = (_rotated_32(k, 15) * 0x1B873593) & _MASK_32
        h = (_rotated_32(h ^ k, 13) * 5 + 0xE6546B64) & _MASK_32
    return f"{h:08x}"


def _rotated_32(number: int, bits: int) -> int:
    return ((number << bits) | (number >> (32 - bits))) & _MASK_32


def _murmur128(data: bytes) -> str:
    """MurmurHash3 x64-128 (seed 0). Source: the reference algorithm by Austin Appleby."""
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
    first, second = _finished(h1), _finished(h2)
    first = (first + second) & _MASK
    return f"{first:016x}{(second + first) & _MASK:016x}"


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


def _murmur64(data: bytes) -> str:
    return _murmur128(data)[:16]


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


FUNCTIONS = {
    LEGACY: _murmur32,
    "murmur32": _murmur32,
    "murmur64": _murmur64,
    "murmur128": _murmur128,
    "sha256": _sha256,
}
