"""What a key was, and what gateways made of it, when a request came. Whoever has keys declares what reads it."""

from dataclasses import dataclass

from orgs import declarations
from orgs.models import Organisation
from orgs.providers.holding import About, Then


@dataclass(frozen=True)
class Called:
    """The API that was called: its id, the names of its versions, and how callers prove who they are, in words
    (apis.definitions.authentication), as they were then."""

    api_id: str
    versions: tuple[str, ...] = ()
    auth: str = ""


def of(org: Organisation, key_hash: str, called: Called, about: About) -> Then | None:
    """The key of a token's hash ("" for none) in each state that it had about a moment, that of the moment first. None
    where nobody has keys."""
    read = declarations.function("holders")
    return read(org.id, key_hash, called, about) if read else None
