"""Whether a name of a session is some key's already; says no more, since it may be another organisation's."""

from keys.rotation.places import kept
from orgs import scope


def is_kept(token_hash: str) -> bool:
    with scope.every_org():
        return bool(kept([token_hash]))
