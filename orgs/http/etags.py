"""Entity tags (RFC 9110, 8.8.3 and 13.1): what a client says it saw of an object.

A tag is the number of the object's last change and, where an answer shows something that no change counts, a variant:
`"7"`, `"7-once"`. A change is made from a number; a copy is current only if all of the tag is.
"""

import re
from dataclasses import dataclass

_WEAK_OR_STRONG = re.compile(r'(?:(W/)?"([\x21\x23-\x7e\x80-\U0010ffff]*)")?[ \t]*(?:,[ \t]*|\Z)')


class Malformed(ValueError):
    """A header is neither `*` nor a list of entity tags."""


@dataclass(frozen=True)
class Tags:
    """The value of If-Match or If-None-Match: whatever there is, or what stands between the quotes of each tag."""

    anything: bool = False
    strong: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()

    def name_number(self, number: int) -> bool:
        """If-Match: whether a change may be made to what has the change number `number`. Weak tags never match."""
        return self.anything or any(text.partition("-")[0] == str(number) for text in self.strong)

    def name_tag(self, current: str) -> bool:
        """If-None-Match: whether the client has what `current` is the tag of. Weak tags match too."""
        return self.anything or current.strip('"') in (*self.strong, *self.weak)


def tag(number: int, variant: str = "") -> str:
    """The strong tag of an object after its change `number`."""
    return f'"{number}-{variant}"' if variant else f'"{number}"'


def parse(header: str) -> Tags:
    """The tags of If-Match or If-None-Match. Raises Malformed."""
    text = header.strip(" \t")
    if text == "*":
        return Tags(anything=True)
    strong, weak, position = [], [], 0
    while position < len(text):
        found = _WEAK_OR_STRONG.match(text, position)
        if found is None:
            raise Malformed(header)
        if found[2] is not None:
            (weak if found[1] else strong).append(found[2])
        position = found.end()
    if not strong and not weak:
        raise Malformed(header)
    return Tags(strong=tuple(strong), weak=tuple(weak))
