"""Identifiers as Tyk's clients expect them: 24 lower-case hexadecimal digits.

The shape is MongoDB's ObjectId (four bytes of time first, so that newer ids sort later); the other eight bytes are
random instead of a counter, so no sequence is shared between organisations and nothing can be guessed.
"""

import re
import secrets
import time

_ID = re.compile(r"[0-9a-f]{24}")
# The same in SQL, for rows that the database makes by itself; 60 random bits.
_TIME_SQL = "lpad(to_hex(extract(epoch FROM now())::bigint), 8, '0')"
NEW_ID_SQL = f"{_TIME_SQL} || left(replace(gen_random_uuid()::text, '-', ''), 16)"


def new_id() -> str:
    """A fresh identifier."""
    return f"{int(time.time()) & 0xFFFFFFFF:08x}{secrets.token_hex(8)}"


def is_id(text: object) -> bool:
    """Whether `text` has the shape of an identifier; says nothing about its existence."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None
