"""Why nothing was done with a certificate: kinds of orgs.refusals."""

from orgs import refusals

MISSING = "Certificate with given SHA256 fingerprint not found"  # Tyk's words


class Taken(refusals.Taken):
    """The organisation has it already. id: by which gateways know it."""

    def __init__(self, id: str):
        super().__init__(f"Certificate with {id} id already exists")
        self.id = id


class Deleted(refusals.Missing):
    """It is deleted, or never was in this organisation."""

    def __init__(self) -> None:
        super().__init__(MISSING)


class InUse(refusals.InUse):
    """A gateway of 3.0 lets any certificate in where one on the list is not there: what is in use stays. A key that
    names one would let nobody in."""

    def __init__(self, users: str, *, keys: bool):
        """keys: whether keys are among its users."""
        instead = ", or revoke the key," if keys else ""
        super().__init__(f"This certificate is in use by {users}. Take it out there{instead} first.")
