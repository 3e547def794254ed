"""Whether the policies that a definition names are its organisation's own. Gateways ask it too, with each token; but a
name that is refused here is not a mistake that somebody finds when his callers are."""

from apis.definitions import kinds
from apis.definitions.pointer import Problem
from orgs import declarations


def strange_policies(definition: dict, org_id: str, present: dict | None = None) -> list[Problem]:
    """A Problem for each name of a policy that is unknown or another organisation's, in the same words. present: the
    definition that is stored; what it names may stay, for a policy may have gone since."""
    there = {id for _, id in kinds.policies(present)} if present else set()
    asked = [(pointer, id) for pointer, id in kinds.policies(definition) if id not in there]
    if not asked:
        return []
    ids = {id for _, id in asked}
    own = {id for known in declarations.functions("own_policies") for id in known(org_id, ids)}
    return [Problem(pointer, no_such_policy(id)) for pointer, id in asked if id not in own]


def no_such_policy(id: str) -> str:
    """What is said of a policy that does not exist and of another organisation's: the difference would tell."""
    return f"There is no policy {id!r} in this organisation."
