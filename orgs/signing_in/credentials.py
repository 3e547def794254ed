"""Access keys: a person's credential for the REST API. Shown once; only a keyed hash is kept.

The key carries 160 random bits, so a keyed hash suffices where a password needs a slow one, and a look-up by the hash
is one indexed query for a hit and a miss alike.
"""

import secrets

from django.utils.crypto import constant_time_compare, salted_hmac


def new_access_key() -> str:
    """A fresh access key: 40 hexadecimal digits."""
    return secrets.token_hex(20)


def access_key_hash(key: str) -> str:
    """HMAC-SHA256 of the key under the installation's secret key, in hex."""
    return salted_hmac("orgs.credentials.access_key", key, algorithm="sha256").hexdigest()


def same_secret(given: str, expected: str) -> bool:
    """Compare in constant time; an empty expectation matches nothing."""
    return bool(expected) and constant_time_compare(
        given.encode("utf-8", "surrogateescape"), expected.encode()
    )
