"""How much one organisation may have, so that it does not starve the gateways it shares with others. Pure.

Super-users change the limits of each organisation. The defaults are far above what organisations have (500 APIs may
have 8 kB each), and 50 organisations at their limits should stay bearable: 50 x 4 MB make a feed of 200 MB, for which
a process that is alone would take some 3 s (0.5 s were measured for 33 MB), of the 30 s that a gateway waits.
"""

from dataclasses import dataclass

from orgs.refusals import LimitReached


@dataclass(frozen=True)
class Limit:
    default: int
    what: str


LIMITS = {
    "max_apis": Limit(1_000, "APIs"),
    "max_definition_bytes": Limit(1_000_000, "bytes in one API definition"),
    "max_definitions_bytes": Limit(4_000_000, "bytes in all API definitions together"),
    "max_keys": Limit(100_000, "keys that are not revoked"),
    "max_people": Limit(1_000, "people"),
    "max_policies": Limit(1_000, "policies"),
    "max_policies_bytes": Limit(2_000_000, "bytes in all policies together"),
}


def refuse_more(organisation: object, name: str, wanted: int) -> None:
    """Raises LimitReached if `organisation` (a locked row, so that two cannot both be the last) may not have `wanted`
    of what LIMITS calls `name`."""
    limit = getattr(organisation, name)
    if wanted > limit:
        raise LimitReached(
            f"This organisation may have {limit:,} {LIMITS[name].what} at most (the limit {name}). "
            "Super-users can raise it."
        )
