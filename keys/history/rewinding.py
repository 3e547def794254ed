"""What a key was, out of what it is and what the audit log noted of each change. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

# What of a key decides what gateways do; the log has digests of some of the rest.
DECIDING = (
    *("expires", "rate", "per", "quota_max", "quota_renewal_rate"),
    *("apis", "policies", "suspended", "revoked"),
)


def rewound(
    facts: Mapping[str, Any], changes: Iterable[Mapping[str, list[Any]]]
) -> tuple[dict[str, Any], bool]:
    """The deciding facts before these changes, {member: [before, after]}, the newest first; and whether each of them
    led to what was found after it."""
    found, whole = {name: facts[name] for name in DECIDING}, True
    for change in changes:
        for name, (before, after) in change.items():
            if name in found:
                whole = whole and found[name] == after
                found[name] = before
    return found, whole
