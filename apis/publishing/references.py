"""Whether the policies and certificates that a definition names are its organisation's own.

A policy needs its API, so a definition may name one that is yet to come: gateways are given another name in its place
(apis.definitions.rules.policies) until it has. A certificate needs nothing and comes first.
"""

import re
from collections.abc import Collection

from apis.definitions.pointer import Problem, pointer, walk
from apis.definitions.rules.members import NONE_OWN, NOT_OWN
from orgs import declarations

# An organisation's id and a fingerprint.
_CERTIFICATE = re.compile("[0-9a-f]{88}")


def policy_ids(org_id: str, ids: Collection[str]) -> dict[str, str]:
    """{ID: database id} of those which a policy of the organisation has; one of another's is like one that is not
    there."""
    if not ids:
        return {}
    return dict(
        item for known in declarations.functions("own_policies") for item in known(org_id, ids).items()
    )


def strange_certificates(definition: dict, org_id: str, present: dict | None = None) -> list[Problem]:
    """A Problem for each certificate that is unknown or another organisation's, whoever asks, in the words in which
    rules refuse another organisation's. A gateway of 3.0 lets any client in where one on the list is missing. present:
    the definition that is stored; what it names may stay, for a certificate may have gone since."""
    named = _certificates(definition)
    there = {id for _, id in _certificates(present)} if named and present else set()
    asked = [(place, id) for place, id in named if id not in there]
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
