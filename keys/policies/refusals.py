"""Why a policy was not stored: kinds of orgs.refusals."""

from collections.abc import Sequence

from apis.definitions.pointer import Problem, summary
from keys.models import Policy
from orgs import refusals

MOST_SAID = 5


class Invalid(refusals.Invalid):
    """The document is no policy that gateways could be given. problems: in the author's words."""

    def __init__(self, problems: list[Problem]):
        super().__init__("; ".join(summary(problems, MOST_SAID)))
        self.problems = problems


class Taken(refusals.Taken):
    """The id is somebody's already; nothing is said of whose."""

    def __init__(self, pointers: Sequence[str]) -> None:
        """pointers: to which of several policies it is; one that is alone has an empty one."""
        self.problems = [Problem(pointer, "There is a policy with this ID already.") for pointer in pointers]
        super().__init__(" ".join(summary(self.problems, MOST_SAID)))


class AlreadyMade(refusals.Taken):
    """The form was sent before; `policy` is what it made."""

    def __init__(self, policy: Policy):
        super().__init__(policy.id)
        self.policy = policy


class Stale(refusals.Stale):
    """Somebody else changed the policy since it was looked at; `policy` is what it is now."""

    def __init__(self, policy: Policy):
        super().__init__(f"revision {policy.revision} was stored meanwhile")
        self.policy = policy


class Deleted(refusals.Missing):
    """Somebody deleted the policy meanwhile, or it never was in this organisation."""

    def __init__(self) -> None:
        super().__init__("Policy not found")


class UsedByClients(refusals.InUse):
    """OAuth clients give tokens by it."""

    def __init__(self, number: int):
        what = "1 OAuth client has" if number == 1 else f"{number:,} OAuth clients have"
        super().__init__(f"{what} this policy. Give them another, or delete them, first.")
