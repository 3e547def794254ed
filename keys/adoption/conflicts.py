"""Whether a name of a session is some key's already; says no more, since it may be another organisation's."""

from keys.models import Key
from orgs import scope


def is_kept(token_hash: str) -> bool:
    with scope.every_org():
        return Key.objects.filter(token_hash=token_hash).exists()
