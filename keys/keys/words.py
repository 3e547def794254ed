"""The words that a key is found by. Pure.

PostgreSQL's own ways of searching texts (pg_trgm, GIN over arrays) are of no use here: an index may answer a condition
before row-level security has spoken only if its operator is known to leak nothing, which those are not and comparisons
of text are.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

LONGEST = 64  # characters of one word that count
MOST = 500  # words of one key
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


def of_key(alias: str, owner: str, tags: Iterable[str], meta_data: Mapping[str, Any]) -> list[str]:
    """Those of a key, and for each of its tags one that no text has; MOST at most, those of its name before others."""
    marks = [tag_mark(tag) for tag in tags]
    notes = words(*tags, *_texts(meta_data))
    return list(dict.fromkeys([*words(alias, owner), *marks, *notes]))[:MOST]


def tag_mark(tag: str) -> str:
    """What stands among the words of a key that has the tag, or one that differs in the case of letters alone."""
    return f"#{tag.lower()}"[:LONGEST]


def _texts(value: Any) -> Iterator[str]:
    """All names and values of JSON."""
    if isinstance(value, Mapping):
        for name, entry in value.items():
            yield name
            yield from _texts(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _texts(entry)
    elif value is not None:
        yield str(value)


def beginning(word: str) -> tuple[str, str]:
    """(lowest, highest) of the words that begin with `word`, by their bytes."""
    return word, word + _HIGHEST


def beginning_in_text(word: str) -> str:
    """A regular expression, of PostgreSQL's too and without regard to case, of texts that have a word which begins with
    `word`."""
    # Within JSON a control character is a letter behind a backslash. And there is one letter that is two in lower case.
    return rf"(^|{_BETWEEN}|\\[bfnrt])" + word.replace("i\u0307", "(i\u0307|\u0130)")


def hash_beginning(text: str) -> tuple[str, str] | None:
    """(lowest, beyond) of the hashes that begin with a text, None if none does."""
    text = text.strip().lower()
    return (text, f"{text}g") if _HASH.fullmatch(text) else None
