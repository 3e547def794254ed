"""The words that a key is found by. Pure.

PostgreSQL's own ways of searching texts (pg_trgm, GIN over arrays) are of no use here: an index may answer a condition
before row-level security has spoken only if its operator is known to leak nothing, which those are not and comparisons
of text are.
"""

import re

LONGEST = 64  # characters of one word that count
# Blanks, and punctuation of ASCII; whatever else there is belongs to some word.
_BETWEEN = re.compile(r"[\s!-/:-@\[-`{-~]+")
_HASH = re.compile(r"[0-9a-f]{1,64}")
_HIGHEST = "\U0010ffff"


def words(*texts: str) -> list[str]:
    """The different words of texts, in lower case, in order."""
    found = {word[:LONGEST] for text in texts for word in _BETWEEN.split(text.lower())}
    return sorted(found - {""})


def beginning(word: str) -> tuple[str, str]:
    """(lowest, highest) of the words that begin with `word`, by their bytes."""
    return word, word + _HIGHEST


def hash_beginning(text: str) -> tuple[str, str] | None:
    """(lowest, beyond) of the hashes that begin with a text, None if none does."""
    text = text.strip().lower()
    return (text, f"{text}g") if _HASH.fullmatch(text) else None
