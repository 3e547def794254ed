"""Why nothing was done with an OAuth client: kinds of orgs.refusals."""

from keys.models import OAuthClient
from orgs import refusals

MISSING = "OAuth client not found"


class Taken(refusals.Taken):
    """The API has a client of this id already."""

    def __init__(self) -> None:
        super().__init__("client_id: This API has a client of this ID already.")


class AlreadyMade(refusals.Taken):
    """The form was sent before; `client` is what it made."""

    def __init__(self, client: OAuthClient):
        super().__init__(client.id)
        self.client = client


class Stale(refusals.Stale):
    """Somebody else changed the client since it was looked at; `client` is what it is now."""

    def __init__(self, client: OAuthClient):
        super().__init__("This client was changed meanwhile. Look at it as it is now, then decide.")
        self.client = client


class Deleted(refusals.Missing):
    """The client is deleted, or never was in this organisation."""

    def __init__(self) -> None:
        super().__init__(MISSING)
