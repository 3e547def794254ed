"""What an API's row repeats of its definition, so that nobody has to read that. Pure."""

from typing import Any

from apis.definitions import kinds
from apis.definitions.listen_path import claimed_domain, head

LONGEST_TARGET = 2_000  # characters that lists show


def columns(definition: dict) -> dict[str, Any]:
    """{column of ApiDefinition: value} of a definition in normal form."""
    # Derived once: what is asked of it says the same as the definition itself.
    classic = kinds.as_classic(definition)
    names, where, targets = kinds.names(definition), kinds.address(classic), kinds.targets(classic)
    return {
        "api_id": names.api_id,
        "name": names.name,
        "active": kinds.is_active(definition),
        "domain": where.domain,
        "listen_path": where.path,
        "listen_port": where.port,
        "claimed_domain": claimed_domain(where.domain),
        "path_head": head(where.path),
        "versions": kinds.versions(definition),
        "auth": kinds.auth(classic),
        "target_url": targets.url[:LONGEST_TARGET],
        "calls": targets.apis,
        "policies": sorted({id for _, id in kinds.policies(classic)}),
        "kind": kinds.kind(definition),
        "categories": kinds.categories(definition),
    }
