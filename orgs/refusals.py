"""Why a change was not made, in the terms of whoever asked for it; nothing was stored. What each is in HTTP says
orgs.http.refusals.

An app's own refusals are kinds of these.
"""


class Refusal(Exception):
    """The message is for a person who asked."""

    def for_machines(self) -> str:
        """The same for a machine, which may know what it asked about by another name."""
        return str(self)


class Invalid(Refusal):
    """What was asked for is not as it has to be. field: the one at fault, "" where it is no single one; message: what
    is wrong, to be read beside it."""

    def __init__(self, message: str, field: str = ""):
        super().__init__(f"{field}: {message}" if field else message)
        self.field = field
        self.message = message


class NotAllowed(Refusal):
    """A rule of the house, or a lack of rights, is against it."""


class LimitReached(Refusal):
    """An organisation has as many as it may have; the message names the limit."""


class Missing(Refusal):
    """What was to be changed is not there, or not any more."""


class Stale(Refusal):
    """Somebody else has changed it since it was looked at."""


class Unseen(Refusal):
    """It would undo what somebody else has done, and whoever asks does not say what he saw."""


class Taken(Refusal):
    """What it would make is there already, or has its name."""


class InUse(Refusal):
    """Others need it as long as they are there."""
