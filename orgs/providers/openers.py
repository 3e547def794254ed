"""How many keys may call an API, for whoever is about to change it. Whoever has keys declares what counts them."""

from collections.abc import Collection, Mapping

from orgs import declarations
from orgs.models import Organisation, User


def of(org: Organisation, user: User, api_ids: Collection[str]) -> Mapping[str, int] | None:
    """Of each API of an organisation, by its id, how many keys that are not revoked may call it, without those that
    cannot be counted quickly. None for a person who may not see keys, and where nobody has any."""
    if not user.may("keys"):
        return None
    count = declarations.function("openers")
    return count(org.id, api_ids) if count else None
