"""Hashing passwords and comparing them: one slow computation an attempt, however many accounts an address has.

All accounts of an address share the salt, so one hash answers for all of them, and for an address which nobody has.
"""

import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.contrib.auth.hashers import (
    check_password,
    identify_hasher,
    is_password_usable,
    make_password,
)
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.crypto import constant_time_compare, salted_hmac

LONGEST = 1_024  # characters: hashing has to end
# A hash takes 100 MB and a quarter of a second of every processor: a flood of them must leave something for others.
MOST_AT_ONCE = 2
LONGEST_WAIT = 5  # seconds

# Gateways are answered by the same threads: one of them never hashes, and never waits to.
MOST_THREADS = max(1, min(MOST_AT_ONCE + 1, settings.WEB_THREADS - 1))

_turns = threading.BoundedSemaphore(MOST_AT_ONCE)
_places = threading.BoundedSemaphore(MOST_THREADS)


class Busy(Exception):
    """Too many passwords are being hashed already; worth asking again."""


def normal(password: str) -> str:
    """One spelling of what looks alike: keyboards differ in how they compose letters with accents."""
    return unicodedata.normalize("NFC", password)


def validate(password: str, user=None) -> None:
    """Raises ValidationError for a new password that is too long or breaks the rules of the settings."""
    if len(password) > LONGEST:
        raise ValidationError(f"at most {LONGEST} characters")
    validate_password(normal(password), user)


def hashed(password: str | None, salt: str) -> str:
    """What to store of a password; of None what no password opens. Raises Busy."""
    if password is None:
        return make_password(None)
    with _turn():
        return make_password(normal(password), salt)


def matches(password: str, stored: str) -> bool:
    """Whether it is the password of one hash. Raises Busy."""
    if len(password) > LONGEST or not is_password_usable(stored):
        return False
    with _turn():
        return any(check_password(text, stored) for text in _spellings(password))


def opened(stored: dict[str, str], password: str, salt: str) -> tuple[set[str], str]:
    """Which accounts the password opens, and the hash of it that they should have.

    stored: account -> its hash. salt: of their address. A hash with another salt, or made by another algorithm, costs
    a computation of its own. Raises Busy.
    """
    found: set[str] = set()
    with _turn():
        hashes = {text: make_password(text, salt) for text in _spellings(password)}
        for account, kept in stored.items():
            if is_password_usable(kept) and any(_same(text, made, kept) for text, made in hashes.items()):
                found.add(account)
    return found, hashes[normal(password)]


def salt_of_nobody(address: str) -> str:
    """The salt of an address before anybody has it: known to us alone, and always the same."""
    return salted_hmac("orgs.passwords.salt", address, algorithm="sha256").hexdigest()[:32]


def salt_in(stored: str) -> str | None:
    """The salt of a hash, None if none of our hashers made it."""
    try:
        return identify_hasher(stored).decode(stored)["salt"]
    except ValueError:
        return None


def _spellings(password: str) -> list[str]:
    """As it is hashed, and as it was typed where that differs: hashes of the first version were made so."""
    return list(dict.fromkeys((normal(password), password)))


def _same(password: str, made: str, kept: str) -> bool:
    if kept.rpartition("$")[0] == made.rpartition("$")[0]:
        return constant_time_compare(kept, made)
    return check_password(password, kept)


@contextmanager
def _turn() -> Iterator[None]:
    with _had(_places, blocking=False), _had(_turns, timeout=LONGEST_WAIT):
        yield


@contextmanager
def _had(semaphore: threading.Semaphore, **how: object) -> Iterator[None]:
    if not semaphore.acquire(**how):
        raise Busy
    try:
        yield
    finally:
        semaphore.release()
