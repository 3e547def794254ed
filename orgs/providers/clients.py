"""What OAuth clients are called, for figures and records that name them by their IDs. Whoever has clients declares what
reads it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from orgs import declarations


@dataclass(frozen=True)
class Names:
    """By the ID of an API, "" for any, and that of a client."""

    named: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def of(self, client_id: str, api_id: str = "") -> str:
        """Its name; its ID where it has none, or nobody in this organisation has such a client."""
        return self.named.get((api_id, client_id)) or self.named.get(("", client_id)) or client_id


def names(client_ids: Collection[str]) -> Names:
    """Of the clients with these IDs of the organisation in scope, also those that are deleted."""
    wanted = {client_id for client_id in client_ids if client_id}
    read = declarations.function("client_names")
    return Names(read(wanted)) if wanted and read else Names()
