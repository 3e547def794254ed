"""The words that a key is found by. Pure.

PostgreSQL's own ways of searching texts (pg_trgm, GIN over arrays) are of no use here: an index may answer a condition
before row-level security has spoken only if its operator is known to leak nothing, which those are not and comparisons
of text are.
"""

import re

LONGEST = 64  # characters of one word that count
# Blanks, and punctuation of ASCII; whatever else there is belongs to some word. Blanks beyond ASCII one by one, since
# PostgreSQL's \s has fewer of them than Python's: a name with a no-break space would be of one word to it.
_BLANKS = "\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_BETWEEN = rf"[\s{_BLANKS}!-/:-@\[-`{{-~]"
_HASH = re.compile(r"[0-9a-f]{1,64}")
_HIGHEST = "\U0010ffff"


def words(*texts: str) -> list[str]:
    """The different words of texts, in lower case, in order."""
    found = {word[:LONGEST] for text in texts for word in re.split(f"{_BETWEEN}+", text.lower())}
    return sorted(found - {""})


def beginning(word: str) -> tuple[str, str]:
    """(lowest, highest) of the words that begin with `word`, by their bytes."""
    return word, word + _HIGHEST


def beginning_in_text(word: str) -> str:
    """A regular expression, of PostgreSQL's too and without regard to case, of texts that have a word which begins with
    `word`."""
    # The one letter that is two in lower case.
    return f"(^|{_BETWEEN})" + word.replace("i\u0307", "(i\u0307|\u0130)")


def hash_beginning(text: str) -> tuple[str, str] | None:
    """(lowest, beyond) of the hashes that begin with a text, None if none does."""
    text = text.strip().lower()
    return (text, f"{text}g") if _HASH.fullmatch(text) else None
