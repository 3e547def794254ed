"""Whether the policies and certificates that a definition names are its organisation's own. Gateways ask for policies
too, with each token; but a name that is refused here is not a mistake that somebody finds when his callers are."""

import re

from apis.definitions import kinds
from apis.definitions.pointer import Problem, pointer, walk
from apis.definitions.rules.members import NONE_OWN, NOT_OWN
from orgs import declarations

# An organisation's id and a fingerprint.
_CERTIFICATE = re.compile("[0-9a-f]{88}")


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


def strange_certificates(definition: dict, org_id: str, present: dict | None = None) -> list[Problem]:
    """A Problem for each certificate that is unknown or another organisation's, whoever asks, in the words in which
    rules refuse another organisation's. A gateway of 3.0 lets any client in where one on the list is missing. present:
    as above."""
    there = {id for _, id in _certificates(present)} if present else set()
    asked = [(place, id) for place, id in _certificates(definition) if id not in there]
    ids = {id for _, id in asked}
    own = (
        {id for known in declarations.functions("own_certificates") for id in known(org_id, ids)}
        if ids
        else set()
    )
    return [
        Problem(place, NONE_OWN if place.startswith("/pinned_public_keys/") else NOT_OWN)
        for place, id in asked
        if id not in own
    ]


def _certificates(definition: dict) -> list[tuple[str, str]]:
    """(JSON pointer, ID) of each: such an ID, of 88 digits, means nothing else wherever it stands."""
    texts = ((path, value) for path, _, value in walk(definition) if isinstance(value, str))
    return [
        (pointer(path), part.strip())
        for path, value in texts
        for part in value.split(",")
        if _CERTIFICATE.fullmatch(part.strip())
    ]
